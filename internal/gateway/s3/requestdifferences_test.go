package s3

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/sigv4"
)

// The tests of docs/differences that are about requests: signatures, headers, links.

func TestD130_WhoseErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, service string
		want            bool
	}{{"GET", "ec2", false}, {"GET", "s3", true}, {"GET", "", true}, {"POST", "", false}} {
		r := httptest.NewRequest(c.method, "/uploads/k", nil)
		if c.service != "" {
			sigv4.Sign(r, root, "eu-west-1", c.service, sigv4.EmptyPayload, time.Now())
		}
		if got := IsS3(r, sigv4.Parse(r)); got != c.want {
			t.Errorf("IsS3 of %s signed for %q = %t, want %t", c.method, c.service, got, c.want)
		}
	}
	e := withBucket(t, Options{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, e.URL+"/uploads/k?partNumber=x&uploadId=", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, reply := e.do(t, r)
	wantError(t, "malformed and unsigned", res, reply, http.StatusForbidden, "AccessDenied")
}

func TestD131_Regions(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{}) // in eu-west-1
	for _, region := range []string{"eu-west-1", "us-east-1", "ap-south-1"} {
		res, reply := e.rawIn(t, region, http.MethodHead, "/uploads", "")
		if got := res.Header.Get("X-Amz-Bucket-Region"); res.StatusCode != http.StatusOK || got != "eu-west-1" {
			t.Errorf("HEAD signed for %s: %s %s, region %q, want 200, eu-west-1", region, res.Status, reply, got)
		}
	}
}

func TestD132_UnsignedHead(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	for _, bucket := range []string{"uploads", "nobody"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, e.URL+"/"+bucket, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, _ := e.do(t, r)
		if got := res.Header.Get("X-Amz-Bucket-Region"); res.StatusCode != http.StatusForbidden || got != "" {
			t.Errorf("unsigned HEAD of %s: %s, region %q, want 403 and no region", bucket, res.Status, got)
		}
	}
}

// chunked sends body as it is, as an aws-chunked body of decoded bytes with an unsigned
// trailer.
func (e *endpoint) chunked(t *testing.T, body string, decoded int, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, e.URL+"/uploads/chunked", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Trailer", "x-amz-checksum-crc32")
	r.Header.Set("X-Amz-Decoded-Content-Length", fmt.Sprint(decoded))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	sigv4.Sign(r, root, "eu-west-1", service, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", time.Now())
	return e.do(t, r)
}

func TestD133_LenientChunks(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	const trailer = "0\r\nx-amz-checksum-crc32:NSRBwg=="
	for what, body := range map[string]string{
		"as written":              "3\r\nabc\r\n" + trailer + "\r\n\r\n",
		"minio-go":                "3\r\nabc\r\n" + trailer + "\n\r\n\r\n",
		"LF":                      "3\r\nabc\r\n" + trailer + "\n\r\n",
		"no empty line":           "3\r\nabc\r\n" + trailer + "\r\n",
		"chunks of a single byte": "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n" + trailer + "\r\n\r\n",
	} {
		if res, reply := e.chunked(t, body, 3); res.StatusCode != http.StatusOK {
			t.Errorf("%s: %s %s, want 200", what, res.Status, reply)
		}
		if _, got := e.raw(t, http.MethodGet, "/uploads/chunked", ""); got != "abc" {
			t.Errorf("%s: GET = %q, want abc", what, got)
		}
	}
	for _, c := range []struct {
		what, body string
		decoded    int
		headers    []string
		status     int
		code       string
	}{
		{"other length", "3\r\nabc\r\n" + trailer + "\r\n\r\n", 4, nil, 400, "IncompleteBody"},
		{"no length", "3\r\nabc\r\n" + trailer + "\r\n\r\n", 3, []string{"X-Amz-Decoded-Content-Length", ""}, 411, "MissingContentLength"},
		{"cut short", "3\r\nabc\r\n0\r\nx-amz-checksum-crc32:NSRB", 3, nil, 400, "IncompleteBody"},
		{"trailer not announced", "3\r\nabc\r\n" + trailer + "\r\n\r\n", 3, []string{"X-Amz-Trailer", ""}, 400, "MalformedTrailerError"},
		{"trailer missing", "3\r\nabc\r\n0\r\n\r\n", 3, nil, 400, "MalformedTrailerError"},
		{"checksum of another text", "3\r\nabd\r\n" + trailer + "\r\n\r\n", 3, nil, 400, "BadDigest"},
	} {
		res, reply := e.chunked(t, c.body, c.decoded, c.headers...)
		wantError(t, c.what, res, reply, c.status, c.code)
	}
}

func TestD134_UnknownLength(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	send := func(body string) *http.Response {
		r := e.signed(t, http.MethodPut, "/uploads/stream", nil)
		var head strings.Builder
		fmt.Fprintf(&head, "PUT /uploads/stream HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n", r.URL.Host)
		if err := r.Header.Write(&head); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(e.sendRaw(t, head.String()+"\r\n"+body)), nil)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	if res := send("3\r\nabc\r\n0\r\n\r\n"); res.StatusCode != http.StatusOK {
		t.Errorf("PUT of unknown length: %s, want 200", res.Status)
	}
	if res := send("zzz\r\n"); res.StatusCode != http.StatusBadRequest {
		t.Errorf("PUT with broken chunks: %s, want 400", res.Status)
	}
	if _, got := e.raw(t, http.MethodGet, "/uploads/stream", ""); got != "abc" {
		t.Errorf("GET = %q, want abc", got)
	}
}
