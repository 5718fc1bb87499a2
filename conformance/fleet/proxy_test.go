package fleet

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// proxy is the network between a node and something that it needs.
type proxy struct {
	address string // host:port to connect to
	rate    int    // bytes a second that a connection carries to the node; 0 is no limit

	listen net.Listener
	all    sync.WaitGroup

	mu      sync.Mutex
	changed sync.Cond
	target  string
	state   state
	links   map[*link]struct{}
}

// state is what a network does.
type state int

const (
	carries state = iota
	cuts          // connections break, and there are no new ones
	holds         // nothing arrives, on old or new connections, until it carries again; then all does
	gone          // the test is over
)

// link is one connection, in two halves.
type link struct{ client, server net.Conn }

// newProxy returns a proxy before target, which is an address or an http URL.
func newProxy(t *testing.T, target string, rate int) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{address: l.Addr().String(), rate: rate, listen: l, links: map[*link]struct{}{}}
	p.changed.L = &p.mu
	p.aim(target)
	p.all.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.set(gone)
		p.all.Wait()
	})
	return p
}

// aim sends new connections elsewhere.
func (p *proxy) aim(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = strings.TrimPrefix(target, "http://")
}

func (p *proxy) set(s state) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = s
	if s == cuts || s == gone {
		for l := range p.links {
			l.cut()
		}
	}
	p.changed.Broadcast()
}

func (l *link) cut() {
	for _, c := range []net.Conn{l.client, l.server} {
		_ = c.(*net.TCPConn).SetLinger(0) // a reset, not an end in good order
		_ = c.Close()
	}
}

func (p *proxy) accept() {
	for {
		client, err := p.listen.Accept()
		if err != nil {
			return
		}
		p.all.Go(func() { p.relay(client) })
	}
}

func (p *proxy) relay(client net.Conn) {
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	server, err := net.DialTimeout("tcp", target, time.Second)
	if err != nil {
		_ = client.Close()
		return
	}
	l := &link{client, server}
	if !p.add(l) {
		l.cut()
		return
	}
	var halves sync.WaitGroup
	halves.Go(func() { p.carry(server, client, 0) })
	halves.Go(func() { p.carry(client, server, p.rate) })
	halves.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

func (p *proxy) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.links[l] = struct{}{}
	return p.state != cuts && p.state != gone
}

// carry moves bytes one way until either side ends.
func (p *proxy) carry(to io.WriteCloser, from io.ReadCloser, rate int) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 8<<10)
	for {
		n, err := from.Read(b)
		if !p.pass() {
			return
		}
		if _, werr := to.Write(b[:n]); werr != nil || err != nil {
			return
		}
		if rate > 0 {
			time.Sleep(time.Duration(n) * time.Second / time.Duration(rate))
		}
	}
}

// pass waits until the network carries, and reports whether it will do so.
func (p *proxy) pass() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.state == holds {
		p.changed.Wait()
	}
	return p.state == carries
}
