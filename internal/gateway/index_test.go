package gateway

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/sigv4"
)

// TestWhatWasAskedFor: the log names an operation that is not served, within bounds and
// without what may be an address; the metric has one row for all of them.
func TestWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	f := start(t)
	for _, c := range []struct{ method, path, service, target, want string }{
		{"GET", "/assistants", "wisdom", "", "wisdom GET /assistants"},
		{"PATCH", "/things/a", "thing", "", "thing OTHER /things/a"},
		{"POST", "/v2/email/identities/jane%40example.com/dkim", "ses", "", "ses POST /v2/email/identities/…"},
		{"POST", "/v2/email/identities/jane.doe", "ses", "", "ses POST /v2/email/identities/…"},
		{"GET", "/a/b/c/d/e/f", "ses", "", "ses GET /a/b/c/d/…"},
		{"GET", "/" + strings.Repeat("x", 3000), "ses", "", "ses GET /…"},
		{"POST", "/", "sts", "", "sts POST /"},
		{"POST", "/", "dynamodb", "DynamoDB_20120810.ListTables", "dynamodb DynamoDB_20120810.ListTables"},
		{"POST", "/", "ses", "MailManagerSvc.CreateIngressPoint", "ses MailManagerSvc.CreateIngressPoint"},
		{"POST", "/", "ses", "jane@example.com", "ses (target of another form)"},
		{"POST", "/", "ses", strings.Repeat("x", 3000) + ".y", "ses (target of another form)"},
		{"POST", "/", "jane@example.com", "A.B", "A.B"},
	} {
		before := len(lines(t, f.log))
		headers := []string{}
		if c.target != "" {
			headers = []string{"X-Amz-Target", c.target}
		}
		got := f.do(t, c.method, c.path, c.service, "", headers...)
		line := lines(t, f.log)[before]
		if got.status < 400 || got.status >= 500 || line["requested"] != c.want || line["operation"] != "Unknown" || line["level"] != "INFO" {
			t.Errorf("%s %.60s %s: %d, log %v; want 4xx, INFO, and requested %q", c.method, c.path, c.target, got.status, line, c.want)
		}
	}
	if strings.Contains(f.log.String(), "jane") {
		t.Errorf("the log names a member:\n%s", f.log)
	}
	if shown := f.do(t, "GET", "/metrics", "", "").body; strings.Contains(shown, "assistants") || strings.Contains(shown, "DynamoDB") {
		t.Errorf("/metrics has rows that a caller made up:\n%s", shown)
	}
}

// TestPollsAreForDebug: what machines ask again and again is logged at DEBUG.
func TestPollsAreForDebug(t *testing.T) {
	t.Parallel()
	f := start(t)
	for _, c := range []struct{ path, service, level string }{
		{"/livez", "", "DEBUG"},
		{"/readyz", "", "DEBUG"},
		{"/metrics", "", "DEBUG"},
		{adminapi.Prefix + "jobs/j1", adminapi.SigningName, "DEBUG"},
		{adminapi.Prefix + "jobs", adminapi.SigningName, "INFO"},
		{"/things/a", "thing", "INFO"},
	} {
		before := len(lines(t, f.log))
		f.do(t, "GET", c.path, c.service, "")
		if line := lines(t, f.log)[before]; line["level"] != c.level {
			t.Errorf("GET %s: log %v, want level %s", c.path, line, c.level)
		}
	}
}

// TestRemoteBehindAProxy: the address is what the proxy says last; what comes before is the
// caller's.
func TestRemoteBehindAProxy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		proxy           bool
		forwarded, want string
	}{
		{true, "203.0.113.9, 198.51.100.7", "198.51.100.7"},
		{true, "2001:db8::1", "2001:db8::1"},
		{true, "jane@example.com", "192.0.2.1"},
		{true, "", "192.0.2.1"},
		{false, "198.51.100.7", "192.0.2.1"},
	} {
		out := &buffer{}
		g := New(Parts{Verifier: sigv4.NewVerifier(nil, sigv4.Options{})}, Options{Log: slog.New(slog.NewJSONHandler(out, nil)), Proxy: c.proxy})
		r := httptest.NewRequest(http.MethodGet, "/things/a", nil) // from 192.0.2.1
		sigv4.Sign(r, root, "eu-west-1", "thing", sigv4.EmptyPayload, time.Now())
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		g.ServeHTTP(httptest.NewRecorder(), r)
		if line := lines(t, out)[0]; line["remote"] != c.want {
			t.Errorf("X-Forwarded-For %q, trusted %t: remote %v, want %s", c.forwarded, c.proxy, line["remote"], c.want)
		}
	}
}
