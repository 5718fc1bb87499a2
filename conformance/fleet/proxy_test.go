package fleet

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
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
	trap    func() // called when the next batch is on its way, once
	loses   bool   // answers to commits
	commits int    // by then
	batches int    // whose commit's answer was lost
}

// state is what a network does.
type state int

const (
	carries state = iota
	cuts          // connections break, and there are no new ones
	holds         // nothing arrives, on old or new connections, until it carries again; then all does
	isGone        // the test is over
)

// link is one connection, in two halves.
type link struct {
	client, server net.Conn
	deaf           atomic.Bool // it breaks before its next answer
	batch          bool        // a batch went over it, and no commit since
}

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
		p.set(isGone)
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
	if s == cuts || s == isGone {
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
	l := &link{client: client, server: server}
	if !p.add(l) {
		l.cut()
		return
	}
	var halves sync.WaitGroup
	halves.Go(func() {
		p.carry(server, client, 0, func(b []byte) bool {
			p.look(l, b)
			return true
		})
	})
	halves.Go(func() { p.carry(client, server, p.rate, func([]byte) bool { return !l.deaf.Load() }) })
	halves.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

func (p *proxy) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.links[l] = struct{}{}
	return p.state != cuts && p.state != isGone
}

// carry moves bytes one way until either side ends, or see refuses some.
func (p *proxy) carry(to io.WriteCloser, from io.ReadCloser, rate int, see func([]byte) bool) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, chunk)
	for {
		n, err := from.Read(b)
		if !see(b[:n]) || !p.pass() {
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

// piece is so short that a batch is longer, and so long that nothing else is.
const chunk = 8 << 10

// onBatch has trap called when the next batch is on its way to the database: its
// transaction has begun, and the database has no more than a part of it.
func (p *proxy) onBatch(trap func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trap = trap
}

// loseAnswers makes every other transaction end without an answer, though it was
// committed.
func (p *proxy) loseAnswers(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loses = on
}

// lostBatches returns how many batches were committed without an answer.
func (p *proxy) lostBatches() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.batches
}

// look looks at what a node sends to the database.
func (p *proxy) look(l *link, b []byte) {
	p.mu.Lock()
	var trap func()
	if len(b) == chunk {
		l.batch = true
		trap, p.trap = p.trap, nil
	}
	if bytes.Contains(b, []byte("commit\x00")) {
		p.commits++
		if p.loses && p.commits%2 == 0 {
			l.deaf.Store(true)
			if l.batch {
				p.batches++
			}
		}
		l.batch = false
	}
	p.mu.Unlock()
	if trap != nil {
		trap()
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
