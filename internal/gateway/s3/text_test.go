package s3

import (
	"net/http"
	"testing"
)

// TestD181_Text: a text that is not Unicode, in metadata, a kept header, the query or a
// document, is refused, and nothing is stored or deleted.
func TestD181_Text(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	const document = `<Delete><Object><Key>`
	const end = `</Key></Object></Delete>`
	if res, reply := e.raw(t, http.MethodPut, "/uploads/%EF%BF%BD", "kept"); res.StatusCode != http.StatusOK {
		t.Fatalf("PUT: %s %s", res.Status, reply)
	}
	for _, c := range []struct {
		what, method, target, body string
		headers                    []string
		code                       string
	}{
		{"metadata", "PUT", "/uploads/new", "text", []string{"X-Amz-Meta-Who", "J\xf6rg"}, "InvalidArgument"},
		{"metadata with a surrogate", "PUT", "/uploads/new", "text", []string{"X-Amz-Meta-Who", "\xed\xa0\x80"}, "InvalidArgument"},
		{"metadata of an upload", "POST", "/uploads/new?uploads", "", []string{"X-Amz-Meta-Who", "\xff"}, "InvalidArgument"},
		{"metadata of a copy", "PUT", "/uploads/new", "", []string{copySource, "uploads/k", "X-Amz-Metadata-Directive", "REPLACE", "X-Amz-Meta-Who", "\xff"}, "InvalidArgument"},
		{"a content type", "PUT", "/uploads/new", "text", []string{"Content-Type", "text/\xff"}, "InvalidArgument"},
		{"a disposition", "PUT", "/uploads/new", "text", []string{"Content-Disposition", "attachment; filename=\xe4.csv"}, "InvalidArgument"},
		{"a header of the reply", "GET", "/uploads/k?response-content-type=%ff", "", nil, "InvalidArgument"},
		{"a name in the query", "GET", "/uploads?%ff=1", "", nil, "InvalidArgument"},
		{"a key in the path", "PUT", "/uploads/%ff", "text", nil, "InvalidURI"},
		{"a key in a document", "POST", "/uploads?delete", document + "\xff" + end, nil, "MalformedXML"},
		{"a surrogate in a document", "POST", "/uploads?delete", document + "&#xD800;" + end, nil, "MalformedXML"},
		{"a surrogate in a document, decimal", "POST", "/uploads?delete", document + "&#57343;" + end, nil, "MalformedXML"},
	} {
		res, reply := e.raw(t, c.method, c.target, c.body, c.headers...)
		wantError(t, c.what, res, reply, http.StatusBadRequest, c.code)
	}
	if res, _ := e.raw(t, http.MethodHead, "/uploads/new", ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("HEAD of what was refused: %s, want 404", res.Status)
	}
	if res, text := e.raw(t, http.MethodGet, "/uploads/%EF%BF%BD", ""); text != "kept" {
		t.Errorf("GET of the key U+FFFD: %s %q, want it kept", res.Status, text)
	}
	if res, reply := e.raw(t, http.MethodPut, "/uploads/new", "text", "X-Amz-Meta-Who", "Jörg"); res.StatusCode != http.StatusOK {
		t.Errorf("PUT with metadata in UTF-8: %s %s, want 200", res.Status, reply)
	}
}

// TestD180_Integers: a number is written with digits only.
func TestD180_Integers(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	for _, n := range []string{"1_0", "1e1", "0x1", "%2B1", "%201", "1.0", "1%20", "%D9%A1"} {
		for _, target := range []string{"/uploads?max-keys=", "/?max-buckets=", "/uploads/k?partNumber="} {
			res, reply := e.raw(t, http.MethodGet, target+n, "")
			wantError(t, target+n, res, reply, http.StatusBadRequest, "InvalidArgument")
		}
	}
	for _, n := range []string{"+4", "4_0", "0x4", "4.0"} {
		if res, reply := e.raw(t, http.MethodPut, "/uploads/k", "text", ifMatchSize, n); res.StatusCode == http.StatusOK {
			t.Errorf("PUT with %s %s: %s %s, want it refused", ifMatchSize, n, res.Status, reply)
		}
		res, reply := e.raw(t, http.MethodDelete, "/uploads/k", "", ifMatchSize, n)
		wantError(t, ifMatchSize+" "+n, res, reply, http.StatusBadRequest, "InvalidArgument")
	}
}
