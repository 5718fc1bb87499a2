package pgtest

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// Proxy stands between a store and its server, and breaks connections at a chosen
// moment.
type Proxy struct {
	URL string // of the database, through the proxy

	server string
	listen net.Listener
	all    sync.WaitGroup

	mu     sync.Mutex
	links  map[*link]struct{}
	closed bool
	word   []byte // what triggers the fault; nil: nothing
	fault  Fault
	before func()
	struck int
	thaw   chan struct{}
}

// Fault is what happens to a connection.
type Fault int

// The faults. Those are told apart that differ in what the server knows.
const (
	LoseRequest Fault = iota // the connection breaks, and the server does not get the request
	LoseAnswer               // the server does as it was asked, and the connection breaks before it can say so
	Freeze                   // neither side hears anything more, until Thaw
)

// link is one connection: from a client, to the server.
type link struct{ client, server net.Conn }

// NewProxy starts a proxy before the server of a database, see Start.
func NewProxy(tb testing.TB, database string) *Proxy {
	tb.Helper()
	u, err := url.Parse(database)
	if err != nil {
		tb.Fatalf("parse URL: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("listen: %v", err)
	}
	p := &Proxy{server: u.Host, listen: l, links: make(map[*link]struct{}), thaw: make(chan struct{})}
	u.Host = l.Addr().String()
	p.URL = u.String()
	p.all.Go(p.accept)
	tb.Cleanup(p.stop)
	return p
}

// Arm makes the next request that holds word, such as "commit", meet a fault.
func (p *Proxy) Arm(word string, f Fault) { p.ArmBefore(word, f, func() {}) }

// ArmBefore is Arm, and calls before when the server has done its part of a loss and the
// client does not know of it yet.
func (p *Proxy) ArmBefore(word string, f Fault, before func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.word, p.fault, p.before, p.thaw = []byte(word), f, before, make(chan struct{})
}

// Struck tells how often a fault has happened.
func (p *Proxy) Struck() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.struck
}

// Thaw lets a frozen connection go on.
func (p *Proxy) Thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.thaw)
}

// Break breaks all connections there are.
func (p *Proxy) Break() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.close()
	}
}

func (p *Proxy) stop() {
	_ = p.listen.Close()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Break()
	p.all.Wait()
}

func (l *link) close() {
	_ = l.client.Close()
	_ = l.server.Close()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listen.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		l := &link{client, server}
		p.mu.Lock()
		p.links[l] = struct{}{}
		closed := p.closed
		p.mu.Unlock()
		if closed {
			l.close()
		}
		lose := make(chan struct{}) // closed when the next answer, or end, is to be lost
		p.all.Go(func() { p.requests(l, lose) })
		p.all.Go(func() { p.answers(l, lose) })
	}
}

func (p *Proxy) requests(l *link, lose chan struct{}) {
	defer l.server.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := l.client.Read(b)
		if err != nil {
			return
		}
		switch fault, thaw, ok := p.strikes(b[:n]); {
		case !ok:
		case fault == LoseRequest:
			close(lose)
			return
		case fault == LoseAnswer:
			close(lose)
		case fault == Freeze:
			<-thaw
		}
		if _, err := l.server.Write(b[:n]); err != nil {
			return
		}
	}
}

func (p *Proxy) strikes(request []byte) (Fault, chan struct{}, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.word == nil || !bytes.Contains(request, p.word) {
		return 0, nil, false
	}
	p.word = nil
	p.struck++
	return p.fault, p.thaw, true
}

func (p *Proxy) beforeLoss() {
	p.mu.Lock()
	before := p.before
	p.mu.Unlock()
	before()
}

func (p *Proxy) answers(l *link, lose chan struct{}) {
	defer l.client.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := l.server.Read(b)
		select {
		case <-lose:
			p.beforeLoss()
			l.close()
			return
		default:
		}
		if err != nil {
			break
		}
		if _, err := l.client.Write(b[:n]); err != nil {
			break
		}
	}
	_, _ = io.Copy(io.Discard, l.server)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}
