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

	patience    time.Duration             // how long the source may stay silent while another job waits
	sourceAsked atomic.Pointer[time.Time] // since when the source has not answered; nil while it is not waited for
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
	if waiting, err := h.engine.store.Waiting(ctx, h.engine.wanted(h.slot)); err == nil && waiting {
		h.yield.Store(true)
	}
}

// errSourceSilent ends an attempt whose source does not answer while another job waits.
var errSourceSilent = fromObjects(fault.New(fault.Unavailable, "the object storage has not answered yet, and other jobs are waiting"))

// sourcePatience is how long a source may stay silent at the beginning of an attempt while
// another job waits for the slot. It doubles with each attempt in a row without progress, so
// that a source that is only slow is read in the end.
func sourcePatience(attempts int) time.Duration {
	return 2 * time.Second << min(attempts, 5)
}

// askSource notes that the source was asked, and returns what notes that it has answered.
func (h *heartbeat) askSource() (answered func()) {
	now := time.Now()
	h.sourceAsked.Store(&now)
	return func() { h.sourceAsked.Store(nil) }
}

// checkSource returns an error if the source has been silent for too long and another job
// waits for the slot. Without it, a few jobs with silent sources would hold every slot for
// as long as the object store tries.
func (h *heartbeat) checkSource(ctx context.Context) error {
	asked := h.sourceAsked.Load()
	if asked == nil || time.Since(*asked) < h.patience {
		return nil
	}
	if waiting, err := h.engine.store.Waiting(ctx, h.engine.wanted(h.slot)); err != nil || !waiting {
		return nil
	}
	return errSourceSilent
}
