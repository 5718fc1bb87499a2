package search

import (
	"slices"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
)

// filter is a Filter that was checked.
type filter struct {
	field  *field
	prefix bool
	absent bool
	values []string
}

func newFilter(f *Filter) (filter, error) {
	named, err := fieldNamed("Filter", f.Field)
	if err != nil {
		return filter{}, err
	}
	made := filter{
		field:  named,
		prefix: f.Prefix,
		absent: f.OrAbsent,
	}
	if len(f.Values) == 0 && !made.absent {
		return filter{}, fault.New(fault.Invalid, "Filter on %s is invalid, expected values or includeNoExistence", f.Field)
	}
	for _, v := range f.Values {
		form := named.compared(v)
		// The beginning of a time or a truth value need not be one.
		if named.read != nil && !made.prefix {
			if form, err = named.read(v); err != nil {
				return filter{}, err
			}
		}
		made.values = append(made.values, form)
	}
	return made, nil
}

// passes reports whether the filter lets a document pass. It overwrites texts, and returns
// it as it has grown.
func (f *filter) passes(d *Document, texts []string) (bool, []string) {
	texts = f.field.texts(texts[:0], d)
	if len(texts) == 0 {
		return f.absent, texts
	}
	return slices.ContainsFunc(texts, f.has), texts
}

func (f *filter) has(text string) bool {
	text = f.field.compared(text)
	for _, v := range f.values {
		if text == v || f.prefix && strings.HasPrefix(text, v) {
			return true
		}
	}
	return false
}
