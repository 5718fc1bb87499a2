package engine

import (
	"context"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// memory bounds what the batches of all jobs take together.
//
// Batches that are filled share one budget. None waits for it, so that no job stands
// still for another: a batch that finds no room to grow is sent as it is. Batches that
// are sent have another budget until they are committed. Jobs wait for that one, each
// for one batch at a time in the order of its commits, so that all that is needed to
// free some of it is there already.
type memory struct {
	filling  *semaphore.Weighted
	refused  atomic.Bool // a batch has found no room to grow since memory was last given back
	inFlight *semaphore.Weighted
	most     int64 // of inFlight
}

// What the budgets have for each core, and a batch without asking.
const (
	fillingPerCore  = 24 << 20
	inFlightPerCore = 48 << 20
	batchBase       = 1 << 20
	batchStep       = 1 << 20 // by which a batch grows
)

func newMemory() *memory {
	cores := int64(runtime.GOMAXPROCS(0))
	return &memory{
		filling:  semaphore.NewWeighted(fillingPerCore * (cores + 1)),
		inFlight: semaphore.NewWeighted(inFlightPerCore * cores), most: inFlightPerCore * cores,
	}
}

// grow makes room for b to hold what it holds and a little more, and reports whether
// there was any.
func (m *memory) grow(b *buffer) bool {
	more := int64(b.Bytes()) - b.room + batchStep
	if !m.filling.TryAcquire(more) {
		m.refused.Store(true)
		return false
	}
	b.room += more
	return true
}

// settle takes back the memory of an empty batch if others were short of it.
func (m *memory) settle(b *buffer) {
	if b.room > batchBase && m.refused.Swap(false) {
		m.shrink(b)
	}
}

func (m *memory) shrink(b *buffer) {
	b.Free()
	m.filling.Release(b.room - batchBase)
	b.room = batchBase
}

// send waits until there is room for another batch in flight, and returns how to give
// that back.
func (m *memory) send(ctx context.Context, b *buffer) (release func(), err error) {
	n := min(int64(b.Bytes()), m.most)
	if err := m.inFlight.Acquire(ctx, n); err != nil {
		return nil, context.Cause(ctx)
	}
	return func() { m.inFlight.Release(n) }, nil
}
