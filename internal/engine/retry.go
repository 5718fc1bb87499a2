package engine

import (
	"context"
	"io"
	"sync/atomic"
	"time"
)

// Jobs that an attempt has ended early for are tried again beside all others. Most of these
// attempts wait for a source that does not answer, which takes a connection and a few kB, so
// many are made at once. A decoder, a batch and a report need more: only one attempt at a
// time has them, the one that has the turn. It asks for the turn when its source has sent
// the first bytes.
const (
	retryAttempts = 64
	// patientRetries is how many attempts may wait for their sources for up to longPatience
	// while other jobs are due. The rest end after patience, so that hundreds of silent
	// sources keep no due job waiting for a minute.
	patientRetries = retryAttempts / 2
	// retrySlice is how long an attempt has the turn while others wait for it.
	retrySlice = 2 * time.Second
	// firstBytes is how much a source has to send, unless it is shorter, before the attempt
	// asks for the turn. Sources that send a byte a second would hold it for long.
	firstBytes = 8 << 10
)

// retries is what the attempts at jobs that are tried again share.
type retries struct {
	slots   chan *slot
	turn    chan struct{} // holds a token while an attempt has the turn
	waiting atomic.Int64  // attempts that wait for the turn
	patient chan struct{} // holds a token for each attempt that may wait for longPatience
}

func newRetries(m *memory) *retries {
	r := &retries{
		slots: make(chan *slot, retryAttempts), turn: make(chan struct{}, 1), patient: make(chan struct{}, patientRetries),
	}
	first := newSlot(r.slots, 0, retrySlice, m)
	first.retries = true
	for range retryAttempts {
		s := *first // they share the batch of the one that has the turn
		r.slots <- &s
	}
	return r
}

// takeTurn waits until this attempt has the turn, if it needs one. It returns errHalted if
// the engine stops meanwhile.
func (a *attempt) takeTurn(ctx context.Context) error {
	if !a.slot.retries || a.heartbeat.hasTurn() {
		return nil
	}
	r := a.engine.retries
	r.waiting.Add(1)
	defer r.waiting.Add(-1)
	select {
	case r.turn <- struct{}{}:
		a.heartbeat.startTurn()
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-a.heartbeat.halted:
	case <-a.stopping:
	}
	return errHalted
}

// leaveRetries gives back what the attempt has of what all retries share.
func (a *attempt) leaveRetries() {
	if !a.slot.retries {
		return
	}
	if a.heartbeat.hasTurn() {
		a.slot.shrink()
		<-a.engine.retries.turn
	}
	if a.heartbeat.patient {
		<-a.engine.retries.patient
	}
}

// claimRetries claims jobs that an attempt has ended early for, as many as there is room for.
// They have slots of their own until there is progress: whatever they wait for, others do not
// wait for it.
func (e *Engine) claimRetries(claim func(*slot) (ok bool, err error)) error {
	for e.options.Waits() == "" {
		select {
		case s := <-e.retries.slots:
			if ok, err := claim(s); err != nil || !ok {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// isWanted reports whether another job waits for what this attempt has.
func (h *heartbeat) isWanted(ctx context.Context) bool {
	if h.slot.retries {
		if h.hasTurn() {
			return h.engine.retries.waiting.Load() > 0
		}
		if len(h.engine.retries.slots) > 0 {
			return false
		}
	}
	waiting, err := h.engine.store.Waiting(ctx, h.engine.wanted(h.slot))
	return err == nil && waiting
}

// mayWait reports whether the attempt is one of those that may wait for their source for
// long while other jobs are due.
func (h *heartbeat) mayWait() bool {
	if !h.slot.retries || h.hasTurn() {
		return false
	}
	if !h.patient {
		select {
		case h.engine.retries.patient <- struct{}{}:
			h.patient = true
		default:
			return false
		}
	}
	return !h.source.isSlow(longPatience)
}

// readFirst reads the first bytes of a source, for Read to return them.
func (b *body) readFirst() error {
	b.first = make([]byte, 0, firstBytes)
	for len(b.first) < cap(b.first) && b.err == nil {
		var n int
		n, b.err = b.read(b.first[len(b.first):cap(b.first)])
		b.first = b.first[:len(b.first)+n]
	}
	if len(b.first) == 0 && b.err != io.EOF { //nolint:errorlint // readers return io.EOF itself
		return b.err
	}
	return nil
}
