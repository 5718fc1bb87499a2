package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/api/adminapi"
)

// TestQuickResponsesElsewhere imports where only AWS's API is, which tells no counts.
func TestQuickResponsesElsewhere(t *testing.T) {
	t.Parallel()
	c := withoutOwnAPI(t, launch(t, t.TempDir()))
	for _, tt := range []struct {
		what, file string
		code       int
		says       string // the outcome
		fails      string // the error
	}{
		{"all rows kept", "name,content\nhello,Hello\nbye,Goodbye\n", 0, `"state":"completed"`, ""},
		{"some rejected", "name,content\nhello,Hello\nthanks,Thanks\n", exitRejects, `"state":"completed"`, "records were rejected; their report: http"},
		{"none kept", "name,content\nhello,Hello\n", exitJobFailed, `"state":"failed"`, "failed: records were rejected; their report: http"},
	} {
		var out strings.Builder
		err := importText(t.Context(), t, c, &quickResponses{listName: listName{kind: "quick-responses", ref: "support"}}, tt.file, true, &watcher{json: true, quiet: true, out: &out, errs: io.Discard})
		code, text := 0, ""
		var ended *jobError
		if errors.As(err, &ended) {
			code, text = ended.code, ended.text
		}
		if code != tt.code || !strings.Contains(out.String(), tt.says) || strings.Contains(out.String(), "imported") {
			t.Errorf("%s: exit code %d, outcome %s; want %d, %s and no counts (%v)", tt.what, code, &out, tt.code, tt.says, err)
		}
		if !strings.Contains(text, tt.fails) {
			t.Errorf("%s: error %q, want %q", tt.what, text, tt.fails)
		}
	}
}

func TestQuickResponsesWithoutRecords(t *testing.T) {
	t.Parallel()
	c, err := launch(t, t.TempDir()).clientConfig.client()
	if err != nil {
		t.Fatal(err)
	}
	err = importText(t.Context(), t, c, &quickResponses{listName: listName{kind: "quick-responses", ref: "support"}}, "name,content\n", true, &watcher{quiet: true, out: io.Discard, errs: io.Discard})
	var ended *jobError
	if !errors.As(err, &ended) || ended.code != exitJobFailed || !strings.HasSuffix(ended.text, "failed: the file has no records") {
		t.Errorf("import of a header alone: %v, want it to tell that there are no records", err)
	}
}

// withoutOwnAPI is a client of s by way of something that only knows AWS's APIs.
func withoutOwnAPI(t *testing.T, s *running) *client {
	t.Helper()
	to, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host // which is signed
	}}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, adminapi.Prefix) {
			w.WriteHeader(http.StatusForbidden)
			_ = json.NewEncoder(w).Encode(map[string]string{"message": "Missing Authentication Token"})
			return
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	elsewhere := s.clientConfig
	elsewhere.URL = proxy.URL
	c, err := elsewhere.client()
	if err != nil {
		t.Fatal(err)
	}
	c.s3 = ""
	return c
}
