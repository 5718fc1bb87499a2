package wire

import (
	"bytes"
	"net/url"
	"regexp"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/fault"
)

// checkText refuses a request whose texts are not Unicode, in query or path. A decoder
// would replace what is wrong, and the text that is stored would not be the one sent.
func checkText(query url.Values, labels Object) error {
	for name, values := range query {
		if !utf8.ValidString(name) {
			return fault.New(fault.Malformed, "query string is not UTF-8")
		}
		for _, v := range values {
			if !utf8.ValidString(v) {
				return fault.New(fault.Malformed, "query string is not UTF-8")
			}
		}
	}
	for _, v := range labels {
		if s, _ := asString(v); !utf8.ValidString(s) {
			return fault.New(fault.Malformed, "path is not UTF-8")
		}
	}
	return nil
}

// checkJSONText refuses JSON that is not UTF-8, or that has an escape of half a surrogate
// pair. The body must be valid JSON otherwise: a backslash is then within a string.
func checkJSONText(body []byte) error {
	if !utf8.Valid(body) {
		at := 0
		for at < len(body) {
			r, size := utf8.DecodeRune(body[at:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			at += size
		}
		return fault.New(fault.Malformed, "body is not UTF-8 at byte %d", at)
	}
	for at := 0; ; {
		next := bytes.IndexByte(body[at:], '\\')
		if next < 0 {
			return nil
		}
		at += next
		r, isUnicode := escaped(body[at:])
		switch {
		case !isUnicode:
			at += 2
		case !utf16.IsSurrogate(r):
			at += 6
		default:
			second, _ := escaped(body[at+6:])
			if utf16.DecodeRune(r, second) == utf8.RuneError {
				return fault.New(fault.Malformed, "body has half a surrogate pair at byte %d", at)
			}
			at += 12
		}
	}
}

// escaped returns the character of the escape \uABCD at the beginning of text.
func escaped(text []byte) (r rune, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(n), err == nil // 16 bits
}

// The forms of numbers and times. strconv and time.Parse take more: "1_000", "0x10",
// "+1", "01", "59,5".
//
// Sources: RFC 8259, section 6; RFC 3339, section 5.6.
var (
	integerForm = regexp.MustCompile(`\A-?(?:0|[1-9][0-9]*)\z`)
	numberForm  = regexp.MustCompile(`\A-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\z`)
	timeForm    = regexp.MustCompile(`\A\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)\z`)
)
