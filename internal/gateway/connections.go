package gateway

import (
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
// older than firstRequestWithin or most connections are of that kind, else the one that is
// idle for longest. Only if all of them have requests is the new one refused. So connections
// that are only held open, or opened in a flood, keep no client out, and a client that uses
// its connection loses it last.
type connections struct {
	most int
	log  *slog.Logger

	mu     sync.Mutex
	open   map[net.Conn]*connection
	unused connectionList // that never had a request
	idle   connectionList // between two requests
	warned time.Time
}

// firstRequestWithin is what an honest client may need from its connection to the end of
// its first request's header, with a TLS handshake between.
const firstRequestWithin = time.Second

func newConnections(most int, log *slog.Logger) *connections {
	return &connections{most: most, log: log, open: map[net.Conn]*connection{}}
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
		e := &connection{conn: conn, accepted: time.Now()}
		c.open[conn] = e
		c.unused.push(e)
	case http.StateIdle:
		if e := c.open[conn]; e != nil { // else it was refused
			c.idle.push(e)
		}
	case http.StateActive:
		if e := c.open[conn]; e != nil {
			e.leave()
		}
	case http.StateClosed, http.StateHijacked:
		c.forget(conn)
	}
}

// makeRoom closes a connection that has no request, if there is one.
func (c *connections) makeRoom() bool {
	now := time.Now()
	if now.Sub(c.warned) >= time.Minute {
		c.warned = now
		c.log.Warn("connection limit reached", slog.Int("connections", len(c.open)), slog.Int("without_request", c.unused.length+c.idle.length))
	}
	e := c.unused.first
	isFlood := c.unused.length > c.most/2
	if e == nil || c.idle.first != nil && !isFlood && now.Sub(e.accepted) < firstRequestWithin {
		e = c.idle.first
	}
	if e == nil {
		return false
	}
	c.forget(e.conn)
	closeConnection(e.conn)
	return true
}

func (c *connections) forget(conn net.Conn) {
	if e := c.open[conn]; e != nil {
		e.leave()
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
