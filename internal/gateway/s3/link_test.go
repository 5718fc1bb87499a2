package s3

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/sigv4"
)

// byLink makes a link with the parameters, and uses it with the headers.
func (e *endpoint) byLink(t testing.TB, method, target, body string, parameters url.Values, headers ...string) (*http.Response, string) {
	t.Helper()
	u, err := url.Parse(e.URL + target)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for name, values := range parameters {
		q[name] = values
	}
	u.RawQuery = q.Encode()
	link := sigv4.Presign(method, u, root, "eu-west-1", service, time.Minute, nil, time.Now())
	r, err := http.NewRequestWithContext(t.Context(), method, link, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return e.do(t, r)
}

// TestD135_HeadersInLinks: what a presigner moved into the query is as good as a header.
func TestD135_HeadersInLinks(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	kept := map[string]string{
		"x-amz-meta-origin": "crm", "Cache-Control": "no-store", "Content-Disposition": "attachment",
		"Content-Language": "de", "Content-Type": "text/csv",
	}
	parameters := url.Values{"x-amz-acl": {"private"}, "x-amz-storage-class": {"STANDARD"}, "x-amz-tagging": {"a=b"}}
	for name, value := range kept {
		parameters.Set(name, value)
	}
	if res, reply := e.byLink(t, "PUT", "/uploads/linked", "a,b", parameters, "Content-Type", "application/x-www-form-urlencoded"); res.StatusCode != 200 {
		t.Fatalf("PUT: %s %s", res.Status, reply)
	}
	res, text := e.raw(t, "GET", "/uploads/linked", "")
	if text != "a,b" {
		t.Errorf("GET = %q, want a,b", text)
	}
	for name, want := range kept {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q as in the link", name, got, want)
		}
	}

	for _, c := range []struct {
		what, name, value string
		status            int
		code              string
	}{
		{"another owner", "x-amz-expected-bucket-owner", other.Account, 403, "AccessDenied"},
		{"a lock", "x-amz-object-lock-mode", "COMPLIANCE", 501, "NotImplemented"},
		{"a customer's key", "x-amz-server-side-encryption-customer-algorithm", "AES256", 501, "NotImplemented"},
		{"a condition", "If-None-Match", "*", 412, "PreconditionFailed"},
		{"MD5 of another text", "Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA==", 400, "BadDigest"},
		{"metadata too large", "x-amz-meta-a", strings.Repeat("a", 3000), 400, "MetadataTooLarge"},
		{"metadata with a line end", "x-amz-meta-a", "a\nb", 400, "InvalidArgument"},
		{"a name that is none", "x-amz-meta-a b", "a", 400, "InvalidArgument"},
		{"a copy of nothing", "x-amz-copy-source", "uploads/nobody", 404, "NoSuchKey"},
	} {
		res, reply := e.byLink(t, "PUT", "/uploads/k", "a,b", url.Values{c.name: {c.value}})
		wantError(t, c.what, res, reply, c.status, c.code)
	}
	if res, reply := e.byLink(t, "GET", "/uploads/k?x-amz-checksum-mode=ENABLED", "", nil); res.StatusCode != 200 || res.Header.Get("X-Amz-Checksum-Type") == "" {
		t.Errorf("GET by a link in checksum mode: %s %s %v, want a checksum", res.Status, reply, res.Header)
	}
	if res, reply := e.byLink(t, "PUT", "/uploads/copy", "", url.Values{"x-amz-copy-source": {"uploads/linked"}}); res.StatusCode != 200 || !strings.Contains(reply, "CopyObjectResult") {
		t.Errorf("copy by a link: %s %s, want a copy", res.Status, reply)
	}
}

// TestD136_ChecksumsInLinks: a checksum in a link is compared, but for that of no bytes,
// which AWS's presigner for JavaScript writes into links for bodies to come.
func TestD136_ChecksumsInLinks(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	sum := func(a diskobject.Algorithm, text string) string {
		h := a.New()
		h.Write([]byte(text))
		return base64.StdEncoding.EncodeToString(h.Sum(nil))
	}
	for _, a := range diskobject.Algorithms() {
		name := "x-amz-checksum-" + strings.ToLower(string(a))
		for value, want := range map[string]int{sum(a, ""): 200, sum(a, "a,b"): 200, sum(a, "x"): 400} {
			p := url.Values{name: {value}, "x-amz-sdk-checksum-algorithm": {string(a)}}
			if res, reply := e.byLink(t, "PUT", "/uploads/sum", "a,b", p); res.StatusCode != want {
				t.Errorf("PUT with %s=%s: %s %s, want %d", name, value, res.Status, reply, want)
			}
		}
	}
	for _, c := range []struct{ name, value string }{
		{"x-amz-checksum-rot13", "AAAA"}, {"x-amz-checksum-crc32", "?"}, {"x-amz-sdk-checksum-algorithm", "ROT13"},
	} {
		res, reply := e.byLink(t, "PUT", "/uploads/sum", "a,b", url.Values{c.name: {c.value}})
		wantError(t, c.name, res, reply, 400, "InvalidRequest")
	}
}
