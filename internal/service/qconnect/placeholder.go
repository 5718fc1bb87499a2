package qconnect

import (
	"slices"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
)

// maxAttributes is how many bytes a contact's attributes may have together, see
// https://docs.aws.amazon.com/connect/latest/APIReference/API_UpdateContactAttributes.html.
// A content names one more than once, so the limit bounds what a reply can grow to.
const maxAttributes = 32_768

// namespace stands before the name of a contact's attribute in a placeholder.
const namespace = "Attributes."

// checkAttributes refuses attributes that no contact can have. The refusal does not
// repeat them: they tell about a customer.
func checkAttributes(attributes map[string]string) error {
	size := 0
	for name, value := range attributes {
		size += len(name) + len(value)
	}
	if size > maxAttributes {
		return fault.New(fault.Invalid, "Attributes have %d bytes, expected at most %d", size, maxAttributes)
	}
	return nil
}

// filled is a content with its placeholders filled in.
type filled struct {
	text string
	// The names of attributes that the content asks for, each once, in the order in
	// which they first stand there: those that had a value, and those that had none.
	with, without []string
}

// fill puts a contact's attributes in the place of their placeholders:
//
//	{{Attributes.Name}}  {{ Attributes.Name }}  {{{Attributes.Name}}}  {{Attributes.[the name]}}
//
// That is the form of
// https://docs.aws.amazon.com/connect/latest/adminguide/add-attributes.html, and what
// else Handlebars takes for the same. Everything that is not one stays as it is, and
// so does a placeholder of an attribute without a value. A value is put in as it is
// and never looked into for placeholders.
func fill(content string, attributes map[string]string) filled {
	f := filled{text: content}
	var out strings.Builder
	rest := content
	for {
		p, ok := nextPlaceholder(rest)
		if !ok {
			break
		}
		out.WriteString(rest[:p.from])
		value, known := attributes[p.name]
		if !known {
			value, known = attributes[namespace+p.name]
		}
		if known {
			out.WriteString(value)
			f.with = appendNew(f.with, p.name)
		} else {
			out.WriteString(rest[p.from:p.to])
			f.without = appendNew(f.without, p.name)
		}
		rest = rest[p.to:]
	}
	if f.with != nil {
		out.WriteString(rest)
		f.text = out.String()
	}
	return f
}

func appendNew(names []string, name string) []string {
	if slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

// placeholder is where one stands in a text, and the attribute that it is for.
type placeholder struct {
	from, to int
	name     string
}

// nextPlaceholder finds the first placeholder of a text.
func nextPlaceholder(text string) (placeholder, bool) {
	for at := 0; ; {
		end := strings.Index(text[at:], "}}")
		if end < 0 {
			return placeholder{}, false
		}
		end += at
		// The innermost braces count, so that open ones before it hide nothing.
		if open := strings.LastIndex(text[at:end], "{{"); open >= 0 {
			p := placeholder{from: at + open, to: end + len("}}")}
			if p.name = attributeName(text[p.from+len("{{") : end]); p.name != "" {
				return p.widened(text, at), true
			}
		}
		at = end + len("}}")
	}
}

// widened takes in a third brace on both sides, down to where the text before ends.
func (p placeholder) widened(text string, since int) placeholder {
	if p.from > since && text[p.from-1] == '{' && strings.HasPrefix(text[p.to:], "}") {
		p.from--
		p.to++
	}
	return p
}

// attributeName returns the attribute that is named between braces, empty if none is.
func attributeName(text string) string {
	name, ok := strings.CutPrefix(strings.TrimSpace(text), namespace)
	if !ok {
		return ""
	}
	if inside, ok := strings.CutPrefix(name, "["); ok && strings.HasSuffix(inside, "]") {
		return strings.TrimSuffix(inside, "]")
	}
	return name
}
