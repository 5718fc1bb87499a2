package s3

import (
	"encoding/base64"
	"math"
	"regexp"
	"strconv"
	"unicode/utf8"
)

// checkText refuses query parameters of listings that are not UTF-8: no key is, and the
// answer, which is XML, could not repeat them.
func (c *call) checkText() error {
	for _, name := range []string{"prefix", "delimiter", "marker", "start-after", "key-marker", "upload-id-marker"} {
		if s := c.q.Get(name); !utf8.ValidString(s) {
			return badArgument(name, s, "Argument "+name+" must be UTF-8")
		}
	}
	// An upload that ended since may still be a marker, but what never was one may not.
	if s := c.q.Get("upload-id-marker"); s != "" && c.q.Get("key-marker") != "" && !uploadIDPattern.MatchString(s) {
		return badArgument("upload-id-marker", s, "Invalid uploadId marker")
	}
	return nil
}

var uploadIDPattern = regexp.MustCompile(`^[0-9a-f]{32}$`)

// limit reads how many entries a page may have, at most most.
func (c *call) limit(name string, most int) (int, error) {
	n, err := c.number(name, most, 0, math.MaxInt32)
	return min(n, most), err
}

// number reads a query parameter that is a number from lowest to highest; it is
// otherwise if it is not there, or empty.
func (c *call) number(name string, otherwise, lowest, highest int) (int, error) {
	s := c.q.Get(name)
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < lowest || n > highest {
		return 0, badArgument(name, s, "Argument "+name+" must be an integer between "+strconv.Itoa(lowest)+" and "+strconv.Itoa(highest))
	}
	return n, nil
}

// flag reads a query parameter that is true or false; it is false if it is not there.
func (c *call) flag(name string) (bool, error) {
	switch s := c.q.Get(name); s {
	case "true", "false", "":
		return s == "true", nil
	default:
		return false, badArgument(name, s, "Argument "+name+" must be true or false")
	}
}

func (c *call) checkEncoding() error {
	if e := c.q.Get("encoding-type"); e != "" && e != "url" {
		return badArgument("encoding-type", e, "Invalid Encoding Method specified in Request")
	}
	return nil
}

// pageToken returns the token with which a listing goes on after last.
func pageToken(last string) string { return base64.RawURLEncoding.EncodeToString([]byte(last)) }

// readToken returns the last entry of the page before; "" without a token.
func (c *call) readToken() (string, error) {
	const name = "continuation-token"
	token := c.q.Get(name)
	if token == "" {
		return "", nil
	}
	last, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(last) == 0 || !utf8.Valid(last) {
		return "", badArgument(name, token, "The continuation token provided is incorrect")
	}
	return string(last), nil
}
