package search

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/testenv"
)

func TestCasefold(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{"Refund-Policy 9", "REFUND-policy 9"},
		{"ÄRGER", "ärger", "a\u0308rger"},
		{"ΟΔΟΣ", "οδος", "οδοσ"},
		{"Straße", "STRASSE"},
		{"МОСКВА", "москва"},
		{"ﾃｽﾄ", "テスト"},
		{"ＡＢＣ１", "abc1"},
		{"Kelvin", "\u212Aelvin"},
	} {
		for _, text := range same {
			if got, want := casefold(text), casefold(same[0]); got != want {
				t.Errorf("casefold(%q): %q, want %q as of %q", text, got, want, same[0])
			}
		}
	}
	if casefold("cafe") == casefold("café") {
		t.Error("an accent does not count, want it to")
	}
}

func TestAppendTokens(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                     nil,
		" ,.! ":                nil,
		"refund":               {"refund"},
		"/re-fund_1 (policy)!": {"re", "fund", "1", "policy"},
		"grüße aus köln":       {"grüße", "aus", "köln"},
		"b\u0301ox":            {"b\u0301ox"}, // no single character for it
		"返品する":                 {"返", "品", "す", "る"},
		"返品policyは":            {"返", "品", "policy", "は"},
		"환불 정책":                {"환불", "정책"},
		"ก็ดี":                 {"ก็", "ดี"},
		"🙂 ++":                 nil,
		"\u0301x":              {"x"}, // an accent on nothing
	} {
		if got := appendTokens(nil, text); !slices.Equal(got, want) {
			t.Errorf("appendTokens(%q): %q, want %q", text, got, want)
		}
	}
}

func TestWithinEdits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		token, other string
		want         bool
	}{
		{"refund", "refund", true},
		{"refnd", "refund", true},    // one missing
		{"reffund", "refund", true},  // one too much
		{"refumd", "refund", true},   // one for another
		{"erfund", "refund", true},   // changed over
		{"refnudd", "refund", true},  // two edits of a long token
		{"rfnd", "refund", false},    // two edits of a short one
		{"refndus", "refund", false}, // three
		{"hi", "ho", false},          // too short
		{"cat", "cut", true},         // long enough for one
		{"cat", "catch", false},      // a beginning is no edit
		{"größe", "grösse", false},   // unfolded
		{"qrüße", "grüße", true},     // characters, not bytes
		{"環境変数名", "環境変数", true},      // the same
		{"x", strings.Repeat("x", 300), false},
		{strings.Repeat("x", maxFuzzy), strings.Repeat("x", maxFuzzy-1) + "y", true},
		{strings.Repeat("x", maxFuzzy+1), strings.Repeat("x", maxFuzzy) + "y", false}, // too long
	} {
		if got := withinEdits(tt.token, tt.other); got != tt.want {
			t.Errorf("withinEdits(%q, %q): %v, want %v", tt.token, tt.other, got, tt.want)
		}
	}
}

// TestWithinEdits_Random makes edits of one kind at random, as many as a token may have.
func TestWithinEdits_Random(t *testing.T) {
	t.Parallel()
	letters := []rune("abcdefgxyzßäéñøпрстжюя環境変数")
	random := testenv.Rand(t)
	for range 5000 {
		token := make([]rune, 3+random.IntN(10))
		for i := range token {
			token[i] = letters[random.IntN(len(letters))]
		}
		other, kind := slices.Clone(token), random.IntN(4)
		for range maxEdits(len(token)) {
			i, r := random.IntN(len(other)-1), letters[random.IntN(len(letters))]
			switch kind {
			case 0:
				other[i] = r
			case 1:
				other = slices.Insert(other, i, r)
			case 2:
				other = slices.Delete(other, i, i+1)
			case 3:
				other[i], other[i+1] = other[i+1], other[i]
			}
		}
		if !withinEdits(string(token), string(other)) {
			t.Errorf("withinEdits(%q, %q): false, want true", string(token), string(other))
		}
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("Refund-policy for ÄRGER, 返品する 🙂", "refnd")
	f.Add("a\u0301b\u200dc", "\xff\xfe")
	f.Fuzz(func(t *testing.T, text, other string) {
		text = casefold(text)
		rest := text
		for _, w := range appendTokens(nil, text) {
			i := strings.Index(rest, w)
			if i < 0 || w == "" {
				t.Fatalf("token %q of %q is not where it should be", w, text)
			}
			if gap := rest[:i]; len(appendTokens(nil, gap)) > 0 && utf8.ValidString(text) {
				t.Fatalf("tokens were left out between: %q of %q", gap, text)
			}
			rest = rest[i+len(w):]
			if n := utf8.RuneCountInString(w); (n > 2 && n <= maxFuzzy) && !withinEdits(w, w) {
				t.Errorf("withinEdits(%q, %[1]q): false", w)
			}
			withinEdits(w, casefold(other))
			withinEdits(casefold(other), w)
		}
	})
}
