package s3

import (
	"crypto/md5" // Content-MD5 is one
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// signing are the query parameters of a presigned link that are not headers.
var signing = []string{
	"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders", "x-amz-signature",
	"x-amz-security-token", "x-amz-content-sha256",
}

// linkHeaders are the headers without the prefix x-amz- that a link may hold. AWS's
// presigner for JavaScript v2 writes some of them.
var linkHeaders = []string{
	"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Md5", "Content-Type", "Expires",
	"If-Match", "If-Modified-Since", "If-None-Match", "If-Unmodified-Since",
}

// readLink makes headers of the query parameters of a presigned link that are such:
// AWS's presigners move x-amz-* headers, metadata among them, from the header to the
// query. The query is signed, so it wins over a header that is not: an x-amz-* header
// always is.
func (c *call) readLink() error {
	var seen []string
	for parameter, values := range c.q {
		name := http.CanonicalHeaderKey(parameter)
		lower := strings.ToLower(parameter)
		amz := strings.HasPrefix(lower, "x-amz-") && !slices.Contains(signing, lower)
		if !amz && !slices.Contains(linkHeaders, name) {
			continue
		}
		value := strings.Join(values, ",")
		if slices.Contains(seen, name) {
			return badArgument(parameter, value, "The link has the same header twice, in different letters.")
		}
		seen = append(seen, name)
		if !validName(lower) || !validValue(value) {
			return badArgument(parameter, value, "The link holds a header that HTTP does not allow.")
		}
		if amz && c.r.Header.Get(name) != "" && c.r.Header.Get(name) != value {
			return badArgument(parameter, value, "The link and the header have different values for the same name.")
		}
		if c.r.Method == http.MethodPut && isEmptyChecksum(lower, value) {
			continue
		}
		c.r.Header.Set(name, value)
	}
	return c.forgetAlgorithm()
}

// forgetAlgorithm removes the name of a checksum algorithm that a presigner wrote into
// the link beside a checksum of no bytes: nothing is left that it would be about.
func (c *call) forgetAlgorithm() error {
	if !c.q.Has(strings.ToLower(sdkAlgorithm)) {
		return nil
	}
	if _, err := namedAlgorithm(c.r.Header, sdkAlgorithm); err != nil {
		return err
	}
	if sum, err := checksumHeader(c.r.Header, isSum); err != nil || sum.Algorithm != "" {
		return err
	}
	c.r.Header.Del(sdkAlgorithm)
	return nil
}

// isEmptyChecksum reports whether a parameter is the checksum of no bytes. AWS's
// presigner for JavaScript v3 computes one when it makes a link for a body that it does
// not have, so it says nothing about the body.
func isEmptyChecksum(name, value string) bool {
	sum, ok := strings.CutPrefix(name, strings.ToLower(checksumPrefix))
	if !ok {
		return name == "content-md5" && value == base64.StdEncoding.EncodeToString(md5.New().Sum(nil))
	}
	a := algorithm(sum)
	return a != "" && value == base64.StdEncoding.EncodeToString(a.New().Sum(nil))
}

// validName reports whether s, in lower case, can be the name of a header.
//
// Source: RFC 9110, section 5.6.2.
func validName(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}) < 0
}

// validValue reports whether s can be the value of a header.
func validValue(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) < 0
}
