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
	slice     time.Duration
	batches   chan *buffer // the batch that is its own, so that no job waits for another's
}

func newSlot(pool chan *slot, maxSource int64, slice time.Duration, m *memory) *slot {
	s := &slot{pool: pool, maxSource: maxSource, slice: slice, batches: make(chan *buffer, 1)}
	s.batches <- newBuffer(s.batches, m)
	return s
}

// free gives the slot back. Its batch is where it belongs by now.
func (s *slot) free() {
	b := <-s.batches
	if b.room > batchBase {
		b.memory.shrink(b)
	}
	s.batches <- b
	s.pool <- s
}

// fairness decides when an engine that has a job may take another: when one has waited
// through a whole poll, so that every other engine could have seen it.
type fairness struct{ waited, myTurn bool }

func (f *fairness) poll(ctx context.Context, e *Engine) {
	if !e.options.Shared {
		return
	}
	waiting, err := e.store.Waiting(ctx, e.wanted(&slot{}))
	waiting = waiting && err == nil
	f.myTurn = waiting && f.waited
	f.waited = waiting && !f.myTurn
}

// claimJobs claims jobs for the slots that are free. When other engines share the store,
// one that has a job takes only small ones, and a large one if it is its turn.
func (e *Engine) claimJobs(ctx context.Context, working *sync.WaitGroup, myTurn bool) error {
	for e.options.Waits() == "" {
		busy := len(e.slots) < e.options.Jobs
		s := e.freeSlot(e.options.Shared && busy && !myTurn)
		if s == nil {
			return nil
		}
		myTurn = false
		asked := time.Now()
		j, ok, err := e.claim(ctx, s)
		if err != nil || !ok {
			s.free()
			return err
		}
		working.Go(func() {
			e.attempt(ctx, s, j, asked)
			s.free()
			e.Wake()
		})
	}
	return nil
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
	return store.Wanted{Holder: e.options.Holder, Lease: e.options.Lease, MaxSize: s.maxSource}
}
