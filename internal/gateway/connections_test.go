package gateway

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// ask sends a request and returns the status of its reply; 0 if the connection is closed.
func ask(conn net.Conn) int {
	if _, err := fmt.Fprint(conn, "GET /livez HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		return 0
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// TestConnectionsThatWaitGiveWay: at the limit of connections a new one replaces one without
// a request. One whose first header is slow goes before those that have been used, also
// if it is younger; one that has just come goes after them. One that has a request stays.
func TestConnectionsThatWaitGiveWay(t *testing.T) {
	t.Parallel()
	g := echoing()
	serving(t, &Server{Handler: g, MaxConnections: 3}, func(l *pipes, _ func(), _ <-chan error) {
		uploading, slow, idle := l.dial(), l.dial(), l.dial()
		defer uploading.Close()
		defer slow.Close()
		defer idle.Close()
		fmt.Fprint(uploading, "PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nx")
		fmt.Fprint(slow, "GET /livez HTTP/1.1\r\nHost")
		if got := ask(idle); got != 200 {
			t.Fatalf("within the limit: status %d, want 200", got)
		}
		synctest.Wait()
		time.Sleep(2 * firstRequestWithin) // of the test's clock
		fourth := l.dial()
		defer fourth.Close()
		if got := ask(fourth); got != 200 {
			t.Errorf("at the limit: status %d, want 200", got)
		}
		if _, err := slow.Read(make([]byte, 1)); err == nil {
			t.Error("the slow header's connection is open, want it closed")
		}
		if got := ask(idle); got != 200 {
			t.Errorf("a connection that was used: status %d, want 200", got)
		}
		synctest.Wait()   // until the server has seen that they are idle
		fresh := l.dial() // instead of the fourth, which is idle for longest
		defer fresh.Close()
		synctest.Wait()
		fifth := l.dial() // instead of the idle one: the fresh one has time for its first request
		defer fifth.Close()
		synctest.Wait()
		if got := []int{ask(fresh), ask(idle), ask(fourth)}; !slices.Equal(got, []int{200, 0, 0}) {
			t.Errorf("a new connection, and two that are idle: status %d, want 200, and both closed", got)
		}
		fmt.Fprint(uploading, "y")
		if got := readReply(t, uploading); !strings.HasSuffix(got, "xy") {
			t.Errorf("upload: %q, want it served", got)
		}
	})
}

// TestFloodOfConnections: connections that are opened in a flood replace each other, and not
// those of clients that use theirs, although each of them is new.
func TestFloodOfConnections(t *testing.T) {
	t.Parallel()
	serving(t, &Server{Handler: echoing(), MaxConnections: 8}, func(l *pipes, _ func(), _ <-chan error) {
		used := []net.Conn{l.dial(), l.dial()}
		for round := range 5 {
			for i, conn := range used {
				defer conn.Close()
				if got := ask(conn); got != 200 {
					t.Fatalf("round %d: connection %d, which is used: status %d, want 200", round, i, got)
				}
			}
			for range 20 {
				defer l.dial().Close()
				synctest.Wait()
			}
		}
	})
}

// TestConnectionsWithRequestsStay: if all connections have requests, a new one is refused.
func TestConnectionsWithRequestsStay(t *testing.T) {
	t.Parallel()
	serving(t, &Server{Handler: echoing(), MaxConnections: 2}, func(l *pipes, _ func(), _ <-chan error) {
		conns := []net.Conn{l.dial(), l.dial()}
		for _, c := range conns {
			defer c.Close()
			fmt.Fprint(c, "PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nx")
		}
		synctest.Wait()
		third := l.dial()
		defer third.Close()
		if got := readReply(t, third); !strings.HasPrefix(got, "HTTP/1.1 503") || !strings.Contains(got, "Retry-After") {
			t.Errorf("beyond the limit: %q, want 503 with Retry-After", got)
		}
		for _, c := range conns {
			fmt.Fprint(c, "y")
			if got := readReply(t, c); !strings.HasSuffix(got, "xy") {
				t.Errorf("upload: %q, want it served", got)
			}
		}
		synctest.Wait()
		fourth := l.dial()
		defer fourth.Close()
		if got := ask(fourth); got != 200 {
			t.Errorf("when there is room again: status %d, want 200", got)
		}
	})
}

// TestD172_SlowUploadsAreCut: with a least rate, bytes that only trickle do not keep an upload.
func TestD172_SlowUploadsAreCut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		piece int // every 10 seconds
		cut   bool
	}{
		"trickle":           {1, true},
		"below the rate":    {10_000, true},
		"at the rate":       {10_300, false},
		"far above":         {1 << 20, false},
		"one burst a while": {0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := echoing()
			g.o.MinRate = 1 << 10
			serving(t, &Server{Handler: g}, func(l *pipes, _ func(), _ <-chan error) {
				conn := l.dial()
				defer conn.Close()
				began := time.Now()
				fmt.Fprint(conn, "PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n")
				var err error
				for err == nil && time.Since(began) < 5*time.Minute {
					time.Sleep(10 * time.Second)
					_ = conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
					if _, err = conn.Write(make([]byte, max(c.piece, 1))); errors.Is(err, io.ErrClosedPipe) {
						break
					}
				}
				took := time.Since(began)
				if cut := err != nil; cut != c.cut || cut && took > 90*time.Second {
					t.Errorf("cut: %v (%v) after %v, want %v, after a minute or so", cut, err, took, c.cut)
				}
			})
		})
	}
}
