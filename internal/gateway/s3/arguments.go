package s3

import (
	"encoding/base64"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// checkText refuses query parameters and stored headers that are not UTF-8: nothing that
// is kept could repeat them, nor an answer, which is XML.
func (c *call) checkText() error {
	for name, values := range c.q {
		if s := strings.Join(values, ","); !utf8.ValidString(name + s) {
			return badArgument(name, s, "Argument "+name+" must be UTF-8")
		}
	}
	for name, values := range c.r.Header {
		if s := strings.Join(values, ","); !utf8.ValidString(s) && isStored(name) {
			return badArgument(strings.ToLower(name), s, "Value for "+strings.ToLower(name)+" header must be UTF-8")
		}
	}
	// An upload that ended since may still be a marker, but what never was one may not.
	if s := c.q.Get("upload-id-marker"); s != "" && c.q.Get("key-marker") != "" && !uploadIDPattern.MatchString(s) {
		return badArgument("upload-id-marker", s, "Invalid uploadId marker")
	}
	return nil
}

var uploadIDPattern = regexp.MustCompile(`^[0-9a-f]{32}$`)

// isStored reports whether the value of a header may be kept with an object.
func isStored(name string) bool {
	return name == "Content-Type" || slices.Contains(kept, name) || strings.HasPrefix(name, "X-Amz-")
}

// wholeNumber reads a number that is written with digits only, which strconv does not
// insist on.
func wholeNumber(s string) (int64, bool) {
	if strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

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
	n, ok := wholeNumber(s)
	if !ok || n < int64(lowest) || n > int64(highest) {
		return 0, badArgument(name, s, "Argument "+name+" must be an integer between "+strconv.Itoa(lowest)+" and "+strconv.Itoa(highest))
	}
	return int(n), nil
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
