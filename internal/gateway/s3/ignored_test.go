package s3

import (
	"cmp"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/sigv4"
)

// TestNothingIsIgnored: a header in vain, given twice, or empty before the one that
// counts is refused, and the object stays as it is.
func TestNothingIsIgnored(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	const source = "/uploads/k"
	otherHash := sigv4.HashPayload([]byte("other"))
	for _, c := range []struct {
		method, query, what, body string
		headers                   []string
		hash                      string // of the body, as the caller says; "" is the right one
		status                    int
		code                      string
	}{
		{"PUT", "", "a copy of nothing", "", []string{copySource, ""}, "", 400, "InvalidArgument"},
		{"PUT", "", "a copy of two sources", "", []string{copySource, source, copySource, "/uploads/nobody"}, "", 400, "InvalidArgument"},
		{"PUT", "", "a copy of a second source", "", []string{copySource, "", copySource, source}, "", 400, "InvalidArgument"},
		{"PUT", "", "a copy of a range", "", []string{copySource, source, copySource + "-Range", "bytes=0-0"}, "", 501, "NotImplemented"},
		{"PUT", "", "a range of no source", "text", []string{copySource + "-Range", "bytes=0-0"}, "", 501, "NotImplemented"},
		{"PUT", "", "a copy with a trailer", "", []string{copySource, source, trailerNames, "x-amz-checksum-crc32"}, "", 501, "NotImplemented"},
		{"PUT", "", "the size of an upload", "text", []string{objectSize, "4"}, "", 501, "NotImplemented"},
		{"PUT", "", "another decoded length", "text", []string{decodedLength, "5"}, "", 400, "InvalidRequest"},
		{"PUT", "", "a decoded length twice", "text", []string{decodedLength, "4", decodedLength, "5"}, "", 400, "InvalidArgument"},
		{"PUT", "", "a lock behind an empty one", "text", []string{"X-Amz-Object-Lock-Mode", "", "X-Amz-Object-Lock-Mode", "COMPLIANCE"}, "", 501, "NotImplemented"},
		{"PUT", "", "an offset behind an empty one", "text", []string{"X-Amz-Write-Offset-Bytes", "", "X-Amz-Write-Offset-Bytes", "4"}, "", 501, "NotImplemented"},
		{"POST", "?uploads", "an upload with a source", "", []string{copySource, source}, "", 501, "NotImplemented"},
		{"DELETE", "", "a body of another MD5", "text", []string{"Content-Md5", "AAAAAAAAAAAAAAAAAAAAAA=="}, "", 400, "BadDigest"},
		{"DELETE", "", "a body of another hash", "text", nil, otherHash, 400, "XAmzContentSHA256Mismatch"},
		{"PUT", "", "a copy with a body of another hash", "text", []string{copySource, source}, otherHash, 400, "XAmzContentSHA256Mismatch"},
	} {
		if res, reply := e.raw(t, http.MethodPut, "/uploads/target", "old"); res.StatusCode != http.StatusOK {
			t.Fatalf("PUT: %s %s", res.Status, reply)
		}
		what := c.method + " " + c.what
		r, err := http.NewRequestWithContext(t.Context(), c.method, e.URL+"/uploads/target"+c.query, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(c.headers); i += 2 {
			r.Header.Add(c.headers[i], c.headers[i+1])
		}
		sigv4.Sign(r, root, "eu-west-1", service, cmp.Or(c.hash, sigv4.HashPayload([]byte(c.body))), time.Now())
		res, reply := e.do(t, r)
		wantError(t, what, res, reply, c.status, c.code)
		if res, text := e.raw(t, http.MethodGet, "/uploads/target", ""); res.StatusCode != http.StatusOK || text != "old" {
			t.Errorf("after %s the object is %s %q, want its old text", what, res.Status, text)
		}
	}
}
