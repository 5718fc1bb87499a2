package pgstore

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// keys are in order of their bytes.
var keys = []string{
	"", "\x00", "\x00\x00", "\x00a", "\x01", "\x01\x00", "\x01\x01", "\x02", "a", "a\x00", "a\x00b", "a\x01", "a\x01b",
	"aa", "b@example.com", "é", "\uD7FF", "\uE000", "\uFFFD", "\U0010FFFE", "\U0010FFFF", "\U0010FFFFa", "\U0010FFFF\U0010FFFF",
	"\xf5", "\xff", "\xffz", "\xff\xff",
}

func TestKeysKeepTheirOrder(t *testing.T) {
	t.Parallel()
	var all []string
	for _, key := range keys {
		text := keyText(key)
		if !utf8.ValidString(text) || strings.Contains(text, "\x00") {
			t.Errorf("keyText(%q) = %q, which is no text", key, text)
		}
		if back := textKey(text); back != key {
			t.Errorf("textKey(keyText(%q)) = %q", key, back)
		}
		all = append(all, text)
	}
	if !slices.IsSorted(all) {
		t.Errorf("texts are not in the order of keys: %q", all)
	}
}

func TestAfterPrefix(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{
		"": "", "a": "b", "ab@": "abA", "a\x7f": "a\u0080", "é": "ê", "\uD7FF": "\uE000",
		"a\U0010FFFF": "b", "\U0010FFFF\U0010FFFF": "",
	} {
		if end, ok := afterPrefix(prefix); end != want || ok != (want != "") {
			t.Errorf("afterPrefix(%q) = %q, %t; want %q", prefix, end, ok, want)
		}
	}
}

func FuzzKeyText(f *testing.F) {
	for _, key := range keys {
		f.Add(key, "a")
	}
	f.Fuzz(func(t *testing.T, key, other string) {
		text := keyText(key)
		if !utf8.ValidString(text) || strings.Contains(text, "\x00") {
			t.Fatalf("keyText(%q) = %q, which is no text", key, text)
		}
		if back := textKey(text); back != key {
			t.Fatalf("textKey(keyText(%q)) = %q", key, back)
		}
		if string(appendKeyText(nil, []byte(key))) != text {
			t.Fatalf("appendKeyText(%q) is not keyText", key)
		}
		if utf8.ValidString(key) && utf8.ValidString(other) && (key < other) != (text < keyText(other)) {
			t.Fatalf("%q and %q have another order as texts", key, other)
		}
		if end, ok := afterPrefix(text); ok && (!utf8.ValidString(end) || end <= text || strings.HasPrefix(end, text)) {
			t.Fatalf("afterPrefix(%q) = %q", text, end)
		}
	})
}
