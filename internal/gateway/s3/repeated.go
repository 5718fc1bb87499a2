package s3

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// lists are headers whose value is a list: given several times, they are one list.
//
// Source: RFC 9110, section 5.3.
var lists = []string{"Cache-Control", "Content-Encoding", "Content-Language", "If-Match", "If-None-Match", trailerNames, "X-Amz-Optional-Object-Attributes"}

// singles are headers without the prefix x-amz- that mean something to S3 and have one
// value.
var singles = []string{
	"Content-Disposition", "Content-Md5", "Content-Range", "Content-Type", "Date", "Expect", "Expires",
	"If-Modified-Since", "If-Range", "If-Unmodified-Since", "Range",
}

// checkRepeated refuses a header or a query parameter that is given twice and can be
// given once: which of the two is meant is not certain.
func (c *call) checkRepeated() error {
	for name, values := range c.r.Header {
		if len(values) < 2 {
			continue
		}
		isRead := c.r.Method == http.MethodGet || c.r.Method == http.MethodHead
		switch isAmz := strings.HasPrefix(name, amzPrefix); {
		case strings.HasPrefix(name, metaPrefix): // S3 joins the values
		case slices.Contains(lists, name) && (isRead || !strings.HasPrefix(name, "If-")): // the condition of a change is one ETag
			c.r.Header[name] = []string{strings.Join(values, ", ")}
		case isAmz || slices.Contains(singles, name) || slices.Contains(lists, name):
			return badArgument(strings.ToLower(name), strings.Join(values, ", "), fmt.Sprintf("The header %s can be given once only.", strings.ToLower(name)))
		}
	}
	for name, values := range c.q {
		if len(values) > 1 && !strings.HasPrefix(strings.ToLower(name), strings.ToLower(metaPrefix)) {
			return badArgument(name, strings.Join(values, ", "), fmt.Sprintf("The query parameter %s can be given once only.", name))
		}
	}
	return nil
}

const amzPrefix = "X-Amz-"

// arguments are the query parameters of S3's operations beside the subresources. The
// response-* parameters are missing: they are about the answer only.
var arguments = []string{
	"annotation-prefix", "annotationName", "bucket-region", "continuation-token", "delimiter", "encoding-type", "fetch-owner", "id", "key-marker", "marker",
	"max-annotation-results", "max-buckets", "max-directory-buckets", "max-keys", "max-parts", "max-uploads", "part-number-marker", "partNumber", "prefix", "select-type",
	"start-after", "upload-id-marker", "version-id-marker",
}

// checkArguments refuses a change with a parameter that S3 has for another operation:
// the caller wants something else than what would be done, as with the number of a part
// without the id of an upload.
func (op *operation) checkArguments(q url.Values) error {
	if op.method == http.MethodGet || op.method == http.MethodHead {
		return nil
	}
	for name := range q {
		isKnown := slices.Contains(arguments, name) || slices.Contains(subresources, name)
		if isKnown && name != op.query && !slices.Contains(op.arguments, name) {
			return badArgument(name, q.Get(name), fmt.Sprintf("%s does not accept the query parameter %s.", op.name, name))
		}
	}
	return nil
}
