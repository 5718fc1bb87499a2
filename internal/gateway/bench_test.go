package gateway

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/sigv4"
	"github.com/sluicehq/sluice/internal/wire"
)

// BenchmarkOperation is a signed call of an operation that does nothing: what every
// request costs before a service does its work.
func BenchmarkOperation(b *testing.B) {
	g := New(Parts{
		Verifier: sigv4.NewVerifier(func(id string) (sigv4.Credentials, bool) { return root, id == root.AccessKey }, sigv4.Options{}),
		APIs:     []*wire.API{things(func(context.Context) {})},
	}, Options{Log: slog.New(slog.NewJSONHandler(io.Discard, nil))})
	r := httptest.NewRequest(http.MethodGet, "/things/a", nil)
	sigv4.Sign(r, root, "eu-west-1", "thing", sigv4.EmptyPayload, time.Now())
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatalf("status %d: %s", w.Code, w.Body)
		}
	}
}
