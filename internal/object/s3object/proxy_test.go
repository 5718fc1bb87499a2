package s3object_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// proxy stands between a store and its S3, and spoils connections.
type proxy struct {
	address string // as an endpoint

	mu    sync.Mutex
	spoil func(connection int) fate
	count int
}

// fate is what becomes of a connection after so many bytes of answers: it is cut, or it
// stays silent from then on.
type fate struct {
	after  int64
	silent bool
}

// fine is a connection to which nothing happens.
var fine = fate{after: 1 << 60}

// newProxy returns a proxy before endpoint. The connections are counted from 0 since the
// last use of spoilBy.
func newProxy(t testing.TB, endpoint string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	p := &proxy{address: "http://" + l.Addr().String(), spoil: func(int) fate { return fine }}
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.relay(c, strings.TrimPrefix(endpoint, "http://"), quit) })
		}
	})
	t.Cleanup(func() {
		close(quit)
		_ = l.Close()
		wg.Wait()
	})
	return p
}

func (p *proxy) spoilBy(spoil func(connection int) fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spoil, p.count = spoil, 0
}

func (p *proxy) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

func (p *proxy) relay(client net.Conn, target string, quit <-chan struct{}) {
	p.mu.Lock()
	f := p.spoil(p.count)
	p.count++
	p.mu.Unlock()
	server, err := net.Dial("tcp", target)
	if err != nil {
		_ = client.Close()
		return
	}
	var wg sync.WaitGroup
	up := make(chan struct{})
	wg.Go(func() {
		_, _ = io.Copy(server, client)
		close(up)
	})
	down := make(chan struct{})
	wg.Go(func() {
		n, _ := io.CopyN(client, server, f.after)
		if n < f.after || !f.silent {
			close(down)
		}
	})
	select {
	case <-up:
	case <-down:
	case <-quit:
	}
	_ = client.(*net.TCPConn).SetLinger(0) // cut, rather than ended gracefully
	_ = client.Close()
	_ = server.Close()
	wg.Wait()
}
