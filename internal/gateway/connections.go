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

// connections keeps the number of connections within a bound. When there are as many as
// may be, a new one takes the place of the one that has had no request for longest:
// one that is idle, or whose request's header is not complete. Only if all of them have
// requests is the new one refused. So connections that somebody only holds open keep
// nobody out.
type connections struct {
	most int
	log  *slog.Logger

	mu      sync.Mutex
	open    map[net.Conn]*list.Element // nil for one that has a request
	waiting list.List                  // net.Conn without a request, the longest first
	warned  time.Time
}

func newConnections(most int, log *slog.Logger) *connections {
	return &connections{most: most, log: log, open: map[net.Conn]*list.Element{}}
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
		c.open[conn] = c.waiting.PushBack(conn)
	case http.StateIdle:
		if _, counted := c.open[conn]; counted {
			c.open[conn] = c.waiting.PushBack(conn)
		}
	case http.StateActive:
		if e := c.open[conn]; e != nil {
			c.waiting.Remove(e)
			c.open[conn] = nil
		}
	case http.StateClosed, http.StateHijacked:
		c.forget(conn)
	}
}

// makeRoom closes the connection that has had no request for longest, if there is one.
func (c *connections) makeRoom() bool {
	if now := time.Now(); now.Sub(c.warned) >= time.Minute {
		c.warned = now
		c.log.Warn("connection limit reached", slog.Int("connections", len(c.open)), slog.Int("without_request", c.waiting.Len()))
	}
	first := c.waiting.Front()
	if first == nil {
		return false
	}
	conn, _ := first.Value.(net.Conn)
	c.forget(conn)
	closeConnection(conn)
	return true
}

func (c *connections) forget(conn net.Conn) {
	if e := c.open[conn]; e != nil {
		c.waiting.Remove(e)
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
