package gateway

import (
	"net"
	"time"
)

// connection is an open connection. It is in a connectionList while it has no request.
type connection struct {
	conn     net.Conn
	accepted time.Time

	in             *connectionList // nil while it has a request
	previous, next *connection
}

// connectionList is a list of connections, of which the first has been in it for longest.
// Every request leaves a list and joins one, which allocates nothing.
type connectionList struct {
	first, last *connection
	length      int
}

// push appends a connection that is in no list.
func (l *connectionList) push(e *connection) {
	e.in, e.previous = l, l.last
	if l.last != nil {
		l.last.next = e
	} else {
		l.first = e
	}
	l.last = e
	l.length++
}

// leave takes the connection out of its list, if it is in one.
func (e *connection) leave() {
	l := e.in
	if l == nil {
		return
	}
	if e.previous != nil {
		e.previous.next = e.next
	} else {
		l.first = e.next
	}
	if e.next != nil {
		e.next.previous = e.previous
	} else {
		l.last = e.previous
	}
	e.in, e.previous, e.next = nil, nil, nil
	l.length--
}
