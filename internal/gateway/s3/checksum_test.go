package s3

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/sigv4"
)

func sumOf(a diskobject.Algorithm, text string) string {
	h := a.New()
	_, _ = io.WriteString(h, text)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// trailed sends an aws-chunked body whose trailer has the given line.
func (e *endpoint) trailed(t testing.TB, target, text, announced, trailer string) (*http.Response, string) {
	t.Helper()
	body := fmt.Sprintf("%x\r\n%s\r\n0\r\n%s\r\n\r\n", len(text), text, trailer)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, e.URL+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Trailer", announced)
	r.Header.Set("X-Amz-Decoded-Content-Length", fmt.Sprint(len(text)))
	r.Header.Set("Content-Encoding", "aws-chunked")
	sigv4.Sign(r, root, "eu-west-1", service, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", time.Now())
	return e.do(t, r)
}

// TestEveryChecksum: each algorithm is compared, in a header and in a trailer, kept, and
// shown.
func TestEveryChecksum(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	for _, a := range diskobject.Algorithms() {
		name, right, wrong := header(a), sumOf(a, "text"), sumOf(a, "other")
		res, reply := e.raw(t, http.MethodPut, "/uploads/sum", "text", name, wrong)
		wantError(t, "PUT with a wrong "+name, res, reply, http.StatusBadRequest, "BadDigest")
		for _, value := range []string{"", "?", "AAAA", right + "AA", right[:len(right)-1]} {
			res, reply = e.raw(t, http.MethodPut, "/uploads/sum", "text", name, value)
			wantError(t, fmt.Sprintf("PUT with %s: %q", name, value), res, reply, http.StatusBadRequest, "InvalidRequest")
		}
		res, reply = e.trailed(t, "/uploads/sum", "text", name, name+":"+wrong)
		wantError(t, "PUT with a wrong trailer "+name, res, reply, http.StatusBadRequest, "BadDigest")
		if res, _ := e.raw(t, http.MethodHead, "/uploads/sum", ""); res.StatusCode != http.StatusNotFound {
			t.Errorf("after refused uploads with %s HEAD is %s, want 404", name, res.Status)
		}
		for how, res := range map[string]*http.Response{
			"header":  first(e.raw(t, http.MethodPut, "/uploads/sum", "text", name, right)),
			"trailer": first(e.trailed(t, "/uploads/sum", "text", name, name+":"+right)),
			"GET":     first(e.raw(t, http.MethodGet, "/uploads/sum", "", checksumMode, "ENABLED")),
			"HEAD":    first(e.raw(t, http.MethodHead, "/uploads/sum", "", checksumMode, "ENABLED")),
		} {
			if res.StatusCode != http.StatusOK || res.Header.Get(name) != right || res.Header.Get(checksumKind) != "FULL_OBJECT" {
				t.Errorf("%s with %s: %s %v, want 200 and %s", how, name, res.Status, res.Header, right)
			}
		}
		if _, list := e.raw(t, http.MethodGet, "/uploads?list-type=2&prefix=sum", ""); !strings.Contains(list, "<ChecksumAlgorithm>"+string(a)+"<") {
			t.Errorf("ListObjectsV2 = %s, want %s", list, a)
		}
		e.raw(t, http.MethodDelete, "/uploads/sum", "")
	}
}

func first(res *http.Response, _ string) *http.Response { return res }

// TestChecksumHeaders: what cannot be compared is refused.
func TestChecksumHeaders(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	crc := sumOf(diskobject.CRC32, "text")
	for _, c := range []struct {
		what    string
		headers []string
		status  int
		code    string
	}{
		{"an unknown checksum", []string{"X-Amz-Checksum-Rot13", "AAAA"}, 400, "InvalidRequest"},
		{"an empty one", []string{"X-Amz-Checksum-", ""}, 400, "InvalidRequest"},
		{"an unknown algorithm", []string{checksumAlgorithm, "ROT13"}, 400, "InvalidRequest"},
		{"an SDK's unknown algorithm", []string{sdkAlgorithm, "ROT13"}, 400, "InvalidRequest"},
		{"an SDK's algorithm without a value", []string{sdkAlgorithm, "CRC32"}, 400, "InvalidRequest"},
		{"another algorithm than the value's", []string{checksumAlgorithm, "SHA1", "X-Amz-Checksum-Crc32", crc}, 400, "InvalidRequest"},
		{"a composite checksum", []string{checksumKind, "COMPOSITE", "X-Amz-Checksum-Crc32", crc}, 400, "InvalidRequest"},
		{"a trailer that is no checksum", []string{"X-Amz-Trailer", "x-amz-meta-a"}, 400, "InvalidRequest"},
		{"a trailer of an unknown checksum", []string{"X-Amz-Trailer", "x-amz-checksum-rot13"}, 400, "InvalidRequest"},
		{"a trailer that never comes", []string{"X-Amz-Trailer", "x-amz-checksum-crc32"}, 400, "InvalidRequest"},
		{"an empty Content-MD5", []string{"Content-Md5", ""}, 400, "InvalidDigest"},
		{"a copy's checksum", []string{copySource, "/uploads/k", "X-Amz-Checksum-Crc32", crc}, 501, "NotImplemented"},
		{"a copy's unknown algorithm", []string{copySource, "/uploads/k", checksumAlgorithm, "ROT13"}, 400, "InvalidRequest"},
	} {
		res, reply := e.raw(t, http.MethodPut, "/uploads/x", "text", c.headers...)
		wantError(t, c.what, res, reply, c.status, c.code)
	}
	if res, _ := e.raw(t, http.MethodHead, "/uploads/x", ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("after refused uploads HEAD is %s, want 404", res.Status)
	}
	res, reply := e.raw(t, http.MethodPost, "/uploads/x?uploads", "", "X-Amz-Checksum-Crc32", crc)
	wantError(t, "an upload's checksum at its start", res, reply, http.StatusNotImplemented, "NotImplemented")
}

// TestChecksumWithoutAsking: an object has CRC64NVME, and one's choice if it is named.
func TestChecksumWithoutAsking(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	res, _ := e.raw(t, http.MethodPut, "/uploads/x", "text")
	if got, want := res.Header.Get("X-Amz-Checksum-Crc64nvme"), sumOf(diskobject.CRC64NVME, "text"); got != want {
		t.Errorf("PUT shows CRC64NVME %q, want %q", got, want)
	}
	res, _ = e.raw(t, http.MethodPut, "/uploads/x", "text", checksumAlgorithm, "SHA512")
	if got, want := res.Header.Get("X-Amz-Checksum-Sha512"), sumOf(diskobject.SHA512, "text"); got != want {
		t.Errorf("PUT with an algorithm shows SHA512 %q, want %q", got, want)
	}
	for _, a := range diskobject.Algorithms() {
		res, reply := e.raw(t, http.MethodPut, "/uploads/copy", "", copySource, "/uploads/x", checksumAlgorithm, string(a))
		if want := fmt.Sprintf("<Checksum%s>%s<", a, xmlText(sumOf(a, "text"))); res.StatusCode != http.StatusOK || !strings.Contains(reply, want) {
			t.Errorf("CopyObject with %s: %s %s, want %s", a, res.Status, reply, want)
		}
	}
}

func xmlText(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

// TestChunkedCodingIsNotKept: aws-chunked is about the transfer, also if the body is not
// chunked.
func TestChunkedCodingIsNotKept(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	for sent, want := range map[string]string{"gzip, aws-chunked": "gzip", "aws-chunked": "", "gzip": "gzip", "gzip, br": "gzip, br"} {
		e.raw(t, http.MethodPut, "/uploads/x", "text", "Content-Encoding", sent)
		res, _ := e.raw(t, http.MethodGet, "/uploads/x", "", "Accept-Encoding", "identity")
		if got := res.Header.Get("Content-Encoding"); got != want {
			t.Errorf("Content-Encoding %q comes back as %q, want %q", sent, got, want)
		}
	}
}
