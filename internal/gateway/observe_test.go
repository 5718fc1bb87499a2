package gateway

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/sigv4"
)

// TestLogLevels: what this server does not have is no failure of it, and operators are
// not to be woken by a client that asks.
func TestLogLevels(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{200: "INFO", 404: "INFO", 501: "INFO", 500: "ERROR", 503: "ERROR"} {
		out := &buffer{}
		g := New(Parts{S3: func(w http.ResponseWriter, _ *http.Request, _ *sigv4.Signature) { w.WriteHeader(status) }},
			Options{Log: slog.New(slog.NewJSONHandler(out, nil))})
		r := httptest.NewRequest(http.MethodGet, "/bucket?acl", nil)
		sigv4.Sign(r, root, "eu-west-1", serviceS3, sigv4.EmptyPayload, time.Now())
		g.ServeHTTP(httptest.NewRecorder(), r)
		if text := out.String(); !strings.Contains(text, `"level":"`+want+`"`) {
			t.Errorf("status %d: %s, want level %s", status, text, want)
		}
	}
}
