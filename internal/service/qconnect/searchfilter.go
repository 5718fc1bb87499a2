package qconnect

import (
	"slices"
	"strings"

	api "github.com/sluicehq/sluice/internal/api/qconnect"
	"github.com/sluicehq/sluice/internal/fault"
)

// filter lets a response through that has one of some values in a field.
type filter struct {
	field  *field
	prefix bool // or one that begins with one of them
	absent bool // or nothing in the field
	values []string
}

func newFilter(f *api.QuickResponseFilterField) (filter, error) {
	named, err := fieldNamed("Filter", f.Name)
	if err != nil {
		return filter{}, err
	}
	made := filter{
		field:  named,
		prefix: f.Operator == api.QuickResponseFilterOperatorPrefix,
		absent: f.IncludeNoExistence != nil && *f.IncludeNoExistence,
	}
	if len(f.Values) == 0 && !made.absent {
		return filter{}, fault.New(fault.Invalid, "Filter on %s is invalid, expected values or includeNoExistence", f.Name)
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

// passes tells whether the filter lets a response through. texts is room to work in,
// which is returned as it has grown.
func (f *filter) passes(r *response, modifier string, texts []string) (bool, []string) {
	texts = f.field.texts(texts[:0], r, modifier)
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
