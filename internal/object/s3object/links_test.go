package s3object_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/s3object"
)

// do uses a link as any HTTP client would.
func do(t *testing.T, method, link, contentType, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, link, strings.NewReader(body))
	if err != nil {
		t.Fatalf("%s %s: %v", method, link, err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := fresh(t).Do(req)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: read the reply: %v", method, err)
	}
	return resp.StatusCode, string(text)
}

// Links work for plain HTTP clients, whatever content type they send.
func TestLinks(t *testing.T) {
	t.Parallel()
	r := newRig(t, endpoint(t))
	s := r.open(s3object.Options{})
	n := r.name("uploads/a b+c/ключ.csv")
	link := func(method string) string {
		l, err := s.Presign(t.Context(), object.Link{Method: method, Name: n, Base: "http://ignored.example", Region: "ignored-1", Life: time.Hour})
		r.check("Presign "+method, err)
		return l
	}
	for _, contentType := range []string{"", "text/csv", "application/octet-stream"} {
		text := "a@example.com\n" + contentType
		if status, reply := do(t, "PUT", link("PUT"), contentType, text); status != http.StatusOK {
			t.Fatalf("PUT with content type %q: %d %s", contentType, status, reply)
		}
		if got, err := read(t.Context(), s, n, "", 0); err != nil || string(got) != text {
			t.Errorf("after PUT with content type %q there is %q, %v; want %q", contentType, got, err, text)
		}
		if status, reply := do(t, "GET", link("GET"), "", ""); status != http.StatusOK || reply != text {
			t.Errorf("GET: %d %q, want %q", status, reply, text)
		}
	}
	if status, _ := do(t, "HEAD", link("HEAD"), "", ""); status != http.StatusOK {
		t.Errorf("HEAD: %d, want 200", status)
	}
	for _, wrong := range []string{"PUT", "DELETE"} {
		if status, _ := do(t, wrong, link("GET"), "", "x"); status != http.StatusForbidden {
			t.Errorf("%s by a link for GET: %d, want 403", wrong, status)
		}
	}
	other := strings.Replace(link("GET"), account, "999999999999", 1)
	if status, _ := do(t, "GET", other, "", ""); status != http.StatusForbidden {
		t.Errorf("GET of another account's object by this one's link: %d, want 403", status)
	}
}

// A link signs nothing but the host, or clients would have to send what they do not know of.
func TestLinksSignTheHostAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, endpoint(t))
	s := r.openAt(r.address, s3object.Options{}, "public-endpoint", "https://files.example.com:8443")
	for _, method := range []string{"GET", "HEAD", "PUT"} {
		text, err := s.Presign(t.Context(), object.Link{Method: method, Name: r.name("list"), Life: 90 * time.Second})
		r.check("Presign", err)
		u, err := url.Parse(text)
		r.check("Parse", err)
		q := u.Query()
		if q.Get("X-Amz-SignedHeaders") != "host" || q.Get("X-Amz-Expires") != "90" {
			t.Errorf("%s link signs %q for %q seconds, want host and 90", method, q.Get("X-Amz-SignedHeaders"), q.Get("X-Amz-Expires"))
		}
		for name := range q {
			if strings.Contains(strings.ToLower(name), "checksum") {
				t.Errorf("%s link asks for a checksum: %s", method, name)
			}
		}
		if want := "https://files.example.com:8443/" + r.bucket + "/some/prefix/" + account + "/list"; !strings.HasPrefix(text, want+"?") {
			t.Errorf("%s link = %s, want %s", method, text, want)
		}
	}
}

func TestRefusedLinks(t *testing.T) {
	t.Parallel()
	r := newRig(t, endpoint(t))
	s := r.open(s3object.Options{})
	source := object.Name{Account: account, Bucket: "elsewhere", Key: "k"}
	for _, c := range []struct {
		method string
		name   object.Name
		life   time.Duration
		want   fault.Kind
	}{
		{"DELETE", r.name("k"), time.Hour, fault.Invalid},
		{"GET", r.name("k"), 0, fault.Invalid},
		{"GET", r.name("k"), 8 * 24 * time.Hour, fault.Invalid},
		{"GET", r.name("../k"), time.Hour, fault.Invalid},
		{"GET", source, time.Hour, fault.Denied},
		{"PUT", source, time.Hour, fault.Denied},
	} {
		if link, err := s.Presign(t.Context(), object.Link{Method: c.method, Name: c.name, Life: c.life}); !fault.Is(err, c.want) {
			t.Errorf("Presign %s %s for %v = %q, %v, want %v", c.method, c.name.URL(), c.life, link, err, c.want)
		}
	}
}

// A large upload by a link is read like any other.
func TestLargeUploadByLink(t *testing.T) {
	t.Parallel()
	r := newRig(t, endpoint(t))
	s := r.open(s3object.Options{})
	link, err := s.Presign(t.Context(), object.Link{Method: "PUT", Name: r.name("uploads/1"), Life: time.Hour})
	r.check("Presign", err)
	text := random(6 << 20)
	if status, reply := do(t, "PUT", link, "", string(text)); status != http.StatusOK {
		t.Fatalf("PUT: %d %s", status, reply)
	}
	if got, err := read(t.Context(), s, r.name("uploads/1"), "", 1<<20); err != nil || !bytes.Equal(got, text[1<<20:]) {
		t.Errorf("read %d bytes, %v; want those from 1 MiB on", len(got), err)
	}
}
