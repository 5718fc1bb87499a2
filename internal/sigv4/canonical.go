package sigv4

import (
	"crypto/sha256"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
)

// parameter is one name=value of a query string, decoded.
type parameter struct{ name, value string }

// parseQuery decodes a raw query string in its own order. A plus is a space, as
// net/url and the official clients read it.
func parseQuery(raw string) ([]parameter, error) {
	if raw == "" {
		return nil, nil
	}
	ps := make([]parameter, 0, 1+strings.Count(raw, "&"))
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		p := parameter{}
		var ok bool
		if p.name, ok = unescape(name); !ok {
			return nil, refuse(InvalidQuery, fault.Malformed, "the query string is not well formed")
		}
		if p.value, ok = unescape(value); !ok {
			return nil, refuse(InvalidQuery, fault.Malformed, "the query string is not well formed")
		}
		ps = append(ps, p)
	}
	return ps, nil
}

// appendQuery appends the canonical query string: encoded, then sorted by name and
// by value, without the signature itself.
func appendQuery(b []byte, ps []parameter) []byte {
	encoded := make([]parameter, 0, len(ps))
	for _, p := range ps {
		if p.name != paramSignature {
			encoded = append(encoded, parameter{escape(p.name), escape(p.value)})
		}
	}
	slices.SortFunc(encoded, func(x, y parameter) int {
		if c := strings.Compare(x.name, y.name); c != 0 {
			return c
		}
		return strings.Compare(x.value, y.value)
	})
	for i, p := range encoded {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(b, p.name...)
		b = append(b, '=')
		b = append(b, p.value...)
	}
	return b
}

// wirePath returns the path as it came over the wire. URL.Path has lost the
// difference between "/" and "%2F", and URL.EscapedPath may respell the rest.
func wirePath(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	switch {
	case path == "": // a request that never was on a wire
		path = r.URL.EscapedPath()
	case path[0] != '/': // absolute form: scheme://host/path, or *
		if _, rest, ok := strings.Cut(path, "://"); ok {
			path = ""
			if i := strings.IndexByte(rest, '/'); i >= 0 {
				path = rest[i:]
			}
		}
	}
	if path == "" {
		return "/"
	}
	return path
}

// respell encodes a path the one way that AWS documents: all but unreserved bytes and
// slashes as %XX. An encoded slash stays encoded: it is another resource.
func respell(path string) string {
	b := make([]byte, 0, len(path)+16)
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '/' {
			b = append(b, c)
			continue
		}
		if c == '%' && i+2 < len(path) && isHex(path[i+1]) && isHex(path[i+2]) {
			c = unhex(path[i+1])<<4 | unhex(path[i+2])
			i += 2
		}
		b = appendEscapedByte(b, c)
	}
	return string(b)
}

// appendPath appends path as the service wants it signed: S3 as it is, all others
// encoded once more. Nothing is normalized, so "//" and ".." stay.
func appendPath(b []byte, path, service string) []byte {
	if service == serviceS3 {
		return append(b, path...)
	}
	for i := 0; i < len(path); i++ {
		if path[i] == '/' {
			b = append(b, '/')
		} else {
			b = appendEscapedByte(b, path[i])
		}
	}
	return b
}

// canonicalHash returns the SHA-256 of the canonical request.
func canonicalHash(r *http.Request, path string, sig *Signature, payload string) [sha256.Size]byte {
	var room [1024]byte // most are shorter
	return sha256.Sum256(appendCanonicalRequest(room[:0], r, path, sig, payload))
}

// appendCanonicalRequest appends the text whose hash is signed.
func appendCanonicalRequest(b []byte, r *http.Request, path string, sig *Signature, payload string) []byte {
	b = append(b, r.Method...)
	b = append(b, '\n')
	b = appendPath(b, path, sig.service)
	b = append(b, '\n')
	b = appendQuery(b, sig.query)
	b = append(b, '\n')
	for _, name := range sig.signed {
		b = append(b, name...)
		b = append(b, ':')
		values, _ := headerValues(r, name)
		for i, v := range values {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendTrimmed(b, v)
		}
		b = append(b, '\n')
	}
	b = append(b, '\n')
	for i, name := range sig.signed {
		if i > 0 {
			b = append(b, ';')
		}
		b = append(b, name...)
	}
	b = append(b, '\n')
	return append(b, payload...)
}

// headerValues returns the values of the header with the lower-case name, wherever
// net/http has put them; false if r has no such header.
func headerValues(r *http.Request, name string) ([]string, bool) {
	if name == "host" {
		if r.Host == "" {
			return []string{r.URL.Host}, true
		}
		return []string{r.Host}, true
	}
	if values, ok := r.Header[keyName(name)]; ok {
		return values, true
	}
	switch {
	case name == "content-length" && r.ContentLength >= 0:
		return []string{strconv.FormatInt(r.ContentLength, 10)}, true
	case name == "transfer-encoding" && len(r.TransferEncoding) > 0:
		return r.TransferEncoding, true
	case name == "expect" && r.ProtoMajor == 2: // net/http takes it out there, and knows no other value
		return []string{"100-continue"}, true
	}
	return nil, false
}

// keyName returns the key under which net/http has the header with the lower-case name,
// without its allocation for the names that every client signs.
func keyName(name string) string {
	switch name {
	case lowerDate:
		return keyDate
	case lowerContentHash:
		return keyContentHash
	case lowerTarget:
		return keyTarget
	}
	return textproto.CanonicalMIMEHeaderKey(name)
}

// lowerName is the opposite of keyName.
func lowerName(key string) string {
	switch key {
	case keyDate:
		return lowerDate
	case keyContentHash:
		return lowerContentHash
	case keyTarget:
		return lowerTarget
	}
	return strings.ToLower(key)
}

// The headers that every client signs.
const (
	keyDate        = "X-Amz-Date"
	keyContentHash = "X-Amz-Content-Sha256"
	keyTarget      = "X-Amz-Target"

	lowerDate        = "x-amz-date"
	lowerContentHash = "x-amz-content-sha256"
	lowerTarget      = "x-amz-target"
)

// appendTrimmed appends v without the spaces around it, and runs of spaces in it as one.
func appendTrimmed(b []byte, v string) []byte {
	v = strings.TrimSpace(v)
	for i := 0; i < len(v); i++ {
		if v[i] == ' ' && v[i-1] == ' ' {
			continue
		}
		b = append(b, v[i])
	}
	return b
}

func unescape(s string) (string, bool) {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s, true
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '+':
			b = append(b, ' ')
		case '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return "", false
			}
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			b = append(b, c)
		}
	}
	return string(b), true
}

func escape(s string) string {
	for i := 0; i < len(s); i++ {
		if !unreserved(s[i]) {
			b := make([]byte, 0, len(s)+16)
			for j := 0; j < len(s); j++ {
				b = appendEscapedByte(b, s[j])
			}
			return string(b)
		}
	}
	return s
}

func appendEscapedByte(b []byte, c byte) []byte {
	if unreserved(c) {
		return append(b, c)
	}
	const digits = "0123456789ABCDEF"
	return append(b, '%', digits[c>>4], digits[c&15])
}

// unreserved as in RFC 3986, section 2.3.
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// unhex returns the value of a digit for which isHex is true.
func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}
