package gateway

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/sigv4"
)

// refusing starts a gateway whose S3 refuses everything unread.
func refusing(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewTLSServer(New(Parts{
		Verifier: sigv4.NewVerifier(nil, sigv4.Options{}),
		S3: func(w http.ResponseWriter, _ *http.Request, _ *sigv4.Signature) {
			http.Error(w, "refused", http.StatusForbidden)
		},
		IsS3: func(*http.Request, *sigv4.Signature) bool { return true },
	}, Options{Stall: time.Minute}))
	t.Cleanup(server.Close)
	return server
}

func dialTLS(t *testing.T, server *httptest.Server) net.Conn {
	t.Helper()
	config := server.Client().Transport.(*http.Transport).TLSClientConfig
	conn, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(2 * time.Minute))
	return conn
}

// TestRefusedBodies: a client that sends all of its body before it reads sees why it was
// refused, and its connection goes on.
func TestRefusedBodies(t *testing.T) {
	t.Parallel()
	server := refusing(t)
	conn := dialTLS(t, server)
	in := bufio.NewReader(conn)
	send := func(size int64) {
		t.Helper()
		fmt.Fprintf(conn, "PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", size)
		if _, err := io.Copy(conn, io.LimitReader(zeros{}, size)); err != nil {
			t.Fatalf("send %d bytes: %v", size, err)
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil || res.StatusCode != http.StatusForbidden || res.Close {
			t.Fatalf("reply to %d bytes: %+v, %v, want 403 on a connection that goes on", size, res, err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
	}
	send(300 << 10)
	send(10 << 20)
	send(drainBytes)
}

// TestRefusedBodiesAreBounded: what would be more is not waited for, nor is a body that
// comes only when it is asked for.
func TestRefusedBodiesAreBounded(t *testing.T) {
	t.Parallel()
	server := refusing(t)
	for what, head := range map[string]string{
		"a large body":   fmt.Sprintf("Content-Length: %d\r\n\r\n", drainBytes+1),
		"100 Continue":   "Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n",
		"endless chunks": "Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n",
	} {
		conn := dialTLS(t, server)
		fmt.Fprint(conn, "PUT /b/k HTTP/1.1\r\nHost: h\r\n"+head)
		if what == "endless chunks" {
			go func() { _, _ = io.Copy(conn, zeros{}) }() // ends with the connection
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || res.StatusCode != http.StatusForbidden || !res.Close {
			t.Errorf("reply to %s: %+v, %v, want 403 and the connection's end", what, res, err)
		}
	}
}

// TestRefusedBodiesHaveTime: a body that does not come, or comes a byte at a time, holds
// its connection for a bounded time.
func TestRefusedBodiesHaveTime(t *testing.T) {
	t.Parallel()
	g := New(Parts{
		Verifier: sigv4.NewVerifier(nil, sigv4.Options{}),
		S3: func(w http.ResponseWriter, _ *http.Request, _ *sigv4.Signature) {
			http.Error(w, "refused", http.StatusForbidden)
		},
		IsS3: func(*http.Request, *sigv4.Signature) bool { return true },
	}, Options{Stall: time.Minute})
	serving(t, &Server{Handler: g}, func(l *pipes, _ func(), _ <-chan error) {
		conn := l.dial()
		ended := make(chan struct{})
		defer func() { _ = conn.Close(); <-ended }()
		began := time.Now()
		fmt.Fprint(conn, "PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n")
		go func() {
			defer close(ended)
			for {
				time.Sleep(time.Second)
				if _, err := conn.Write([]byte("x")); err != nil {
					return
				}
			}
		}()
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if took := time.Since(began); err != nil || res.StatusCode != http.StatusForbidden || took > drainTime+time.Second {
			t.Errorf("reply to a body that comes slowly: %+v, %v after %s, want 403 within %s", res, err, took, drainTime)
		}
	})
}
