package node

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/sigv4"
)

// TestWorkerAnswersNoAPI calls every API of a server that only runs imports.
func TestWorkerAnswersNoAPI(t *testing.T) {
	t.Parallel()
	n, err := Open(t.Context(), Options{Memory: true, Roles: []Role{Worker}, Key: func() (sigv4.Credentials, error) { return testKey, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	server := httptest.NewServer(n.gateway)
	defer server.Close()
	c := newCaller(t.Context(), server.URL)
	for _, r := range []struct{ method, path, service, body, target string }{
		{http.MethodPost, "/", "ses", "{}", "MailManagerSvc.ListAddressLists"},
		{http.MethodGet, "/v2/email/contact-lists", "ses", "", ""},
		{http.MethodPut, "/v2/email/suppression/addresses", "ses", "{}", ""},
		{http.MethodGet, "/knowledgeBases", "wisdom", "", ""},
		{http.MethodPost, "/", "ses", "{}", "MailManagerSvc.NoSuchOperation"},
		{http.MethodGet, "/nothing", "ses", "", ""},
		{http.MethodGet, "/sluice/v1/jobs", "sluice", "", ""},
		{http.MethodPost, "/sluice/v1/snapshot", "sluice", "", ""},
		{http.MethodGet, "/bucket/key", "s3", "", ""},
	} {
		status, text := c.call(r.method, r.path, r.service, r.body, "X-Amz-Target", r.target)
		if status != http.StatusServiceUnavailable || !strings.Contains(text, "this server only runs imports") {
			t.Errorf("%s %s: %d %s, want 503 and why", r.method, r.path, status, text)
		}
	}
	for path, want := range map[string]int{"/readyz": http.StatusOK, "/livez": http.StatusOK, "/readyz?role=api": http.StatusServiceUnavailable} {
		resp, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s %s, want %d", path, resp.Status, text, want)
		}
	}
}
