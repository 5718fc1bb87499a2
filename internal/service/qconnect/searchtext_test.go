package qconnect

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/testenv"
)

func TestFold(t *testing.T) {
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
			if got, want := fold(text), fold(same[0]); got != want {
				t.Errorf("fold(%q): %q, want %q as of %q", text, got, want, same[0])
			}
		}
	}
	if fold("cafe") == fold("café") {
		t.Error("an accent does not count, want it to")
	}
}

func TestAppendWords(t *testing.T) {
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
		if got := appendWords(nil, text); !slices.Equal(got, want) {
			t.Errorf("appendWords(%q): %q, want %q", text, got, want)
		}
	}
}

func TestNear(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		word, other string
		want        bool
	}{
		{"refund", "refund", true},
		{"refnd", "refund", true},    // one missing
		{"reffund", "refund", true},  // one too much
		{"refumd", "refund", true},   // one for another
		{"erfund", "refund", true},   // changed over
		{"refnudd", "refund", true},  // two slips of a long word
		{"rfnd", "refund", false},    // two slips of a short one
		{"refndus", "refund", false}, // three
		{"hi", "ho", false},          // too short
		{"cat", "cut", true},         // long enough for one
		{"cat", "catch", false},      // a beginning is no slip
		{"größe", "grösse", false},   // unfolded
		{"qrüße", "grüße", true},     // characters, not bytes
		{"環境変数名", "環境変数", true},      // the same
		{"x", strings.Repeat("x", 300), false},
		{strings.Repeat("x", maxNear), strings.Repeat("x", maxNear-1) + "y", true},
		{strings.Repeat("x", maxNear+1), strings.Repeat("x", maxNear) + "y", false}, // too long
	} {
		if got := near(tt.word, tt.other); got != tt.want {
			t.Errorf("near(%q, %q): %v, want %v", tt.word, tt.other, got, tt.want)
		}
	}
}

// TestNear_Slips makes slips of one kind at random, as many as a word may have.
func TestNear_Slips(t *testing.T) {
	t.Parallel()
	letters := []rune("abcdefgxyzßäéñøпрстжюя環境変数")
	random := testenv.Rand(t)
	for range 5000 {
		word := make([]rune, 3+random.IntN(10))
		for i := range word {
			word[i] = letters[random.IntN(len(letters))]
		}
		other, kind := slices.Clone(word), random.IntN(4)
		for range slips(len(word)) {
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
		if !near(string(word), string(other)) {
			t.Errorf("near(%q, %q): false, want true", string(word), string(other))
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add("Refund-policy for ÄRGER, 返品する 🙂", "refnd")
	f.Add("a\u0301b\u200dc", "\xff\xfe")
	f.Fuzz(func(t *testing.T, text, other string) {
		folded := fold(text)
		rest := folded
		for _, w := range appendWords(nil, folded) {
			i := strings.Index(rest, w)
			if i < 0 || w == "" {
				t.Fatalf("word %q of %q is not where it should be", w, folded)
			}
			if gap := rest[:i]; len(appendWords(nil, gap)) > 0 && utf8.ValidString(folded) {
				t.Fatalf("words were left out between: %q of %q", gap, folded)
			}
			rest = rest[i+len(w):]
			if n := utf8.RuneCountInString(w); (n > 2 && n <= maxNear) && !near(w, w) {
				t.Errorf("near(%q, %[1]q): false", w)
			}
			near(w, fold(other))
			near(fold(other), w)
		}
	})
}
