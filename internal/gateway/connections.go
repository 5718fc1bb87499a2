package gateway

import (
	"container/list"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// connections keeps the number of connections within a bound. At the bound a new connection
// replaces one that has no request: the oldest of those that never had one, once it is
// older than firstRequestWithin, else the one that is idle for longest. Only if all of
// them have requests is the new one refused. So connections that are only held open keep
// no client out, and a client that uses its connection loses it last.
type connections struct {
	most int
	log  *slog.Logger

	mu     sync.Mutex
	open   map[net.Conn]*connWithoutRequest // nil for one that has a request
	unused list.List                        // *connWithoutRequest, that never had a request, the longest first
	idle   list.List                        // *connWithoutRequest, between two requests, the longest first
	warned time.Time
}

// connWithoutRequest is a connection without a request.
type connWithoutRequest struct {
	conn    net.Conn
	since   time.Time
	in      *list.List
	element *list.Element
}

// firstRequestWithin is what an honest client may need from its connection to the end of
// its first request's header, with a TLS handshake between.
const firstRequestWithin = time.Second

func newConnections(most int, log *slog.Logger) *connections {
	return &connections{most: most, log: log, open: map[net.Conn]*connWithoutRequest{}}
}

// state follows http.Server.ConnState.
func (c *connections) state(conn net.Conn, s http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch s {
	case http.StateNew:
		if len(c.open) >= c.most && !c.makeRoom() {
			refuseConnection(conn)
			return
		}
		c.wait(conn, &c.unused)
	case http.StateIdle:
		if _, counted := c.open[conn]; counted {
			c.wait(conn, &c.idle)
		}
	case http.StateActive:
		if w := c.open[conn]; w != nil {
			w.in.Remove(w.element)
			c.open[conn] = nil
		}
	case http.StateClosed, http.StateHijacked:
		c.forget(conn)
	}
}

func (c *connections) wait(conn net.Conn, in *list.List) {
	w := &connWithoutRequest{conn: conn, since: time.Now(), in: in}
	w.element = in.PushBack(w)
	c.open[conn] = w
}

// makeRoom closes a connection that has no request, if there is one.
func (c *connections) makeRoom() bool {
	now := time.Now()
	if now.Sub(c.warned) >= time.Minute {
		c.warned = now
		c.log.Warn("connection limit reached", slog.Int("connections", len(c.open)), slog.Int("without_request", c.unused.Len()+c.idle.Len()))
	}
	unused, idle := oldest(&c.unused), oldest(&c.idle)
	w := unused
	if w == nil || idle != nil && now.Sub(unused.since) < firstRequestWithin {
		w = idle
	}
	if w == nil {
		return false
	}
	c.forget(w.conn)
	closeConnection(w.conn)
	return true
}

func oldest(l *list.List) *connWithoutRequest {
	first := l.Front()
	if first == nil {
		return nil
	}
	w, _ := first.Value.(*connWithoutRequest)
	return w
}

func (c *connections) forget(conn net.Conn) {
	if w := c.open[conn]; w != nil {
		w.in.Remove(w.element)
	}
	delete(c.open, conn)
}

// closeConnection does not wait for a TLS goodbye.
func closeConnection(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	_ = conn.Close()
}

const busy = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"

// refuseConnection says why where it can be said without waiting, and closes.
func refuseConnection(conn net.Conn) {
	if _, secure := conn.(*tls.Conn); !secure {
		_ = conn.SetWriteDeadline(time.Now().Add(time.Millisecond))
		_, _ = io.WriteString(conn, busy)
	}
	closeConnection(conn)
}
