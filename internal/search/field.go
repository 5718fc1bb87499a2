package search

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
)

// queried is a field whose tokens are searched.
type queried struct {
	name   string
	weight int // in a score
	text   func(d *Document) string
}

// queriedFields have the weights in the order that Connect's own agent workspace has,
// see https://docs.aws.amazon.com/connect/latest/adminguide/enable-qr-search.html, each
// more than all below it.
var queriedFields = []queried{
	{"shortcutKey", 8, func(d *Document) string { return d.ShortcutKey }},
	{"name", 4, func(d *Document) string { return d.Name }},
	{"content", 2, func(d *Document) string { return d.Content }},
	{"description", 1, func(d *Document) string { return d.Description }},
}

// field is one that documents are filtered and ordered by. As texts its values
// compare, and begin with each other, as they should.
type field struct {
	name string
	// texts appends what a document has in the field, nothing if it has nothing.
	texts func(to []string, d *Document) []string
	// read gives a value to be equal to the form of texts; nil folds its case.
	read func(value string) (string, error)
	// exact says that capital and small letters differ.
	exact bool
}

// fields are as listed, by name, on
// https://docs.aws.amazon.com/connect/latest/APIReference/API_amazon-q-connect_QuickResponseFilterField.html
var fields = []field{
	{name: "name", texts: func(to []string, d *Document) []string { return given(to, d.Name) }},
	{name: "description", texts: func(to []string, d *Document) []string { return given(to, d.Description) }},
	{name: "shortcutKey", texts: func(to []string, d *Document) []string { return given(to, d.ShortcutKey) }},
	{name: "isActive", read: readBool, texts: func(to []string, d *Document) []string {
		return append(to, strconv.FormatBool(d.Active))
	}},
	{name: "channels", texts: func(to []string, d *Document) []string { return append(to, d.Channels...) }},
	{name: "language", texts: func(to []string, d *Document) []string { return given(to, d.Language) }},
	{name: "contentType", texts: func(to []string, d *Document) []string { return given(to, d.ContentType) }},
	{name: "createdTime", read: readTime, texts: func(to []string, d *Document) []string {
		return append(to, d.Created.UTC().Format(timeForm))
	}},
	{name: "lastModifiedTime", read: readTime, texts: func(to []string, d *Document) []string {
		return append(to, d.Updated.UTC().Format(timeForm))
	}},
	{name: "lastModifiedBy", texts: func(to []string, d *Document) []string { return append(to, d.UpdatedBy) }},
	{name: "groupingConfiguration.criteria", exact: true, texts: func(to []string, d *Document) []string { return given(to, d.GroupingCriteria) }},
	{name: "groupingConfiguration.values", exact: true, texts: func(to []string, d *Document) []string { return append(to, d.GroupingValues...) }},
}

// given appends a text unless it is empty, which is how a document has none.
func given(to []string, text string) []string {
	if text == "" {
		return to
	}
	return append(to, text)
}

// compared returns a text of the field as it is compared.
func (f *field) compared(text string) string {
	if f.exact {
		return text
	}
	return casefold(text)
}

// fieldNamed finds the field that a filter or an order, which is what, names.
func fieldNamed(what, name string) (*field, error) {
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
	if i < 0 {
		return nil, unknownField(what, name, fields, func(f field) string { return f.name })
	}
	return &fields[i], nil
}

// queriedNamed finds the field that a query names.
func queriedNamed(name string) (*queried, error) {
	i := slices.IndexFunc(queriedFields, func(q queried) bool { return q.name == name })
	if i < 0 {
		return nil, unknownField("Query", name, queriedFields, func(q queried) string { return q.name })
	}
	return &queriedFields[i], nil
}

func unknownField[F any](what, name string, known []F, nameOf func(F) string) error {
	names := make([]string, len(known))
	for i, f := range known {
		names[i] = nameOf(f)
	}
	last := len(names) - 1
	return fault.New(fault.Invalid, "%s field %q is invalid, expected one of %s or %s",
		what, name, strings.Join(names[:last], ", "), names[last])
}

// timeForm is a time as text: in the precision of replies, and of one length, so that
// texts sort as times do.
const timeForm = "2006-01-02T15:04:05.000Z"

// readTime reads a time as people write it, RFC 3339, or as replies have it, in
// seconds since 1970.
func readTime(value string) (string, error) {
	t, err := time.Parse(time.RFC3339Nano, strings.ToUpper(value))
	if err != nil {
		seconds, err := strconv.ParseFloat(value, 64)
		if err != nil || strings.Trim(value, "0123456789.eE+-") != "" || !(seconds >= 0 && seconds < 1<<37) { // NaN fails both; year 6325
			return "", fault.New(fault.Invalid, "Time %q is invalid, expected RFC 3339 or seconds since 1970", value)
		}
		t = time.UnixMilli(int64(seconds*1000 + 0.5))
	}
	return casefold(t.UTC().Format(timeForm)), nil
}

func readBool(value string) (string, error) {
	if value = casefold(value); value != "true" && value != "false" {
		return "", fault.New(fault.Invalid, "Value %q of filter field isActive is invalid, expected true or false", value)
	}
	return value, nil
}
