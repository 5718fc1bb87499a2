package wire_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/wire"
)

// One small call of each protocol, from the request to the last byte of the reply.
func BenchmarkServe(b *testing.B) {
	for name, tt := range map[string]struct{ method, path, target, body string }{
		"rest": {"GET", "/v2/email/suppression/addresses/a%2Bb%40example.com", "", ""},
		"json": {"POST", "/", "MailManagerSvc.GetAddressList", `{"AddressListId":"al-3qlenopx5xw66ewlx3phx7jz"}`},
	} {
		b.Run(name, func(b *testing.B) {
			m := newMux(wire.Options{})
			b.ReportAllocs()
			for b.Loop() {
				r, err := http.NewRequestWithContext(b.Context(), tt.method, "http://localhost"+tt.path, strings.NewReader(tt.body))
				if err != nil {
					b.Fatal(err)
				}
				if tt.target != "" {
					r.Header.Set("X-Amz-Target", tt.target)
				}
				w := httptest.NewRecorder()
				match, _ := m.Match(r)
				if m.Serve(w, r, match); w.Code != http.StatusOK {
					b.Fatal(w.Body)
				}
			}
		})
	}
}
