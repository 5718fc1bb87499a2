package s3

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/sigv4"
)

// The tests of docs/differences that are S3's.

func TestD55_HeadersWithoutEffect(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	ignored := []string{
		"X-Amz-Acl", "public-read", "X-Amz-Tagging", "a=b",
		"X-Amz-Storage-Class", "GLACIER", "X-Amz-Server-Side-Encryption", "AES256",
	}
	if res, reply := e.raw(t, http.MethodPut, "/uploads/o", "text", ignored...); res.StatusCode != http.StatusOK {
		t.Fatalf("PUT with headers of no effect: %s %s, want 200", res.Status, reply)
	}
	res, text := e.raw(t, http.MethodGet, "/uploads/o", "")
	if text != "text" {
		t.Errorf("GET = %q, want the text", text)
	}
	for i := 0; i < len(ignored); i += 2 {
		if got := res.Header.Get(ignored[i]); got != "" {
			t.Errorf("the reply has %s: %s, want nothing that was not kept", ignored[i], got)
		}
	}
	for _, promise := range [][]string{
		{"X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256"},
		{"X-Amz-Object-Lock-Mode", "COMPLIANCE"},
		{"X-Amz-Server-Side-Encryption", "aws:kms"},
		{"X-Amz-Website-Redirect-Location", "/elsewhere"},
	} {
		res, reply := e.raw(t, http.MethodPut, "/uploads/p", "text", promise...)
		wantError(t, "PUT with "+promise[0], res, reply, http.StatusNotImplemented, "NotImplemented")
	}
}

// TestD215_UnknownHeaders: a change with an x-amz-* header that S3 does not have changes
// nothing.
func TestD215_UnknownHeaders(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	for name, do := range map[string]send{"header": e.raw, "link": e.rawByLink} {
		for _, r := range []request{
			{"PUT", "/uploads/unknown", "text", nil},
			{"PUT", "/uploads/unknown", "", []string{copySource, "uploads/k"}},
			{"POST", "/uploads/unknown?uploads", "", nil},
			{"PUT", "/unknown", "", nil},
			{"DELETE", "/uploads/k", "", nil},
		} {
			res, reply := do(t, r.method, r.target, r.body, append(r.headers, "X-Amz-If-Match-Color", "red")...)
			wantError(t, r.method+" "+r.target+" with an unknown "+name, res, reply, http.StatusNotImplemented, "NotImplemented")
		}
		if res, reply := do(t, http.MethodGet, "/uploads/k", "", "X-Amz-If-Match-Color", "red"); res.StatusCode != http.StatusOK {
			t.Errorf("GET with an unknown %s: %s %s, want 200", name, res.Status, reply)
		}
		if res, _ := e.raw(t, http.MethodHead, "/uploads/unknown", ""); res.StatusCode != http.StatusNotFound {
			t.Errorf("after a PUT with an unknown %s HEAD is %s, want 404", name, res.Status)
		}
	}
}

func TestD56_SignatureVersion2(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	for _, c := range []struct{ what, target, authorization string }{
		{"link", "/uploads/k?AWSAccessKeyId=AKIDROOT&Signature=c2ln&Expires=4102444800", ""},
		{"header", "/uploads/k", "AWS AKIDROOT:c2ln"},
		{"header at the root", "/", "AWS AKIDROOT:c2ln"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL+c.target, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.authorization != "" {
			r.Header.Set("Authorization", c.authorization)
		}
		if !IsS3(r, sigv4.Parse(r)) {
			t.Errorf("%s of Signature Version 2 is not taken for S3's", c.what)
		}
		res, reply := e.do(t, r)
		wantError(t, c.what+" of Signature Version 2", res, reply, http.StatusBadRequest, "InvalidRequest")
		if !strings.Contains(reply, "Signature Version 4") {
			t.Errorf("%s: %s: want the sentence to name Signature Version 4", c.what, reply)
		}
	}
}

func TestD115_Conditions(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	res, reply := e.raw(t, http.MethodDelete, "/uploads/k", "", ifMatchSize, "99")
	wantError(t, "DELETE under another size", res, reply, http.StatusPreconditionFailed, "PreconditionFailed")
	if res, reply := e.raw(t, http.MethodDelete, "/uploads/nobody", "", ifMatchSize, "99"); res.StatusCode != http.StatusNoContent {
		t.Errorf("DELETE of nothing under a size: %s %s, want 204", res.Status, reply)
	}
	res, reply = e.raw(t, http.MethodPut, "/uploads/k", "", "If-Unmodified-Since", "Sat, 28 Nov 2026 00:00:00 GMT")
	wantError(t, "PUT under a time", res, reply, http.StatusNotImplemented, "NotImplemented")
	res, reply = e.raw(t, http.MethodDelete, "/uploads/k?uploadId=none", "", ifMatchStarted, "Sat, 28 Nov 2026 00:00:00 GMT")
	wantError(t, "abort of no upload under a time", res, reply, http.StatusNotFound, "NoSuchUpload")
}

func TestD116_ChecksumsWithoutAPlace(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	res, reply := e.raw(t, http.MethodGet, "/uploads/k", "", "X-Amz-Checksum-Rot13", "AAAA")
	wantError(t, "GET with an unknown checksum", res, reply, http.StatusBadRequest, "InvalidRequest")
	res, reply = e.raw(t, http.MethodPost, "/uploads/k?uploads", "", "X-Amz-Checksum-Sha256", sumOf(diskobject.SHA256, ""))
	wantError(t, "CreateMultipartUpload with a checksum", res, reply, http.StatusNotImplemented, "NotImplemented")
	res, _ = e.raw(t, http.MethodPut, "/uploads/k", "text", checksumAlgorithm, "XXHASH64")
	if got, want := res.Header.Get("X-Amz-Checksum-Xxhash64"), sumOf(diskobject.XXHASH64, "text"); got != want {
		t.Errorf("PUT with an algorithm shows %q, want %q", got, want)
	}
}

func TestD117_ChecksumsOfParts(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	m := e.multipart(t)
	m.put(t, diskobject.SHA1)
	res, reply := m.complete(t, m.document(nil), "X-Amz-Checksum-Sha1", sumOf(diskobject.SHA1, m.texts[0]+m.texts[1]))
	wantError(t, "Complete with a checksum of another algorithm", res, reply, http.StatusBadRequest, "InvalidRequest")
	res, reply = m.complete(t, m.document(element(diskobject.SHA1)), "X-Amz-Checksum-Crc64nvme", sumOf(diskobject.CRC64NVME, m.texts[0]+m.texts[1]))
	if res.StatusCode != http.StatusOK {
		t.Errorf("Complete with right checksums: %s %s, want 200", res.Status, reply)
	}
}

func TestD118_RangesOfSmallSources(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	e.raw(t, http.MethodPut, "/uploads/small", "0123456789")
	m := e.multipart(t)
	res, reply := e.raw(t, http.MethodPut, m.target+"&partNumber=1", "", copySource, "/uploads/small", copySource+"-Range", "bytes=2-4")
	if res.StatusCode != http.StatusOK {
		t.Errorf("UploadPartCopy of a range of 10 bytes: %s %s, want 200", res.Status, reply)
	}
}

func TestD119_CompletingAgain(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	m := e.multipart(t)
	m.put(t, "")
	_, want := m.complete(t, m.document(nil))
	e.raw(t, http.MethodDelete, "/uploads/multi", "")
	if res, reply := m.complete(t, m.document(nil)); res.StatusCode != http.StatusOK || reply != want {
		t.Errorf("Complete again: %s %s, want 200 %s", res.Status, reply, want)
	}
	if res, _ := e.raw(t, http.MethodHead, "/uploads/multi", ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("after Complete again HEAD is %s, want 404: the object was deleted", res.Status)
	}
	m.tags[0] = m.tags[1]
	res, reply := m.complete(t, m.document(nil))
	wantError(t, "Complete again with other parts", res, reply, http.StatusNotFound, "NoSuchUpload")
}
