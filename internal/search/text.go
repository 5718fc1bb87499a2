package search

import (
	"math/bits"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// casefold returns the form of a text in which texts are compared: without the difference
// between capital and small letters, in any script, between full and half width, and
// between a letter with its accent and a letter followed by one.
//
// It is cases.Fold in all but rare letters, and much faster: a search folds every text
// that it looks at.
func casefold(text string) string {
	if isASCII(text) {
		return strings.ToLower(text)
	}
	if !norm.NFKC.IsNormalString(text) {
		text = norm.NFKC.String(text)
	}
	var out strings.Builder
	out.Grow(len(text))
	for _, r := range text {
		switch {
		case r < utf8.RuneSelf:
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			out.WriteByte(byte(r))
			continue
		case r == 'ß', r == 'ẞ':
			out.WriteString("ss")
			continue
		case r == 'ς': // at the end of a word
			r = 'σ'
		case r < '\u2E80' || r > '\uA63F': // between are scripts that have no capitals
			r = unicode.ToLower(r)
		}
		out.WriteRune(r)
	}
	return out.String()
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// class is what a character is to tokens.
type class uint8

const (
	gap    class = iota // between tokens
	letter              // a letter or digit, part of a token
	sign                // a token by itself, in scripts without spaces between words
	mark                // part of what it follows
)

// unspaced are scripts that put no spaces between words. To find words in them
// without a dictionary, each of their characters is a token.
var unspaced = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}

// firstUnspaced is where the first of them begins: Thai. Most texts end before it.
const firstUnspaced = 0x0E00

// ascii has the classes of the characters that a folded text has most.
var ascii = func() (classes [utf8.RuneSelf]class) {
	for c := range classes {
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' {
			classes[c] = letter
		}
	}
	return classes
}()

// classOf returns the class of any other character.
func classOf(r rune) class {
	switch {
	case r < firstUnspaced && unicode.IsLetter(r): // nearly all that there is
		return letter
	case unicode.IsMark(r):
		return mark
	case r >= firstUnspaced && unicode.In(r, unspaced...):
		return sign
	case unicode.IsLetter(r), unicode.IsNumber(r):
		return letter
	}
	return gap
}

// appendTokens appends the tokens of a folded text, in order.
func appendTokens(tokens []string, text string) []string {
	start, last := -1, gap // of the token that is open
	for i, r := range text {
		c := gap
		if r < utf8.RuneSelf {
			c = ascii[r]
		} else if c = classOf(r); c == mark && start >= 0 {
			continue
		}
		if start >= 0 && (c != letter || last == sign) {
			tokens = append(tokens, text[start:i])
			start = -1
		}
		if start < 0 && (c == letter || c == sign) {
			start = i
		}
		last = c
	}
	if start >= 0 {
		tokens = append(tokens, text[start:])
	}
	return tokens
}

// containsPhrase reports whether part is in tokens, one after the other.
func containsPhrase(tokens, part []string) bool {
	for i := 0; i+len(part) <= len(tokens); i++ {
		if slices.Equal(tokens[i:i+len(part)], part) {
			return true
		}
	}
	return false
}

// maxFuzzy is the longest token, in characters, that fuzzy queries look for.
const maxFuzzy = 64

// maxEdits returns how many edits away from a token of so many characters another may be:
// the more, the longer it is.
func maxEdits(characters int) int {
	switch {
	case characters <= 2 || characters > maxFuzzy:
		return 0
	case characters <= 5:
		return 1
	}
	return 2
}

// withinEdits reports whether a token is a few edits away from another: a character
// inserted, deleted or replaced, or two neighbors swapped. How many are allowed depends on
// token.
func withinEdits(token, other string) bool {
	n, m := utf8.RuneCountInString(token), utf8.RuneCountInString(other)
	most := maxEdits(n)
	if most == 0 || m > n+most || m < n-most || !alike(token, other, most) {
		return false
	}
	var a, b [maxFuzzy + 2]rune
	return distance(spread(a[:0], token), spread(b[:0], other), most) <= most
}

// alike is false only if two tokens differ in more characters than so many edits can
// change. It is much faster than to count edits, and mostly enough.
func alike(token, other string, most int) bool {
	a, b := characters(token), characters(other)
	return bits.OnesCount64(a&^b) <= most && bits.OnesCount64(b&^a) <= most
}

// characters is the set of a token's characters, of which some count as the same.
func characters(token string) (set uint64) {
	for _, r := range token {
		set |= 1 << (r & 63)
	}
	return set
}

// spread appends the characters of a token.
func spread(out []rune, token string) []rune {
	for _, r := range token {
		out = append(out, r)
	}
	return out
}

// distance counts the edits between two tokens of up to maxFuzzy+2 characters. Beyond
// most, it may return any number above.
func distance(a, b []rune, most int) int {
	var rows [3][maxFuzzy + 3]uint8 // of the matrix: before last, last, and this
	before, last, this := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		last[j] = uint8(j)
	}
	for i := 1; i <= len(a); i++ {
		this[0] = uint8(i)
		least := this[0]
		for j := 1; j <= len(b); j++ {
			d := last[j-1]
			if a[i-1] != b[j-1] {
				d = min(d, last[j], this[j-1]) + 1
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					d = min(d, before[j-2]+1)
				}
			}
			this[j] = d
			least = min(least, d)
		}
		if int(least) > most {
			return most + 1
		}
		before, last, this = last, this, before
	}
	return int(last[len(b)])
}
