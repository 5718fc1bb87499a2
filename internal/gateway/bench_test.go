package gateway

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
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
	g, r := benchGateway(), signedOperation()
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatalf("status %d: %s", w.Code, w.Body)
		}
	}
}

func benchGateway() *Gateway {
	return New(Parts{
		Verifier: sigv4.NewVerifier(func(id string) (sigv4.Credentials, bool) { return root, id == root.AccessKey }, sigv4.Options{}),
		APIs:     []*wire.API{things(func(context.Context) {})},
	}, Options{Log: slog.New(slog.NewJSONHandler(io.Discard, nil))})
}

func signedOperation() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/things/a", nil)
	sigv4.Sign(r, root, "eu-west-1", "thing", sigv4.EmptyPayload, time.Now())
	return r
}

// BenchmarkConnection is BenchmarkOperation on a connection of a Server that bounds their
// number: what net/http and the deadlines cost, too.
func BenchmarkConnection(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	s := Server{Handler: benchGateway(), Listener: l, MaxConnections: 100}
	go func() { ended <- s.Run(ctx) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	var request bytes.Buffer
	r := signedOperation()
	if err := r.Write(&request); err != nil {
		b.Fatal(err)
	}
	in := bufio.NewReader(conn)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.Write(request.Bytes()); err != nil {
			b.Fatal(err)
		}
		skipReply(b, in)
	}
	b.StopTimer()
	_ = conn.Close()
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
}

// skipReply reads a reply of 200 without allocating: that of the server is measured.
func skipReply(b *testing.B, in *bufio.Reader) {
	b.Helper()
	length := 0
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			b.Fatal(err)
		}
		if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) {
			b.Fatalf("got %q, want 200", line)
		}
		if rest, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			for _, digit := range bytes.TrimSpace(rest) {
				length = length*10 + int(digit-'0')
			}
		}
		if len(bytes.TrimSpace(line)) == 0 {
			break
		}
	}
	if _, err := in.Discard(length); err != nil {
		b.Fatal(err)
	}
}
