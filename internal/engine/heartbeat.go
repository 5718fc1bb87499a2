package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/guard"
	"github.com/sluicehq/sluice/internal/job"
)

// tick is how often the heartbeat looks after a job: whether it was stopped, whether
// the lease is to be renewed, whether a batch has waited long enough.
const tick = 250 * time.Millisecond

// errLeaseOver ends the attempt at a job whose lease could not be renewed in time.
var errLeaseOver = fault.New(fault.LeaseLost, "the lease ran out")

// lease is the right to work on a job, as this engine may trust it. Until is by the
// store's clock and is not looked at: the engine counts from when it asked, by its
// own, and stops a fifth of the lease early.
type lease struct {
	term time.Duration
	over *time.Timer // ends the attempt when the lease is not trusted any more

	mu    sync.Mutex
	held  job.Lease
	asked time.Time
}

// newLease trusts a lease of the given term, asked for at asked, and calls over when
// it does so no longer.
func newLease(l job.Lease, term time.Duration, asked time.Time, over func()) *lease {
	return &lease{term: term, held: l, asked: asked, over: time.AfterFunc(time.Until(asked.Add(term*4/5)), over)}
}

// current returns the lease as it was last renewed.
func (l *lease) current() job.Lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

func (l *lease) renewalDue() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.asked) >= l.term/3
}

func (l *lease) renewed(held job.Lease, asked time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held, l.asked = held, asked
	l.over.Reset(time.Until(asked.Add(l.term * 4 / 5)))
}

// check reports whether the lease is still the job's, as far as the job shows.
func (l *lease) check(j job.Job) error {
	if j.State.Final() || j.Lease.Term != l.current().Term {
		return fault.New(fault.LeaseLost, "job %s is %s, at term %d", j.ID, j.State, j.Lease.Term)
	}
	return nil
}

// heartbeat keeps the lease of one attempt while the attempt is made, and looks for
// reasons to end it.
type heartbeat struct {
	engine *Engine
	slot   *slot
	lease  *lease

	ticks    atomic.Int64  // the reader measures a batch's age by them
	yield    atomic.Bool   // end with the batch: another job waits for the slot
	halted   chan struct{} // closed when the reading is to end at once
	halt     sync.Once
	sliceEnd atomic.Pointer[time.Time] // when to look whether another job waits; nil until records come

	source    pace
	startTime atomic.Int64  // nanoseconds that it took to come to the first record
	yielded   time.Time     // when yield was seen first
	cut       chan struct{} // closed when the source is to be read no further
	cutCause  error         // set by then
	cutOnce   sync.Once

	turn    atomic.Pointer[heldTurn] // of a retry; nil before it has one
	patient bool                     // a retry that may wait for long, see retries
}

func newHeartbeat(e *Engine, s *slot, l *lease) *heartbeat {
	return &heartbeat{engine: e, slot: s, lease: l, halted: make(chan struct{}), cut: make(chan struct{})}
}

// run beats until ctx is done, and calls lost if the lease is not this engine's any more.
func (h *heartbeat) run(ctx context.Context, lost context.CancelCauseFunc) {
	ticker := time.NewTicker(min(tick, h.lease.term/6))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := h.beat(ctx); err != nil {
			lost(err)
			return
		}
	}
}

// beat returns an error if the attempt must end.
func (h *heartbeat) beat(ctx context.Context) (err error) {
	defer h.engine.options.Guard.Recover(guard.Heartbeat, &err)
	h.ticks.Add(1)
	if err := h.checkLease(ctx); fault.Is(err, fault.LeaseLost) || fault.Is(err, fault.NotFound) {
		return err
	}
	if h.engine.options.Waits() != "" {
		h.yield.Store(true)
		h.halt.Do(func() { close(h.halted) })
	}
	h.checkSlice(ctx)
	h.checkStop()
	return h.checkSource(ctx)
}

// checkLease renews the lease if it is time, or else asks whether it is still the
// job's: reading is cheaper than renewing, and a stop should be seen soon. Any other
// error is left to the next tick.
func (h *heartbeat) checkLease(ctx context.Context) error {
	held := h.lease.current()
	if h.lease.renewalDue() {
		asked := time.Now()
		l, err := h.engine.store.Renew(ctx, held, h.lease.term)
		if err == nil {
			h.lease.renewed(l, asked)
		}
		return err
	}
	if h.slot.retries && !h.hasTurn() && h.ticks.Load()%4 != 0 {
		return nil // there are many, and they only wait
	}
	j, err := h.engine.store.Job(ctx, held.Owner, held.Job)
	if err != nil {
		return err
	}
	return h.lease.check(j)
}

// startSlice sets how long the job has its slot while others wait. What must be read
// again each time before the first record comes should not be most of the work.
func (h *heartbeat) startSlice(began time.Time) {
	now := time.Now()
	if turn := h.turn.Load(); turn != nil && turn.began.After(began) {
		began = turn.began
	}
	h.startTime.Store(int64(now.Sub(began)))
	until := now.Add(max(h.slot.slice, 4*now.Sub(began)))
	h.sliceEnd.Store(&until)
}

// checkSlice asks the reader to end with its batch if the slice is over and another
// job waits for the slot.
func (h *heartbeat) checkSlice(ctx context.Context) {
	until := h.sliceEnd.Load()
	if until == nil || time.Now().Before(*until) || h.yield.Load() {
		return
	}
	if h.isWanted(ctx) {
		h.yield.Store(true)
	}
}

// heldTurn is a turn since an attempt has it.
type heldTurn struct {
	*turn
	began time.Time
}

// startTurn notes that a retry has its turn. How long its source took to answer does not
// count from then on.
func (h *heartbeat) startTurn(t *turn) {
	h.source.restart()
	h.turn.Store(&heldTurn{t, time.Now()})
}

func (h *heartbeat) hasTurn() bool { return h.turn.Load() != nil }
