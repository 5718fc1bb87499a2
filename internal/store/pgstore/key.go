package pgstore

import (
	"strings"
	"unicode/utf8"
)

// Keys of members are text in the database. The keys there really are, addresses and
// ids, stand there as they are. A database's text has no NUL, and nothing that is not
// UTF-8, so these are escaped:
//
//	00            01 01
//	01            01 02
//	U+10FFFF      U+10FFFF 01
//	a stray byte  U+10FFFF and the rune of the same number, 80 to FF
//
// The order of bytes stays as it was, but for strays below F5: a key with one sorts as
// if it had a byte beyond all text in its place.
const (
	low  = '\x01'
	high = '\U0010FFFF'
)

// plain reports that a key is text that needs no escapes.
func plain[T string | []byte](key T) bool {
	for i := 0; i < len(key); i++ {
		switch b := key[i]; {
		case b <= low:
			return false
		case b >= utf8.RuneSelf:
			return plainRunes(string(key[i:]))
		}
	}
	return true
}

func plainRunes(key string) bool {
	return utf8.ValidString(key) && !strings.ContainsAny(key, "\x00\x01\U0010FFFF")
}

// keyText returns a key as the database has it.
func keyText(key string) string {
	if plain(key) {
		return key
	}
	return string(appendKeyText(nil, []byte(key)))
}

// appendKeyText appends what keyText returns.
func appendKeyText(text, key []byte) []byte {
	if plain(key) {
		return append(text, key...)
	}
	for len(key) > 0 {
		r, n := utf8.DecodeRune(key)
		switch {
		case r == utf8.RuneError && n == 1:
			text = utf8.AppendRune(utf8.AppendRune(text, high), rune(key[0]))
		case r <= low:
			text = append(text, low, byte(r)+1)
		case r == high:
			text = append(utf8.AppendRune(text, high), low)
		default:
			text = append(text, key[:n]...)
		}
		key = key[n:]
	}
	return text
}

// textKey is the way back from keyText.
func textKey(text string) string {
	if plain(text) {
		return text
	}
	key := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		escape := r == low || r == high
		if !escape || len(text) == n {
			key, text = append(key, text[:n]...), text[n:]
			continue
		}
		next, m := utf8.DecodeRuneInString(text[n:])
		switch {
		case r == low:
			key = append(key, byte(next)-1)
		case next == low:
			key = utf8.AppendRune(key, high)
		default:
			key = append(key, byte(next))
		}
		text = text[n+m:]
	}
	return string(key)
}

// afterPrefix returns the first text behind all that begin with prefix; ok is false if
// there is none.
func afterPrefix(prefix string) (end string, ok bool) {
	for len(prefix) > 0 {
		r, n := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-n]
		switch r {
		case high:
			continue
		case 0xD7FF: // no text has the surrogates behind it
			r = 0xDFFF
		}
		return prefix + string(r+1), true
	}
	return "", false
}
