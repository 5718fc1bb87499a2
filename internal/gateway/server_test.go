package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/internal/sigv4"
)

// pipes is a listener whose connections are in memory, so that time may be faked.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4680} }

// serving runs a server around a test, in a bubble of fake time.
func serving(t *testing.T, s *Server, test func(l *pipes, stop func(), ended <-chan error)) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		s.Listener = l
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		quiet := make(chan struct{})
		go func() {
			defer close(quiet)
			ended <- s.Run(ctx)
		}()
		test(l, stop, ended)
		stop()
		<-quiet // time stands still once this function has returned
	})
}

// echoing is a gateway whose S3 sends back what it gets.
func echoing() *Gateway {
	return New(Parts{
		Verifier: sigv4.NewVerifier(nil, sigv4.Options{}),
		S3: func(w http.ResponseWriter, r *http.Request, _ *sigv4.Signature) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, "broken off", http.StatusBadRequest)
				return
			}
			_, _ = w.Write(body)
		},
		IsS3: func(*http.Request, *sigv4.Signature) bool { return true },
	}, Options{Stall: time.Minute})
}

func TestSlowIsFineAndStandingIsNot(t *testing.T) {
	t.Parallel()
	serving(t, &Server{Handler: echoing()}, func(l *pipes, _ func(), _ <-chan error) {
		conn := l.dial()
		defer conn.Close()
		const size = 200 // a byte every half a minute: more than an hour and a half
		fmt.Fprintf(conn, "PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", size)
		for range size {
			time.Sleep(30 * time.Second)
			if _, err := conn.Write([]byte("x")); err != nil {
				t.Fatalf("a slow upload was cut off: %v", err)
			}
		}
		if got := readReply(t, conn); !strings.HasPrefix(got, "HTTP/1.1 200 OK") || !strings.HasSuffix(got, "xxx") {
			t.Errorf("reply to a slow upload: %q, want it echoed", got)
		}

		// The same connection goes on, with deadlines of its own.
		fmt.Fprintf(conn, "PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf")
		began := time.Now()
		got := readReply(t, conn)
		if took := time.Since(began); took > 65*time.Second || strings.HasPrefix(got, "HTTP/1.1 200") {
			t.Errorf("an upload that stands ended after %s with %q, want a refusal within a minute", took, got)
		}
	})
}

func readReply(t *testing.T, conn net.Conn) string {
	t.Helper()
	buf := make([]byte, 4096)
	n, err := conn.Read(buf)
	if err != nil && !errors.Is(err, io.EOF) {
		t.Errorf("read reply: %v", err)
	}
	return string(buf[:n])
}

func TestReaderThatStandsIsCutOff(t *testing.T) {
	t.Parallel()
	var wrote chan error
	g := New(Parts{
		Verifier: sigv4.NewVerifier(nil, sigv4.Options{}),
		S3: func(w http.ResponseWriter, _ *http.Request, _ *sigv4.Signature) {
			_, err := io.Copy(w, io.LimitReader(zeros{}, 10<<20))
			wrote <- err
		},
		IsS3: func(*http.Request, *sigv4.Signature) bool { return true },
	}, Options{Stall: time.Minute})
	serving(t, &Server{Handler: g}, func(l *pipes, _ func(), _ <-chan error) {
		wrote = make(chan error, 1) // of the bubble
		conn := l.dial()
		defer conn.Close()
		fmt.Fprint(conn, "GET /b/k HTTP/1.1\r\nHost: h\r\n\r\n")
		began := time.Now()
		if err := <-wrote; err == nil || time.Since(began) > 65*time.Second {
			t.Errorf("a reply that nobody reads: %v after %s, want an error within a minute", err, time.Since(began))
		}
	})
}

// slow is a handler that is done after a time, or when its connection is gone.
func slow(d time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(d):
			_, _ = io.WriteString(w, "done")
		case <-r.Context().Done():
		}
	})
}

func TestShutdownLetsRequestsEnd(t *testing.T) {
	t.Parallel()
	serving(t, &Server{Handler: slow(20 * time.Second)}, func(l *pipes, stop func(), ended <-chan error) {
		conn := l.dial()
		defer conn.Close()
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		synctest.Wait()
		stop()
		if got := readReply(t, conn); !strings.HasSuffix(got, "done") {
			t.Errorf("reply to a request that ran: %q, want done", got)
		}
		if err := <-ended; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
}

func TestShutdownIsBounded(t *testing.T) {
	t.Parallel()
	log := &buffer{}
	s := &Server{Handler: slow(time.Hour), Grace: 5 * time.Second, Log: slog.New(slog.NewTextHandler(log, nil))}
	serving(t, s, func(l *pipes, stop func(), ended <-chan error) {
		conn := l.dial()
		defer conn.Close()
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		synctest.Wait()
		stop()
		began := time.Now()
		if err := <-ended; err != nil || time.Since(began) > 11*time.Second {
			t.Errorf("Run = %v after %s, want nil after the grace of 5s", err, time.Since(began))
		}
		if !strings.Contains(log.String(), "requests cut off") {
			t.Errorf("log: %q, want a word on what was cut off", log)
		}
	})
}
