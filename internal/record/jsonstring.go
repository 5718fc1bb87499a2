package record

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// str scans the rest of a string whose opening quote is before i.
func (s *jsonScan) str(i int) (int, outcome) {
	s.escaped = false
	for {
		i = s.run(i)
		if i >= len(s.b) {
			return i, short
		}
		switch c := s.b[i]; {
		case c == '"':
			return i + 1, good
		case c >= utf8.RuneSelf:
			s.high = true
			i++
		case c < ' ':
			return i, bad
		default: // a backslash
			s.escaped = true
			end, o := s.escape(i + 1)
			if o != good {
				return end, o
			}
			i = end
		}
	}
}

// run returns the index of the first byte from i on that is not plain within a
// string: a quote, a backslash, a control character or a byte outside ASCII. It looks
// at eight bytes at a time.
func (s *jsonScan) run(i int) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	b := s.b
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, back := w^('"'*ones), w^('\\'*ones)
		// The lowest high bit set in odd is that of the first such byte; those above
		// it may be false.
		odd := (quote-ones)&^quote | (back-ones)&^back | (w-' '*ones)&^w | w
		if odd &= highs; odd != 0 {
			return i + bits.TrailingZeros64(odd)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c == '"' || c == '\\' || c < ' ' || c >= utf8.RuneSelf {
			return i
		}
	}
	return i
}

// escape scans what follows a backslash.
func (s *jsonScan) escape(i int) (int, outcome) {
	if i >= len(s.b) {
		return i, short
	}
	switch s.b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1, good
	case 'u':
	default:
		return i, bad
	}
	for n := i + 1; n < i+5; n++ {
		if n >= len(s.b) {
			return n, short
		}
		if _, ok := hexDigit(s.b[n]); !ok {
			return n, bad
		}
	}
	return i + 5, good
}

func hexDigit(c byte) (rune, bool) {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0'), true
	case c >= 'a' && c <= 'f':
		return rune(c-'a') + 10, true
	case c >= 'A' && c <= 'F':
		return rune(c-'A') + 10, true
	}
	return 0, false
}

// unescape appends the text of the string raw, which has been scanned, to dst. A
// surrogate without its other half becomes U+FFFD, as in Go's encoding/json.
func unescape(dst, raw []byte) []byte {
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return append(dst, raw...)
		}
		dst = append(dst, raw[:i]...)
		c := raw[i+1]
		raw = raw[i+2:]
		switch c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hex4(raw)
			raw = raw[4:]
			if utf16.IsSurrogate(r) {
				pair := rune(utf8.RuneError)
				if len(raw) >= 6 && raw[0] == '\\' && raw[1] == 'u' {
					pair = utf16.DecodeRune(r, hex4(raw[2:]))
				}
				if r = pair; r != utf8.RuneError {
					raw = raw[6:]
				}
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, c)
		}
	}
}

// hex4 reads four hexadecimal digits.
func hex4(b []byte) (r rune) {
	for _, c := range b[:4] {
		d, _ := hexDigit(c)
		r = r<<4 | d
	}
	return r
}
