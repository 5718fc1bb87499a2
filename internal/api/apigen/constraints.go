package main

import (
	"fmt"
	"slices"
	"strings"
)

// constraints says what AWS's model asks of a field, as the comment behind it.
func (p *pkg) constraints(f field) string {
	var parts []string
	if f.need {
		parts = append(parts, "required")
	}
	parts = append(parts, p.rules(f.of)...)
	if len(parts) == 0 {
		return ""
	}
	return " // " + strings.Join(parts, ", ")
}

// rules are the constraints of a shape, and of what it holds.
func (p *pkg) rules(s *shape) []string {
	switch s.Type {
	case "string":
		parts := count(s, "character")
		if s.Pattern != "" {
			parts = append(parts, "matches "+s.Pattern)
		}
		return parts
	case "integer":
		return count(s, "")
	case "list":
		parts := count(s, "element")
		return append(parts, each("each", p.rules(p.model.Shapes[s.Member.Shape]))...)
	case "map":
		parts := count(s, "entry")
		parts = append(parts, each("keys", p.rules(p.model.Shapes[s.Key.Shape]))...)
		return append(parts, each("values", p.rules(p.model.Shapes[s.Value.Shape]))...)
	}
	return nil
}

// each puts what the rules are about before the first of them.
func each(what string, rules []string) []string {
	if len(rules) > 0 {
		rules[0] = what + " " + rules[0]
	}
	return rules
}

// count is the range of a length or a number, of things of which the singular is given.
func count(s *shape, singular string) []string {
	lo, hi := s.Min, s.Max
	if lo != nil && *lo == 0 && singular != "" {
		lo = nil
	}
	switch {
	case lo == nil && hi == nil:
		return nil
	case lo == nil:
		return []string{fmt.Sprintf("at most %d%s", *hi, plural(singular, *hi))}
	case hi == nil:
		return []string{fmt.Sprintf("at least %d%s", *lo, plural(singular, *lo))}
	case *lo == *hi:
		return []string{fmt.Sprintf("exactly %d%s", *lo, plural(singular, *lo))}
	}
	return []string{fmt.Sprintf("%d to %d%s", *lo, *hi, plural(singular, *hi))}
}

func plural(singular string, n int64) string {
	switch {
	case singular == "":
		return ""
	case n == 1:
		return " " + singular
	case strings.HasSuffix(singular, "y"):
		return " " + strings.TrimSuffix(singular, "y") + "ies"
	}
	return " " + singular + "s"
}

// page is where AWS documents an operation.
func (p *pkg) page(operation string) string { return p.reference + operation + ".html" }

// comment is that of a structure: what it is the input or output of, or what holds it.
func (p *pkg) comment(s *structure) string {
	if op, ok := strings.CutSuffix(s.name, "Input"); ok && s.isIn {
		return fmt.Sprintf("// %s is the input of %s, see\n// %s", s.name, op, p.page(op))
	}
	if op, ok := strings.CutSuffix(s.name, "Output"); ok && s.isOut {
		return fmt.Sprintf("// %s is the output of %s, see\n// %s", s.name, op, p.page(op))
	}
	var holders []string
	for _, h := range p.sorted() {
		if slices.ContainsFunc(h.fields, func(f field) bool { return f.shape == s.name || refOf(f.of.Member) == s.name }) {
			holders = append(holders, h.name)
		}
	}
	text := fmt.Sprintf("%s is part of %s.", s.name, enumerate(holders))
	if s.from.Union {
		text += " Exactly one of its members is set."
	}
	return wrap(text)
}

// enumerate lists names, and counts those beyond the first few.
func enumerate(names []string) string {
	const most = 4
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most-1], ", "), len(names)-most+1)
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// wrap makes a comment of lines that are not too long.
func wrap(text string) string {
	var b strings.Builder
	length := 0
	for i, w := range strings.Fields(text) {
		switch {
		case i == 0:
			b.WriteString("// ")
		case length+1+len(w) > 90:
			b.WriteString("\n// ")
			length = 0
		default:
			b.WriteString(" ")
			length++
		}
		b.WriteString(w)
		length += len(w)
	}
	return b.String()
}
