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

// classes tells for each byte where it may stand.
var classes = func() (t [256]byte) {
	for c := range 256 {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		digit := c >= '0' && c <= '9'
		if letter || digit || bytes.IndexByte([]byte("!#$%&'*+-/=?^_`{|}~"), byte(c)) >= 0 {
			t[c] |= atomChar
		}
		if letter || digit || c == '-' {
			t[c] |= labelChar
		}
		if digit {
			t[c] |= digitChar
		}
	}
	return t
}()

const (
	atomChar  = 1 << iota // atext of RFC 5322 §3.2.3
	labelChar             // letters, digits and hyphen
	digitChar
)

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
		case classes[c]&atomChar != 0:
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
	start := len(dst)
	if len(domain) > 0 && domain[len(domain)-1] == '.' {
		domain = domain[:len(domain)-1]
	}
	for i, c := range domain {
		switch {
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		case c >= 0x80:
			return appendForeign(dst[:start], domain[:len(domain):len(domain)])
		case c == '[' && i == 0:
			return dst[:start], literalDomain
		}
		dst = append(dst, c)
	}
	return dst, checkDomain(dst[start:])
}

// appendForeign appends the ASCII form of a domain that is written in other letters.
func appendForeign(dst, domain []byte) ([]byte, *record.Refusal) {
	start := len(dst)
	if !utf8.Valid(domain) || bytes.ContainsRune(domain, utf8.RuneError) {
		return dst, foreignDomain // idna would take U+FFFD for a letter
	}
	ascii, err := idna.Lookup.ToASCII(string(domain))
	if err != nil {
		return dst, foreignDomain
	}
	dst = append(dst, strings.TrimSuffix(ascii, ".")...)
	return dst, checkDomain(dst[start:])
}

// checkDomain checks a domain in ASCII: two labels or more.
func checkDomain(domain []byte) *record.Refusal {
	switch {
	case len(domain) == 0:
		return noDomain
	case len(domain) > maxDomain:
		return longDomain
	}
	label, dots := 0, 0 // where the label starts, and how many dots lie before
	num := true         // the label is all digits
	for i, c := range domain {
		if c == '.' {
			if r := checkLabel(domain[label:i]); r != nil {
				return r
			}
			label, num = i+1, true
			dots++
			continue
		}
		if classes[c]&labelChar == 0 {
			return badDomain
		}
		num = num && classes[c]&digitChar != 0
	}
	if r := checkLabel(domain[label:]); r != nil {
		return r
	}
	switch {
	case dots == 0:
		return shortDomain
	case num:
		return numericDomain
	}
	return nil
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
