package engine

import (
	"context"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"github.com/sluicehq/sluice/internal/store"
)

// memory bounds what the batches of all jobs take together.
//
// Batches that are filled share one budget. None waits for it, so that no job stands
// still for another: a batch that finds no room to grow is sent as it is. Batches that
// are sent have another budget until they are committed. Jobs wait for that one, each
// for one batch at a time in the order of its commits, so that all that is needed to
// free some of it is there already. A batch that needs a check at its commit is not copied
// when it is prepared: it stays with its job until it is committed, and has its part of the
// first budget until then.
type memory struct {
	filling  *semaphore.Weighted
	refused  atomic.Bool // a batch has found no room to grow since memory was last given back
	inFlight *semaphore.Weighted
	most     int64 // of inFlight
}

// What the budgets have for each core, and a batch without asking. A job that is alone
// fills one batch more than there are cores. All of them must find room to become full:
// if not, they are freed and grow again all the time.
const (
	fillingPerCore  = batchMost - batchBase
	inFlightPerCore = 48 << 20
	batchBase       = 1 << 20
	batchMost       = store.MaxBytes + lastRecord
	minGrowth       = 1 << 20
	lastRecord      = 128 << 10 // what is left of a batch's room when it asks for more
)

func newMemory() *memory {
	cores := int64(runtime.GOMAXPROCS(0))
	return &memory{
		filling:  semaphore.NewWeighted(fillingPerCore * (cores + 1)),
		inFlight: semaphore.NewWeighted(inFlightPerCore * cores), most: inFlightPerCore * cores,
	}
}

// grow makes room for b to hold twice as much, or less if there is no room for that, and
// reports whether there was any.
func (m *memory) grow(b *buffer) bool {
	least := max(int64(b.Bytes())-b.room, 0) + minGrowth
	for more := max(min(b.room, batchMost-b.room), least); more >= least; more /= 2 {
		if m.filling.TryAcquire(more) {
			b.room += more
			b.Grow(int(b.room))
			return true
		}
	}
	m.refused.Store(true)
	return false
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
