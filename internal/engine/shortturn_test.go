package engine_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// stuckStore is a store that prepares no batch in the first two attempts at a job. The second
// takes a second, for which it is given short turns from then on. In these, jobs other than
// "other" are stuck until the store is opened.
type stuckStore struct {
	engine.Store
	opened chan struct{}
}

func (s stuckStore) Prepare(ctx context.Context, l job.Lease, b *store.Batch) (store.Prepared, error) {
	if l.Term <= 2 {
		time.Sleep(time.Duration(l.Term-1) * time.Second)
		return nil, fault.New(fault.Unavailable, "connection reset")
	}
	if l.Job != "other" {
		<-s.opened
	}
	return s.Store.Prepare(ctx, l, b)
}

// Each attempt that has a short turn has a batch of its own: others whose batches are stuck do
// not keep it from reading.
func TestBatchesOfShortTurns(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(5000)
		s := stuckStore{r.store, make(chan struct{})}
		for i := range 3 {
			key := fmt.Sprint("stuck", i)
			r.put(key, in.String())
			r.ready(key)
		}
		r.put("other", in.String())
		r.start(engine.Options{Jobs: 1}, s)
		time.Sleep(30 * time.Second)
		r.ready("other")
		began := time.Now()
		time.AfterFunc(time.Minute, func() { close(s.opened) })
		r.journal.await("job completed", "other", 1)
		if d := time.Since(began); d > 30*time.Second {
			t.Errorf("the job took %v beside jobs whose batches are stuck, want a few seconds", d)
		}
		for i := range 3 {
			id := job.ID(fmt.Sprint("stuck", i))
			r.journal.await("job completed", id, 1)
			if _, want := in.after(5000); r.job(id).Counts != want {
				t.Errorf("%s has %+v, want %+v", id, r.job(id).Counts, want)
			}
		}
	})
}

// The memory of all batches that were filled in a short turn is given back at its end, see
// Engine.Missing.
func TestMemoryOfShortTurns(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(200_000)
		s := stuckStore{r.store, make(chan struct{})}
		r.put("j1", in.String())
		r.ready("j1")
		time.AfterFunc(30*time.Second, func() { close(s.opened) })
		r.start(engine.Options{Jobs: 1, BatchRecords: 30_000}, s)
		r.journal.await("job completed", "j1", 1)
		r.verify("j1", job.Completed, in, 200_000)
	})
}
