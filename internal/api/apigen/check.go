package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// check writes the constraints of all that an input can hold.
func (p *pkg) check() {
	p.limits()
	for _, s := range p.sorted() {
		switch {
		case s.isIn:
			p.f("// Check notes the constraints that the input breaks.\nfunc (x *%s) Check(c *wire.Checker) {\n", s.name)
			p.checks(s)
			p.f("}\n\n")
		case s.in && p.bound(s, nil):
			p.f("func (x *%s) check(c *wire.Checker) {\n", s.name)
			p.checks(s)
			p.f("}\n\n")
		}
	}
}

// limits writes one variable for each string shape with constraints, so that a
// pattern is compiled once.
func (p *pkg) limits() {
	used := map[string]bool{}
	for _, s := range p.sorted() {
		if !s.in {
			continue
		}
		for _, f := range s.fields {
			for _, name := range []string{f.shape, refOf(f.of.Member), refOf(f.of.Key), refOf(f.of.Value)} {
				if of := p.model.Shapes[name]; of != nil && p.text(name) != "nil" {
					used[name] = true
				}
			}
		}
	}
	p.f("var (\n")
	for _, name := range slices.Sorted(maps.Keys(used)) {
		p.f("text%s = wire.Text{%s}\n", name, textOf(p.model.Shapes[name]))
	}
	p.f(")\n\n")
}

func refOf(r *ref) string {
	if r == nil {
		return ""
	}
	return r.Shape
}

func textOf(s *shape) string {
	var parts []string
	if s.Min != nil && *s.Min > 0 {
		parts = append(parts, fmt.Sprintf("Min: %d", *s.Min))
	}
	if s.Max != nil {
		parts = append(parts, fmt.Sprintf("Max: %d", *s.Max))
	}
	if s.Pattern != "" {
		parts = append(parts, fmt.Sprintf("Pattern: wire.MustPattern(`%s`)", s.Pattern))
	}
	if s.Enum != nil {
		parts = append(parts, fmt.Sprintf("Enum: %#v", s.Enum))
	}
	return strings.Join(parts, ", ")
}

// text is the variable with a string shape's constraints, "nil" if it has none.
func (p *pkg) text(name string) string {
	s := p.model.Shapes[name]
	if s.Type != "string" || textOf(s) == "" {
		return "nil"
	}
	return "&text" + name
}

func size(s *shape) string {
	lo, hi := int64(0), int64(0)
	if s.Min != nil {
		lo = *s.Min
	}
	if s.Max != nil {
		hi = *s.Max
	}
	if lo == 0 && hi == 0 {
		return "wire.Size{}"
	}
	return fmt.Sprintf("wire.Size{Min: %d, Max: %d}", lo, hi)
}

func span(s *shape) string {
	lo, hi := "math.MinInt32", "math.MaxInt32"
	if s.Min != nil {
		lo = fmt.Sprint(*s.Min)
	}
	if s.Max != nil {
		hi = fmt.Sprint(*s.Max)
	}
	if *orZero(s.Min) < math.MinInt32 || *orZero(s.Max) > math.MaxInt32 {
		panic("a range beyond 32 bits")
	}
	return fmt.Sprintf("wire.Range{Min: %s, Max: %s}", lo, hi)
}

func orZero(n *int64) *int64 {
	if n == nil {
		return new(int64)
	}
	return n
}

// bound reports whether a structure, or one below it, has anything to check.
func (p *pkg) bound(s *structure, above []*structure) bool {
	if s.from.Union {
		return true
	}
	if slices.Contains(above, s) {
		return false
	}
	above = append(above, s)
	for _, f := range s.fields {
		switch f.of.Type {
		case "structure":
			if f.need || p.bound(p.structs[f.shape], above) {
				return true
			}
		case "list":
			of := p.structs[f.of.Member.Shape]
			if f.need || f.of.Max != nil || p.text(f.of.Member.Shape) != "nil" || of != nil && p.bound(of, above) {
				return true
			}
		case "map":
			return true
		case "string":
			if p.text(f.shape) != "nil" {
				return true
			}
		case "integer":
			if f.of.Min != nil || f.of.Max != nil {
				return true
			}
		}
	}
	return false
}

// method is the check of a structure below, "nil" if it has nothing to check.
func (p *pkg) method(name string) string {
	if s := p.structs[name]; s != nil && p.bound(s, nil) {
		return "(*" + name + ").check"
	}
	return "nil"
}

func (p *pkg) checks(s *structure) {
	if s.from.Union {
		p.f("c.One(")
		for _, f := range s.fields {
			p.f("x.%s != nil, ", f.goName)
		}
		p.f(")\n")
	}
	for _, f := range s.fields {
		p.checkField(f)
	}
}

func (p *pkg) checkField(f field) {
	opt := "Opt"
	if f.need {
		opt = ""
	}
	switch f.of.Type {
	case "structure":
		if check := p.method(f.shape); f.need || check != "nil" {
			p.f("wire.CheckStruct(c, %q, x.%s, %t, %s)\n", f.goName, f.goName, f.need, check)
		}
	case "list":
		p.checkList(f)
	case "map":
		p.f("c.Map(%q, x.%s, %t, %s, %s, %s)\n", f.goName, f.goName, f.need, size(f.of), p.text(f.of.Key.Shape), p.text(f.of.Value.Shape))
	case "string":
		switch t := p.text(f.shape); {
		case t == "nil":
		case f.of.Enum != nil && f.need:
			p.f("c.Text(%q, string(x.%s), %s)\n", f.goName, f.goName, t)
		case f.of.Enum != nil:
			p.f("c.OptEnum(%q, string(x.%s), %s)\n", f.goName, f.goName, t)
		default:
			p.f("c.%sText(%q, x.%s, %s)\n", opt, f.goName, f.goName, t)
		}
	case "integer":
		if f.of.Min != nil || f.of.Max != nil {
			p.f("c.%sInt(%q, x.%s, %s)\n", opt, f.goName, f.goName, span(f.of))
		}
	}
}

func (p *pkg) checkList(f field) {
	if p.structs[f.of.Member.Shape] != nil {
		if check := p.method(f.of.Member.Shape); f.need || check != "nil" || f.of.Max != nil {
			p.f("wire.CheckList(c, %q, x.%s, %t, %s, %s)\n", f.goName, f.goName, f.need, size(f.of), check)
		}
		return
	}
	if t := p.text(f.of.Member.Shape); f.need || t != "nil" || f.of.Max != nil {
		p.f("wire.CheckTexts(c, %q, x.%s, %t, %s, %s)\n", f.goName, f.goName, f.need, size(f.of), t)
	}
}
