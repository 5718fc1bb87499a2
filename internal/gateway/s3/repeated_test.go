package s3

import (
	"bufio"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/object/diskobject"
)

// send sends a request with the given headers, each of them added to those it has.
func (r request) send(t *testing.T, e *endpoint, headers ...string) (*http.Response, string) {
	t.Helper()
	all := append(slices.Clone(r.headers), headers...)
	if strings.HasSuffix(r.target, "?delete") && !slices.Contains(all, "Content-Md5") {
		all = append(all, "Content-Md5", md5Of(r.body))
	}
	return e.do(t, e.signedBody(t, r.method, r.target, r.body, all...))
}

// with returns the request with another query parameter.
func (r request) with(name, value string) request {
	mark := "?"
	if strings.Contains(r.target, "?") {
		mark = "&"
	}
	r.target += mark + url.QueryEscape(name) + "=" + url.QueryEscape(value)
	return r
}

// modelArguments returns the query parameters that AWS's client makes of an operation's
// input.
func modelArguments(t *testing.T, operation string) []string {
	t.Helper()
	var names []string
	for i := range inputOf(t, operation).Elem().NumField() {
		in := inputOf(t, operation)
		fill(in.Elem().Field(i))
		for name := range caught(t, operation, in).URL.Query() {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// TestD152_RepeatedHeaders sends every header of every operation twice: the second must not
// be skipped.
func TestD152_RepeatedHeaders(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	n := 0
	for _, op := range operations {
		for i, header := range modelHeaders(t, op.name) {
			rule, ok := headerRules[op.name+" "+header]
			if !ok {
				rule = headerRules[header]
			}
			isList := slices.Contains(lists, header) && (op.method == "GET" || op.method == "HEAD" || !strings.HasPrefix(header, "If-"))
			if rule.transport || isList || strings.HasPrefix(header, metaPrefix) {
				continue
			}
			n++
			r, _ := e.requestOf(t, op.name, fmt.Sprint(op.name, i))
			first := rule.value
			if header == copySource {
				r.headers = slices.DeleteFunc(r.headers, func(s string) bool { return s == copySource || s == "uploads/k" })
				first = "uploads/k"
			}
			if res, reply := r.send(t, e, header, first, header, rule.value); res.StatusCode < 400 {
				t.Errorf("%s with %s twice: %s %s, want an error", op.name, header, res.Status, reply)
			}
		}
	}
	if n < 150 {
		t.Errorf("%d headers of all operations, want those of S3's model", n)
	}
	t.Logf("%d headers of %d operations", n, len(operations))
}

// TestRepeatedArguments does the same with query parameters.
func TestRepeatedArguments(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	for _, op := range operations {
		for i, name := range modelArguments(t, op.name) {
			r, _ := e.requestOf(t, op.name, fmt.Sprint(op.name, i))
			value := "1"
			if _, query, _ := strings.Cut(r.target, "?"); query != "" {
				if q, err := url.ParseQuery(query); err == nil && q.Has(name) {
					value = q.Get(name)
				}
			}
			twice := r.with(name, value)
			if !strings.Contains(r.target, name) {
				twice = twice.with(name, value)
			}
			if res, reply := twice.send(t, e); res.StatusCode < 400 {
				t.Errorf("%s with %s twice: %s %s, want an error", op.name, name, res.Status, reply)
			}
		}
	}
}

// TestD153_ForeignHeadersAndArguments sends what S3 has for other operations with every change: it
// must be refused, or be one of those that have no effect.
func TestD153_ForeignHeadersAndArguments(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	headers := map[string]bool{}
	parameters := map[string]bool{}
	for _, op := range modelOperations() {
		for _, name := range modelArguments(t, op) {
			parameters[name] = true
		}
	}
	for name := range headerRules {
		if !strings.Contains(name, " ") {
			headers[name] = true
		}
	}
	for name := range parameters {
		isKnown := slices.Contains(arguments, name) || slices.Contains(subresources, name) ||
			strings.HasPrefix(name, "response-") || strings.HasPrefix(name, "x-amz-") || name == "x-id"
		if !isKnown {
			t.Errorf("S3 has the query parameter %s, which is in no list: a change would ignore it", name)
		}
	}
	for i, op := range operations {
		if op.method == http.MethodGet || op.method == http.MethodHead {
			continue
		}
		own := append(modelHeaders(t, op.name), modelArguments(t, op.name)...)
		for name := range headers {
			rule := headerRules[name]
			if slices.Contains(own, name) || rule.transport || rule.difference != "" || withoutEffect(op, name) {
				continue
			}
			r, _ := e.requestOf(t, op.name, fmt.Sprint(op.name, i, strings.ReplaceAll(name, "-", "")))
			if res, reply := r.send(t, e, name, rule.value); res.StatusCode < 400 {
				t.Errorf("%s with %s: %s: %s %s, want an error", op.name, name, rule.value, res.Status, reply)
			}
		}
		for _, name := range slices.Concat(arguments, subresources) {
			if slices.Contains(own, name) || name == op.query {
				continue
			}
			r, _ := e.requestOf(t, op.name, fmt.Sprint(op.name, i, strings.ReplaceAll(name, "-", "")))
			if res, reply := r.with(name, "1").send(t, e); res.StatusCode < 400 {
				t.Errorf("%s with ?%s=1: %s %s, want an error", op.name, name, res.Status, reply)
			}
		}
	}
}

// withoutEffect are headers of other operations that change nothing that is stored: what
// an object is described with, sent to an operation that makes none, and what is about
// the answer.
func withoutEffect(op *operation, name string) bool {
	switch name {
	case "Range", checksumMode, "X-Amz-Metadata-Directive":
		return true
	case "Expires", "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type":
		return true
	case "X-Amz-Meta-Name":
		return op.level == atBucket
	}
	return op.name == "CreateBucket" && strings.HasPrefix(name, "X-Amz-Checksum-Crc") // of no bytes it is the right one
}

// TestMisplaced: headers and parameters that ask for something else than what would be
// done are refused, and the object stays as it is.
func TestMisplaced(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	for _, c := range []struct {
		method, query, what string
		headers             []string
		status              int
		code                string
	}{
		{"PUT", "", "a part of an object", []string{"Content-Range", "bytes 0-3/8"}, 501, "NotImplemented"},
		{"PUT", "", "a digest of RFC 9530", []string{"Content-Digest", "sha-256=:AAAA:"}, 501, "NotImplemented"},
		{"PUT", "?partNumber=1", "a part of no upload", nil, 400, "InvalidArgument"},
		{"PUT", "?versionId=null", "a version", nil, 400, "InvalidArgument"},
		{"PUT", "?x-amz-acl=a&x-amz-acl=b", "a parameter twice", nil, 400, "InvalidArgument"},
		{"DELETE", "?versionId=null&versionId=1", "two versions", nil, 400, "InvalidArgument"},
		{"DELETE", "?partNumber=1", "a part", nil, 400, "InvalidArgument"},
		{"DELETE", "", "metadata", []string{"X-Amz-Meta-A", "b"}, 400, "InvalidArgument"},
		{"DELETE", "", "two ETags", []string{"If-Match", "*", "If-Match", `"x"`}, 400, "InvalidArgument"},
		{"DELETE", "", "an algorithm", []string{checksumAlgorithm, "CRC32"}, 501, "NotImplemented"},
		{"DELETE", "", "the algorithm of an SDK", []string{sdkAlgorithm, "CRC32"}, 501, "NotImplemented"},
		{"PUT", "", "a copy that names an algorithm", []string{copySource, "uploads/k", sdkAlgorithm, "CRC32"}, 400, "InvalidRequest"},
		{"PUT", "", "a copy that names two algorithms", []string{copySource, "uploads/k", sdkAlgorithm, "CRC32", checksumAlgorithm, "SHA1"}, 400, "InvalidRequest"},
		{"POST", "?uploads", "an upload that names two algorithms", []string{sdkAlgorithm, "CRC32", checksumAlgorithm, "SHA1"}, 400, "InvalidRequest"},
		{"GET", "?partNumber=", "a part without a number", nil, 400, "InvalidArgument"},
		{"GET", "?partNumber=1&partNumber=2", "two parts", nil, 400, "InvalidArgument"},
		{"GET", "", "two ranges", []string{"Range", "bytes=0-0", "Range", "bytes=1-1"}, 400, "InvalidArgument"},
	} {
		e.raw(t, http.MethodPut, "/uploads/target", "old")
		body := ""
		if c.method == http.MethodPut && !slices.Contains(c.headers, copySource) {
			body = "text"
		}
		r := request{c.method, "/uploads/target" + c.query, body, nil}
		res, reply := r.send(t, e, c.headers...)
		wantError(t, c.method+" with "+c.what, res, reply, c.status, c.code)
		if res, text := e.raw(t, http.MethodGet, "/uploads/target", ""); res.StatusCode != http.StatusOK || text != "old" {
			t.Errorf("after %s with %s the object is %s %q, want its old text", c.method, c.what, res.Status, text)
		}
	}
}

// TestTrailersOfHTTP: trailers of the transfer itself, which nothing is compared with, are
// refused when they are announced.
func TestTrailersOfHTTP(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	head := e.head(t, http.MethodPut, "/uploads/trailed", "Transfer-Encoding: chunked", "Trailer: x-amz-checksum-crc32")
	conn := e.sendRaw(t, head+"4\r\ntext\r\n0\r\nx-amz-checksum-crc32: AAAAAA==\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != http.StatusNotImplemented {
		t.Errorf("PUT with a checksum in a trailer of HTTP: %+v, %v, want 501", res, err)
	}
	if res, _ := e.raw(t, http.MethodHead, "/uploads/trailed", ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("after it the object is %s, want 404", res.Status)
	}
}

// TestJoinedHeaders: what is a list may be given in pieces, and none is lost.
func TestJoinedHeaders(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	r := request{"PUT", "/uploads/joined", "text", []string{
		"Cache-Control", "no-cache", "Cache-Control", "private", "X-Amz-Meta-A", "1", "X-Amz-Meta-A", "2",
	}}
	if res, reply := r.send(t, e); res.StatusCode != http.StatusOK {
		t.Fatalf("PUT: %s %s", res.Status, reply)
	}
	read := request{"GET", "/uploads/joined", "", nil}
	res, _ := read.send(t, e, "If-None-Match", `"x"`, "If-None-Match", `"y"`)
	if got := res.Header.Get("Cache-Control"); got != "no-cache, private" {
		t.Errorf("Cache-Control = %q, want both values", got)
	}
	if got := res.Header.Get("X-Amz-Meta-A"); got != "1,2" {
		t.Errorf("X-Amz-Meta-A = %q, want both values", got)
	}
	if res, _ := read.send(t, e, "If-None-Match", `"x"`, "If-None-Match", res.Header.Get("ETag")); res.StatusCode != http.StatusNotModified {
		t.Errorf("GET with two ETags: %s, want 304", res.Status)
	}
}

// TestCompletionNamesItsAlgorithm: the algorithm that a completion names is the upload's.
func TestCompletionNamesItsAlgorithm(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	m := e.multipart(t)
	m.put(t, "")
	for _, name := range []string{sdkAlgorithm, checksumAlgorithm} {
		for _, value := range []string{"SHA1", "ROT13", ""} {
			res, reply := m.complete(t, m.document(nil), name, value)
			wantError(t, fmt.Sprintf("Complete with %s: %q", name, value), res, reply, 400, "InvalidRequest")
		}
	}
	res, reply := m.complete(t, m.document(nil), sdkAlgorithm, string(diskobject.CRC64NVME))
	if res.StatusCode != http.StatusOK {
		t.Errorf("Complete with its algorithm: %s %s, want 200", res.Status, reply)
	}
}
