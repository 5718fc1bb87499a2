package engine

import (
	"context"
	"sync"
	"time"

	"github.com/sluicehq/sluice/internal/guard"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// A job with a small source never waits behind large ones: one more slot takes only
// these. A megabyte is some ten thousand records, a fraction of a second.
const (
	smallSource = 1 << 20
	smallSlice  = time.Second // a small source can unpack to a large one
)

// slot is the right to work on one job at a time.
type slot struct {
	pool      chan *slot // where it goes when it is free
	maxSource int64      // if more than 0: the largest source it takes
	retries   bool       // it takes jobs that an attempt has ended early for, and no others
	slice     time.Duration
	batches   chan *buffer // the batch that is its own, so that no job waits for another's; of a retry, its turn's
}

func newSlot(pool chan *slot, maxSource int64, slice time.Duration, m *memory) *slot {
	return &slot{pool: pool, maxSource: maxSource, slice: slice, batches: ownBatch(m)}
}

// ownBatch returns a channel with a batch that always comes back to it.
func ownBatch(m *memory) chan *buffer {
	c := make(chan *buffer, 1)
	c <- newBuffer(c, m)
	return c
}

// free gives the slot back. Its batch is where it belongs by now.
func (s *slot) free() {
	if s.retries { // its turn and the batch of that are given back already
		s.batches, s.slice = nil, 0
	} else {
		s.shrink()
	}
	s.pool <- s
}

// shrink takes back the memory of the slot's batch.
func (s *slot) shrink() {
	b := <-s.batches
	if b.room > batchBase {
		b.memory.shrink(b)
	}
	s.batches <- b
}

// fairness decides when an engine that has a job may take another: when one has waited
// through a whole poll, so that every other engine could have seen it. One that was cut off
// from the object storage leaves the others more time.
type fairness struct {
	polls  int // in a row at which a job waited
	myTurn bool
}

const cutOffPolls = 4

func (f *fairness) poll(ctx context.Context, e *Engine, working *sync.WaitGroup) {
	if !e.options.Shared {
		return
	}
	waiting, err := e.store.Waiting(ctx, e.wanted(&slot{}))
	if !waiting || err != nil {
		f.polls, f.myTurn = 0, false
		return
	}
	f.polls++
	f.myTurn = f.polls > 1
	if e.cutOff.Load() {
		f.myTurn = f.polls > cutOffPolls
		working.Go(func() { e.recheckObjects(ctx) })
	}
	if f.myTurn {
		f.polls = 0
	}
}

// claimJobs claims jobs for the slots that are free. When other engines share the store,
// one that has a job takes only small ones, and a large one if it is its turn.
func (e *Engine) claimJobs(ctx context.Context, working *sync.WaitGroup, myTurn bool) error {
	for e.options.Waits() == "" {
		if e.cutOff.Load() && !myTurn { // the others may reach the object storage
			break
		}
		busy := len(e.slots) < e.options.Jobs
		s := e.freeSlot(e.options.Shared && busy && !myTurn)
		if s == nil {
			break
		}
		myTurn = false
		if ok, err := e.startAttempt(ctx, working, s); err != nil || !ok {
			if err != nil {
				return err
			}
			break
		}
	}
	return e.claimRetries(func(s *slot) (bool, error) { return e.startAttempt(ctx, working, s) })
}

// startAttempt claims a job for a free slot and starts an attempt at it.
func (e *Engine) startAttempt(ctx context.Context, working *sync.WaitGroup, s *slot) (ok bool, err error) {
	asked := time.Now()
	j, ok, err := e.claim(ctx, s)
	if err != nil || !ok {
		s.free()
		return false, err
	}
	working.Go(func() {
		e.guardedAttempt(ctx, s, j, asked)
		s.free()
		e.Wake()
	})
	return true, nil
}

func (e *Engine) claim(ctx context.Context, s *slot) (j job.Job, ok bool, err error) {
	defer e.options.Guard.Recover(guard.Claim, &err)
	return e.store.Claim(ctx, e.wanted(s))
}

// freeSlot takes a free slot, the small one last or alone; nil if there is none.
func (e *Engine) freeSlot(small bool) *slot {
	if !small {
		select {
		case s := <-e.slots:
			return s
		default:
		}
	}
	select {
	case s := <-e.smallSlots:
		return s
	default:
		return nil
	}
}

func (e *Engine) wanted(s *slot) store.Wanted {
	return store.Wanted{Holder: e.options.Holder, Lease: e.options.Lease, MaxSize: s.maxSource, Retries: s.retries}
}
