package s3

import (
	"net/http"
	"strings"
	"testing"
)

// The tests of docs/differences.md that are S3's.

func TestD54_BucketAgain(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	res, reply := e.raw(t, http.MethodPut, "/uploads", "")
	wantError(t, "CreateBucket again", res, reply, http.StatusConflict, "BucketAlreadyOwnedByYou")
}

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
	} {
		res, reply := e.raw(t, http.MethodPut, "/uploads/p", "text", promise...)
		wantError(t, "PUT with "+promise[0], res, reply, http.StatusNotImplemented, "NotImplemented")
	}
}

func TestD56_SignatureVersion2(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL+"/uploads/k?AWSAccessKeyId=AKIDROOT&Signature=c2ln&Expires=4102444800", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, reply := e.do(t, r)
	wantError(t, "GET by a link of Signature Version 2", res, reply, http.StatusBadRequest, "InvalidRequest")
	if !strings.Contains(reply, "Signature Version 4") {
		t.Errorf("%s: want the sentence to name Signature Version 4", reply)
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
