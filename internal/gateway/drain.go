package gateway

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// Bounds of what is read of the body of a refused request. Clients that send all of a
// body before they read the reply, as Python's do, would otherwise see a broken
// connection and not the reason: net/http reads 256 KiB. What is read is not kept, and
// the bounds hold for callers without a key, too.
const (
	drainBytes = 16 << 20 // more than a part of 8 MiB, with the frames of aws-chunked
	drainTime  = 5 * time.Second
)

// drain reads the rest of the body of a request that is about to be refused, unless more
// is announced than it would read, or the caller waits for a 100 Continue. What is
// left after it closes the connection, as net/http does.
func (b *body) drain() {
	waits := b.expects && !b.begun
	if b.done || waits || b.length-b.exchange.in > drainBytes {
		return
	}
	b.pace.fix(drainTime)
	_, _ = io.CopyN(io.Discard, b, drainBytes)
	if !b.done { // net/http must not wait for more
		b.done = true
		b.pace.fix(0)
	}
}

// expectsContinue reports whether the body of r comes only after a 100 Continue.
func expectsContinue(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Expect"), "100-continue")
}
