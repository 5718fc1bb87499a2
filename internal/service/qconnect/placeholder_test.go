package qconnect

import (
	"reflect"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/fault"
)

func TestD102_Placeholders(t *testing.T) {
	t.Parallel()
	attributes := map[string]string{
		"Customer": "Ana", "first name": "Ana María", "Customer.FirstName": "Ann", "empty": "", "Attributes.Full": "yes",
		"again": "{{Attributes.Customer}}", "markup": `<b>"&`,
	}
	for _, tt := range []struct {
		content, want string
		with, without []string
	}{
		{"", "", nil, nil},
		{"Hello!", "Hello!", nil, nil},
		{"Dear {{Attributes.Customer}}, hello", "Dear Ana, hello", []string{"Customer"}, nil},
		{"{{ Attributes.Customer\t}}", "Ana", []string{"Customer"}, nil},
		{"{{{Attributes.Customer}}}", "Ana", []string{"Customer"}, nil},
		{"{{{ Attributes.Customer }}", "{Ana", []string{"Customer"}, nil},
		{"{{Attributes.Customer}}}", "Ana}", []string{"Customer"}, nil},
		{"{{{{Attributes.Customer}}}}", "{Ana}", []string{"Customer"}, nil},
		{"{{Attributes.first name}}", "Ana María", []string{"first name"}, nil},
		{"{{Attributes.[first name]}}", "Ana María", []string{"first name"}, nil},
		{"{{Attributes.Customer.FirstName}}", "Ann", []string{"Customer.FirstName"}, nil},
		{"{{Attributes.Full}}", "yes", []string{"Full"}, nil},
		{"a{{Attributes.empty}}b", "ab", []string{"empty"}, nil},
		{"{{Attributes.markup}}", `<b>"&`, []string{"markup"}, nil},

		// A value is not looked into.
		{"{{Attributes.again}}", "{{Attributes.Customer}}", []string{"again"}, nil},
		// Each name once, in order; what has no value stays.
		{
			"{{Attributes.no}} {{Attributes.Customer}} {{Attributes.nor}} {{Attributes.no}} {{Attributes.Customer}}",
			"{{Attributes.no}} Ana {{Attributes.nor}} {{Attributes.no}} Ana",
			[]string{"Customer"},
			[]string{"no", "nor"},
		},
		// The case of a name counts.
		{"{{Attributes.customer}}", "{{Attributes.customer}}", nil, []string{"customer"}},

		// What is no placeholder.
		{"{{Customer}} {{attributes.Customer}}", "{{Customer}} {{attributes.Customer}}", nil, nil},
		{"{{Attributes.}} {{Attributes.[]}} {{Attributes}} {{}}", "{{Attributes.}} {{Attributes.[]}} {{Attributes}} {{}}", nil, nil},
		{"$.Attributes.Customer", "$.Attributes.Customer", nil, nil},
		{"{Attributes.Customer} {{Attributes.Customer}", "{Attributes.Customer} {{Attributes.Customer}", nil, nil},
		{"}} {{Attributes.Customer", "}} {{Attributes.Customer", nil, nil},
		// Braces before one hide nothing.
		{"{{ and {{x}} {{ {{Attributes.Customer}}", "{{ and {{x}} {{ Ana", []string{"Customer"}, nil},
	} {
		want := filled{tt.want, tt.with, tt.without}
		if got := fill(tt.content, attributes); !reflect.DeepEqual(got, want) {
			t.Errorf("fill(%q): %+v, want %+v", tt.content, got, want)
		}
		if got := fill(tt.content, nil); got.text != tt.content || got.with != nil {
			t.Errorf("fill(%q) without attributes: %+v, want the same text", tt.content, got)
		}
	}
}

func TestD103_TooManyAttributes(t *testing.T) {
	t.Parallel()
	fits := map[string]string{"a": strings.Repeat("x", maxAttributes-3), "bb": ""}
	if err := checkAttributes(fits); err != nil {
		t.Errorf("attributes of %d bytes: %v", maxAttributes, err)
	}
	fits["bb"] = "!"
	refused(t, "attributes of a byte more", checkAttributes(fits), fault.Invalid, "at most 32768")
}

func FuzzFill(f *testing.F) {
	for _, content := range []string{
		"Dear {{Attributes.Customer}}", "{{{Attributes.[a b]}}}", "{{{{Attributes.a}} {{ Attributes.b }}}}", "{{}}{{Attributes.}}",
	} {
		f.Add(content, "Customer", "Ana")
	}
	f.Fuzz(func(t *testing.T, content, name, value string) {
		got := fill(content, map[string]string{name: value})
		if len(got.with) == 0 && got.text != content {
			t.Errorf("fill(%q, %q) put nothing in: %q", content, name, got.text)
		}
		if found := len(got.with) + len(got.without); found > strings.Count(content, namespace) {
			t.Errorf("fill(%q): %d placeholders found, more than can be", content, found)
		}
		for _, n := range got.with {
			if n != name && namespace+n != name {
				t.Errorf("fill(%q, %q) put in %q", content, name, n)
			}
		}
		if most := len(content) + strings.Count(content, namespace)*len(value); len(got.text) > most {
			t.Errorf("fill(%q): %d bytes, want at most %d", content, len(got.text), most)
		}
	})
}
