package engine

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicehq/sluice/internal/job"
)

// Jobs that an attempt has ended early for are tried again beside all others. Most of these
// attempts wait for a source that does not answer, which takes a connection and a few kB, so
// many are made at once. A decoder, a batch and a report need more: only an attempt that has
// a turn has them. It asks for one when its source has sent the first bytes.
const (
	retryAttempts = 64
	// patientRetries is how many attempts may wait for their sources for up to longPatience
	// while other jobs are due. The rest end after patience, so that hundreds of silent
	// sources keep no due job waiting for a minute.
	patientRetries = retryAttempts / 2
	// queuedRetries is how many attempts may wait for a short turn while other jobs are due.
	queuedRetries = retryAttempts / 4
	// retrySlice is how long an attempt has the turn while others wait for it.
	retrySlice = 2 * time.Second
	// shortTurns is how many attempts have a short turn at a time. Such turns are for jobs that
	// had one for shortSlice and did not get on: they keep only each other waiting.
	shortTurns = 4
	shortSlice = retrySlice / 4
	// firstBytes is how much a source has to send, unless it is shorter, before the attempt
	// asks for the turn. Sources that send a byte a second would hold it for long.
	firstBytes = 8 << 10
)

// retries is what the attempts at jobs that are tried again share.
type retries struct {
	slots       chan *slot
	turn, short *turn
	fruitless   fruitless
	patient     chan struct{} // holds a token for each attempt that may wait for longPatience
}

// turn is the right to read on, of a few attempts at a time.
type turn struct {
	free    chan chan *buffer // for each attempt that may have the turn: the batch that comes with it
	waiting atomic.Int64      // attempts that wait for it
	slice   time.Duration     // how long an attempt has it while others wait
}

func newTurn(attempts int, slice time.Duration, m *memory) *turn {
	t := &turn{free: make(chan chan *buffer, attempts), slice: slice}
	for range attempts {
		t.free <- ownBatch(m)
	}
	return t
}

func newRetries(m *memory) *retries {
	r := &retries{
		slots: make(chan *slot, retryAttempts), patient: make(chan struct{}, patientRetries),
		turn: newTurn(1, retrySlice, m), short: newTurn(shortTurns, shortSlice, m),
	}
	for range retryAttempts {
		r.slots <- &slot{pool: r.slots, retries: true}
	}
	return r
}

// fruitless remembers the jobs that had a turn and did not get on, so that they keep only
// each other waiting when they are tried again. Nothing depends on it but who waits for whom.
type fruitless struct {
	mu   sync.Mutex
	jobs map[job.ID]struct{}
}

// mostFruitless bounds the memory of jobs that were deleted or are tried elsewhere.
const mostFruitless = 10_000

func (f *fruitless) add(id job.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.jobs == nil || len(f.jobs) >= mostFruitless {
		f.jobs = make(map[job.ID]struct{})
	}
	f.jobs[id] = struct{}{}
}

func (f *fruitless) remove(id job.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.jobs, id)
}

func (f *fruitless) has(id job.ID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.jobs[id]
	return ok
}

// takeTurn waits until this attempt has its turn, if it needs one. It returns errHalted if
// the engine stops meanwhile, and errTurnTaken if too many wait and another job is due.
func (a *attempt) takeTurn(ctx context.Context) error {
	if !a.slot.retries || a.heartbeat.hasTurn() {
		return nil
	}
	r := a.engine.retries
	t := r.turn
	if r.fruitless.has(a.job.ID) {
		t = r.short
	}
	defer t.waiting.Add(-1)
	if n := t.waiting.Add(1); t == r.short && n > queuedRetries && a.heartbeat.isWanted(ctx) {
		return errTurnTaken
	}
	select {
	case a.slot.batches = <-t.free:
		a.slot.slice = t.slice
		a.heartbeat.startTurn(t)
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
	r := a.engine.retries
	if t := a.heartbeat.turn.Load(); t != nil {
		switch {
		case a.job.Attempts == 0 || a.job.State.Final():
			r.fruitless.remove(a.job.ID)
		case time.Since(t.began) >= shortSlice:
			r.fruitless.add(a.job.ID)
		}
		a.slot.shrink()
		t.free <- a.slot.batches
	}
	if a.heartbeat.patient {
		<-r.patient
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
		if t := h.turn.Load(); t != nil {
			return t.waiting.Load() > 0
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
	if len(b.first) == 0 && b.err != io.EOF { // readers return io.EOF itself
		return b.err
	}
	return nil
}
