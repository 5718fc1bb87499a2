package destination

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/sluicehq/sluice/internal/record"
)

// The lengths of RFC 5321 §4.5.3.1 and RFC 1035 §2.3.4.
const (
	maxLocalPart = 64
	maxDomain    = 253
	maxLabel     = 63
)

// Address appends the canonical form of a full mail address to dst: spaces around it
// are dropped, the domain is lower-cased, written in ASCII (IDNA 2008, as browsers
// look names up) and loses the dot at its end; the local part stays as it is. An
// address that is none comes back as a refusal, with dst as it was.
func Address(dst, text []byte) ([]byte, *record.Refusal) {
	text = trim(text)
	if len(text) == 0 {
		return dst, noAddress
	}
	at := bytes.LastIndexByte(text, '@')
	if at < 0 {
		return dst, noAt
	}
	local, domain := text[:at], text[at+1:]
	if r := checkLocalPart(local); r != nil {
		return dst, r
	}
	key := append(dst, local...)
	key = append(key, '@')
	key, r := appendDomain(key, domain)
	if r != nil {
		return dst, r
	}
	return key, nil
}

// trim cuts white space from both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// atoms holds the bytes of an unquoted local part, dots apart: atext of RFC 5322
// §3.2.3. lowered holds those of a domain as they stand in the canonical form, 0 for
// those that may not stand there.
var atoms, lowered = func() (a [256]bool, f [256]byte) {
	for c := range 256 {
		small := byte(c) | 0x20
		letter := small >= 'a' && small <= 'z' && c < utf8.RuneSelf
		digit := c >= '0' && c <= '9'
		a[c] = letter || digit || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", byte(c)) >= 0
		switch {
		case letter:
			f[c] = small
		case digit || c == '-' || c == '.':
			f[c] = byte(c)
		}
	}
	return a, f
}()

// checkLocalPart checks for a dot-atom or a quoted string, RFC 5321 §4.1.2.
func checkLocalPart(local []byte) *record.Refusal {
	switch {
	case len(local) == 0:
		return noLocalPart
	case len(local) > maxLocalPart:
		return longLocalPart
	case local[0] == '"':
		return checkQuoted(local)
	}
	dot := true // whether a dot, or the start, lies right before
	for _, c := range local {
		switch {
		case atoms[c]:
			dot = false
		case c == '.' && !dot:
			dot = true
		default:
			return badLocalByte(c)
		}
	}
	if dot {
		return dotInLocalPart
	}
	return nil
}

// badLocalByte says what is wrong with a byte of a local part.
func badLocalByte(c byte) *record.Refusal {
	switch {
	case c == '.':
		return dotInLocalPart
	case c == '@':
		return twoAts
	case c >= 0x80:
		return foreignLocalPart
	}
	return badLocalPart
}

// checkQuoted checks a local part such as "john doe", with its quotes.
func checkQuoted(local []byte) *record.Refusal {
	if len(local) < 2 || local[len(local)-1] != '"' {
		return badQuotedPart
	}
	inner := local[1 : len(local)-1]
	for i := 0; i < len(inner); i++ {
		c := inner[i]
		if c == '\\' {
			if i++; i == len(inner) {
				return badQuotedPart // the backslash belongs to the closing quote
			}
			c = inner[i]
		} else if c == '"' {
			return badQuotedPart
		}
		if c >= 0x80 {
			return foreignLocalPart
		}
		if c < ' ' || c == 0x7f {
			return badQuotedPart
		}
	}
	return nil
}

// appendDomain appends the canonical form of a domain to dst.
func appendDomain(dst, domain []byte) ([]byte, *record.Refusal) {
	if len(domain) > 0 && domain[len(domain)-1] == '.' {
		domain = domain[:len(domain)-1]
	}
	start := len(dst)
	dst = append(dst, domain...)
	r := lowerDomain(dst[start:])
	if r == badDomain {
		switch {
		case domain[0] == '[':
			r = literalDomain
		case !isASCII(domain):
			return appendForeign(dst[:start], domain)
		}
	}
	return dst, r
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// appendForeign appends the ASCII form of a domain that is written in other letters.
func appendForeign(dst, domain []byte) ([]byte, *record.Refusal) {
	if !utf8.Valid(domain) || bytes.ContainsRune(domain, utf8.RuneError) {
		return dst, foreignDomain // idna would take U+FFFD for a letter
	}
	ascii, err := idna.Lookup.ToASCII(string(domain))
	if err != nil {
		return dst, foreignDomain
	}
	start := len(dst)
	dst = append(dst, strings.TrimSuffix(ascii, ".")...)
	return dst, lowerDomain(dst[start:])
}

// lowerDomain checks a domain in ASCII, which has two labels or more, and makes its
// letters small. A byte that may not stand in it is badDomain before all else.
func lowerDomain(domain []byte) *record.Refusal {
	label, dots := 0, 0 // where the label starts, and how many dots lie before
	var wrong *record.Refusal
	for i, c := range domain {
		if c = lowered[c]; c == 0 {
			return badDomain
		}
		domain[i] = c
		if c == '.' {
			if r := checkLabel(domain[label:i]); r != nil && wrong == nil {
				wrong = r
			}
			label = i + 1
			dots++
		}
	}
	last := domain[label:]
	switch {
	case len(domain) == 0:
		return noDomain
	case len(domain) > maxDomain:
		return longDomain
	case wrong != nil:
		return wrong
	case dots == 0:
		if r := checkLabel(last); r != nil {
			return r
		}
		return shortDomain
	case isNumber(last):
		return numericDomain
	}
	return checkLabel(last)
}

// checkLabel checks the length and the hyphens of one part of a domain.
func checkLabel(label []byte) *record.Refusal {
	switch {
	case len(label) == 0 || len(label) > maxLabel:
		return badLabel
	case label[0] == '-' || label[len(label)-1] == '-':
		return hyphenLabel
	}
	return nil
}

// isNumber reports whether a label has digits and nothing else.
func isNumber(label []byte) bool {
	for _, c := range label {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(label) > 0
}
