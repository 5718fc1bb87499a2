package s3

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/sigv4"
)

const benchSize = 64 << 20

// signed returns a request to e, signed like that of a client without checksums.
func (e *endpoint) signed(t testing.TB, method, path string, body []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, e.URL+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sigv4.Sign(r, root, "eu-west-1", service, sigv4.UnsignedPayload, time.Now())
	return r
}

func BenchmarkPut64MiB(b *testing.B) {
	e := start(b, false, Options{})
	e.do(b, e.signed(b, http.MethodPut, "/uploads", nil))
	text := bytes.Repeat([]byte("somebody@example.com\n"), benchSize/21+1)[:benchSize]
	b.SetBytes(benchSize)
	for b.Loop() {
		if res, reply := e.do(b, e.signed(b, http.MethodPut, "/uploads/k", text)); res.StatusCode != http.StatusOK {
			b.Fatalf("PUT: %s %s", res.Status, reply)
		}
	}
}

func BenchmarkGet64MiB(b *testing.B) {
	e := start(b, false, Options{})
	e.do(b, e.signed(b, http.MethodPut, "/uploads", nil))
	e.do(b, e.signed(b, http.MethodPut, "/uploads/k", make([]byte, benchSize)))
	b.SetBytes(benchSize)
	for b.Loop() {
		res, err := e.Client().Do(e.signed(b, http.MethodGet, "/uploads/k", nil))
		if err != nil {
			b.Fatalf("GET: %v", err)
		}
		n, err := io.Copy(io.Discard, res.Body)
		if err != nil || n != benchSize || res.Body.Close() != nil {
			b.Fatalf("GET: %d bytes, %v", n, err)
		}
	}
}
