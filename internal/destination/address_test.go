package destination

import (
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/record"
)

// check compares what a normaliser made of text with the wanted key, or with the
// wanted refusal's code if it begins with an exclamation mark.
func check(t *testing.T, f func(dst, text []byte) ([]byte, *record.Refusal), text, want string) {
	t.Helper()
	got, r := f([]byte("kept "), []byte(text))
	key, ok := strings.CutPrefix(string(got), "kept ")
	if !ok {
		t.Errorf("%q: dst became %q, want it kept", text, got)
	}
	if r != nil {
		if key != "" {
			t.Errorf("%q: refused with %q left in dst", text, key)
		}
		key = "!" + r.Code
	}
	if key != want {
		t.Errorf("%q: got %s, want %s", text, key, want)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	a64, l63 := strings.Repeat("a", 64), strings.Repeat("l", 63)
	d253 := strings.Repeat(l63+".", 3) + strings.Repeat("d", 61)
	for _, tt := range []struct{ text, want string }{
		{"a@b.c", "a@b.c"},
		{" \t\r\nJoe.Doe+tag@Sub.Example.COM\u0020", "Joe.Doe+tag@sub.example.com"},
		{"!#$%&'*+-/=?^_`{|}~@b.c", "!#$%&'*+-/=?^_`{|}~@b.c"},
		{"a@b.c.", "a@b.c"},
		{"a/b@b.c", "a/b@b.c"},
		{"1@2.c3", "1@2.c3"},
		{"a@1.2.3.d4", "a@1.2.3.d4"},
		{"a@xn--bcher-kva.de", "a@xn--bcher-kva.de"},
		{"a@Bücher.DE", "a@xn--bcher-kva.de"},
		{"a@bücher。de", "a@xn--bcher-kva.de"},
		{"a@bücher.de.", "a@xn--bcher-kva.de"},
		{`"john doe"@b.c`, `"john doe"@b.c`},
		{`"a@b\"\\"@B.c`, `"a@b\"\\"@b.c`},
		{`""@b.c`, `""@b.c`},
		{a64 + "@" + d253, a64 + "@" + d253},

		{"", "!no-address"},
		{" \t ", "!no-address"},
		{"a.b.c", "!no-at-sign"},
		{"@b.c", "!no-local-part"},
		{"a@", "!no-domain"},
		{"a@.", "!no-domain"},
		{"a@@b.c", "!two-at-signs"},
		{"a@b.c;d@e.f", "!two-at-signs"},
		{"a@b.c, d@e.f", "!two-at-signs"},
		{a64 + "a@b.c", "!local-part-too-long"},
		{".a@b.c", "!local-part-dot"},
		{"a.@b.c", "!local-part-dot"},
		{"a..b@b.c", "!local-part-dot"},
		{".@b.c", "!local-part-dot"},
		{"a b@b.c", "!local-part-character"},
		{"a\x00@b.c", "!local-part-character"},
		{"Joe <joe@b.c>", "!local-part-character"},
		{"a,b@b.c", "!local-part-character"},
		{"a\"b\"@b.c", "!local-part-character"},
		{"jörg@b.c", "!local-part-not-ascii"},
		{"\"jörg\"@b.c", "!local-part-not-ascii"},
		{`"a@b.c`, "!local-part-quotes"},
		{`"@b.c`, "!local-part-quotes"},
		{`"a"b"@b.c`, "!local-part-quotes"},
		{`"a\"@b.c`, "!local-part-quotes"},
		{"\"a\n\"@b.c", "!local-part-quotes"},
		{"a@" + d253 + "d", "!domain-too-long"},
		{"a@b..c", "!domain-label"},
		{"a@.b.c", "!domain-label"},
		{"a@b.c..", "!domain-label"},
		{"a@" + l63 + "l.c", "!domain-label"},
		{"a@-b.c", "!domain-hyphen"},
		{"a@b-.c", "!domain-hyphen"},
		{"a@b.c-", "!domain-hyphen"},
		{"a@b_c.d", "!domain-character"},
		{"a@b c.d", "!domain-character"},
		{"a@*.b.c", "!domain-character"},
		{"a@b.c>", "!domain-character"},
		{"a@localhost", "!domain-one-level"},
		{"a@127.0.0.1", "!domain-numeric"},
		{"a@b.12", "!domain-numeric"},
		{"a@[127.0.0.1]", "!domain-literal"},
		{"a@bü_cher.de", "!domain-not-idna"},
		{"a@bü\xff.de", "!domain-not-idna"},
		{"a@bücher", "!domain-one-level"},
		{"a@ü" + strings.Repeat("x", 70) + ".de", "!domain-label"},
		{"a@b\ufffd.de", "!domain-not-idna"},
	} {
		check(t, Address, tt.text, tt.want)
	}
}

func TestListEntry(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"User1@Example.com", "User1@example.com"},
		{" example.COM. ", "example.com"},
		{"Bücher.de", "xn--bcher-kva.de"},
		{"@example.net", "example.net"},
		{"*@d.com", "*@d.com"},
		{"123*@d.com", "123*@d.com"},
		{"*123@d.com", "*123@d.com"},
		{"a*bc@d.com", "a*bc@d.com"},
		{"1234567890123456789*@d.com", "1234567890123456789*@d.com"},
		{"user2@*.Example.com", "user2@*.example.com"},
		{"*.Domain.com", "*.domain.com"},
		{"@*.domain.com", "*.domain.com"},
		{"*.Bücher.de", "*.xn--bcher-kva.de"},
		{"*.1.2.3.4.5.6.7.8.com", "*.1.2.3.4.5.6.7.8.com"},
		{"a.b", "a.b"},
		{strings.Repeat("a", 64) + "@b.c", strings.Repeat("a", 64) + "@b.c"},

		{"", "!no-address"},
		{" ", "!no-address"},
		{"ab", "!bad-length"},
		{strings.Repeat("a", 317) + "@b.c", "!bad-length"},
		{"*@*.example.com", "!two-stars"},
		{"**@example.com", "!two-stars"},
		{"1*@d.com", "!star-local-part"},
		{"12*@d.com", "!star-local-part"},
		{"12345678901234567890*@d.com", "!star-local-part"},
		{"a@*example.com", "!star-domain"},
		{"a@example.*", "!star-domain"},
		{"a@b.*.com", "!star-domain"},
		{"*example.com", "!star-domain"},
		{"***", "!two-stars"},
		{"*.com", "!star-levels"},
		{"a@*.com", "!star-levels"},
		{"*.1.2.3.4.5.6.7.8.9.com", "!star-levels"},
		{"*..com", "!domain-label"},
		{"address", "!domain-one-level"},
		{"a..b@example.com", "!local-part-dot"},
		{"..*@example.com", "!star-local-part"},
		{".12*@example.com", "!local-part-dot"},
		{"a@b@c.d", "!two-at-signs"},
		{"a@localhost", "!domain-one-level"},
		{"jörg@b.c", "!local-part-not-ascii"},
	} {
		check(t, ListEntry, tt.text, tt.want)
	}
}

// FuzzNormalFormIsStable: what a normaliser returns, it returns unchanged when asked
// again, so a member has one key however it is written.
func FuzzNormalFormIsStable(f *testing.F) {
	f.Add([]byte("a@B.c."))
	f.Add([]byte("@*.Bücher.de"))
	f.Add([]byte(`"a\"b"@[1.2.3.4]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, normal := range []func(dst, text []byte) ([]byte, *record.Refusal){Address, ListEntry} {
			key, r := normal(nil, text)
			if r != nil {
				continue
			}
			again, r := normal(nil, key)
			if r != nil || string(again) != string(key) {
				t.Errorf("%q became %q, which became %q (%v)", text, key, again, r)
			}
		}
	})
}

func TestStartsList(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]bool{
		"a@b.c": true, "example.com": true, "*.x": true, "bad@": true, "1*@d.com": true,
		"email": false, "E-Mail": false, "email address": false, "": false, "addresses": false,
	} {
		if got := startsList([]byte(cell)); got != want {
			t.Errorf("startsList(%q) = %t, want %t", cell, got, want)
		}
	}
}
