package s3

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/sigv4"
)

// TestD182_WhatABrowserWouldRun: by a link nothing is served that a browser runs on the
// origin of the APIs, whatever the object or the link asks for. Callers that sign a header
// get what was stored.
func TestD182_WhatABrowserWouldRun(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	for _, c := range []struct{ contentType, stored, query, want, plain string }{
		{"text/html", "", "", "attachment", ""},
		{"TEXT/HTML; charset=utf-8", "", "", "attachment", ""},
		{"image/svg+xml", "inline", "", "attachment", "inline"},
		{"text/html", `inline; filename="a b.html"`, "", `attachment; filename="a b.html"`, `inline; filename="a b.html"`},
		{"text/html", `attachment; filename="a.html"`, "", `attachment; filename="a.html"`, `attachment; filename="a.html"`},
		{"text/html", "", "inline", "attachment", ""},
		{"text/html", "attachment", "inline", "attachment", "attachment"},
		{"text/html", "a;b;=", "", "attachment", "a;b;="},
		{"application/xml", "", "", "attachment", ""},
		{"text/javascript", "", "", "attachment", ""},
		{"application/xhtml+xml", "", "", "attachment", ""},
		{"application/pdf", "", "", "attachment", ""},
		{"no type", "", "", "attachment", ""},
		{"", "", "", "attachment", ""},
		{"text/csv", "", "", "", ""},
		{"text/csv", "inline", "", "inline", "inline"},
		{"text/plain; charset=utf-8", "", "", "", ""},
		{"image/png", "", "", "", ""},
	} {
		headers := []string{}
		if c.contentType != "" {
			headers = append(headers, "Content-Type", c.contentType)
		}
		if c.stored != "" {
			headers = append(headers, "Content-Disposition", c.stored)
		}
		if res, reply := e.raw(t, http.MethodPut, "/uploads/page", "<script>", headers...); res.StatusCode != http.StatusOK {
			t.Fatalf("PUT: %s %s", res.Status, reply)
		}
		what := c.contentType + ", " + c.stored + ", " + c.query
		query := ""
		if c.query != "" {
			query = "?response-content-disposition=" + url.QueryEscape(c.query)
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			r, err := http.NewRequestWithContext(t.Context(), method, presigned(t, e, method, "/uploads/page"+query), nil)
			if err != nil {
				t.Fatal(err)
			}
			res, _ := e.do(t, r)
			if got := res.Header.Get("Content-Disposition"); res.StatusCode != http.StatusOK || got != c.want || res.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s by a link to %s: %s, disposition %q, nosniff %q; want %q and nosniff", method, what, res.Status, got, res.Header.Get("X-Content-Type-Options"), c.want)
			}
		}
		res, _ := e.raw(t, http.MethodGet, "/uploads/page", "")
		if got := res.Header.Get("Content-Disposition"); got != c.plain || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("signed GET of %s: disposition %q, want %q and nosniff", what, got, c.plain)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, presigned(t, e, http.MethodGet, "/uploads/k?response-content-type=text/html"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if res, _ := e.do(t, r); res.Header.Get("Content-Disposition") != "attachment" {
		t.Errorf("a link that makes an object a page: disposition %q, want attachment", res.Header.Get("Content-Disposition"))
	}
}

// presigned returns a link to a target, which may have a query.
func presigned(t *testing.T, e *endpoint, method, target string) string {
	t.Helper()
	u, err := url.Parse(e.URL + target)
	if err != nil {
		t.Fatal(err)
	}
	return sigv4.Presign(method, u, root, "eu-west-1", service, time.Hour, nil, time.Now())
}

// TestReportLinksHaveAName: a link with the name of a file is served with it.
func TestReportLinksHaveAName(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	link, err := NewPresigner(root).Presign(t.Context(), object.Link{
		Method: http.MethodGet, Name: object.Name{Account: root.Account, Bucket: "uploads", Key: "k"},
		Base: e.URL, Region: "eu-west-1", Life: time.Hour, FileName: "job-1-rejected.csv",
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
	if err != nil {
		t.Fatal(err)
	}
	if res, reply := e.do(t, r); res.Header.Get("Content-Disposition") != "attachment; filename=job-1-rejected.csv" {
		t.Errorf("GET by the link: %s %s, disposition %q", res.Status, reply, res.Header.Get("Content-Disposition"))
	}
}
