package engine_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/store"
)

// An engine that is told to end keeps what it has read, and gives its jobs up at once.
func TestShutdown(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(500)
		r.put("j1", in.String())
		r.ready("j1")
		g := newGate("j1", 8192)
		_, end := r.start(engine.Options{BatchRecords: 1000}, &troubledObjects{Objects: r.objects, read: g.pass})
		<-g.reached
		end()
		j := r.job("j1")
		if n := j.Counts.Imported + j.Counts.Rejected; n == 0 || j.State != job.Processing {
			t.Errorf("after the end the job is %s with %d records, want processing with what was read", j.State, n)
		}
		if waiting, err := r.store.Waiting(t.Context(), store.Wanted{}); !waiting || err != nil {
			t.Errorf("Waiting = %t, %v; want the job to wait for the next start", waiting, err)
		}
		r.start(engine.Options{})
		r.journal.await("job completed", "j1", 1)
		r.verify("j1", job.Completed, in, 500)
		if r.journal.count("job resumed", "j1") != 1 {
			t.Errorf("the job was not resumed:\n%s", r.journal)
		}
	})
}

// The end may come between any two records.
func TestShutdownBetweenRecords(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(500)
		r.put("j1", in.String())
		r.ready("j1")
		var once sync.Once
		ended := make(chan func(), 1)
		_, end := r.start(engine.Options{BatchRecords: 1000}, &troubledObjects{Objects: r.objects, read: func(_ context.Context, _ object.Name, at int64) error {
			if at > 8192 {
				once.Do(func() {
					go (<-ended)()
					time.Sleep(time.Millisecond) // the reader knows by then, and gets its records all the same
				})
			}
			return nil
		}})
		ended <- end
		r.journal.await("job released", "j1", 1)
		end()
		r.start(engine.Options{})
		r.journal.await("job completed", "j1", 1)
		r.verify("j1", job.Completed, in, 500)
	})
}

// What hangs when the engine is told to end is cut off after a while.
func TestGrace(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(500)
		r.put("j1", in.String())
		r.ready("j1")
		hangs := make(chan struct{}, 1)
		_, end := r.start(engine.Options{Grace: 5 * time.Second}, &troubledStore{Store: r.store, prepare: func(ctx context.Context, _ func() error) error {
			select {
			case hangs <- struct{}{}:
			default:
			}
			<-ctx.Done()
			return ctx.Err()
		}})
		<-hangs
		then := time.Now()
		end()
		if d := time.Since(then); d != 5*time.Second {
			t.Errorf("Run ended after %v, want the grace, 5s", d)
		}
		r.start(engine.Options{})
		r.journal.await("job completed", "j1", 1)
		r.verify("j1", job.Completed, in, 500)
	})
}

// silentHold is an object store that answers for no source.
type silentHold struct {
	engine.Objects
	asked chan struct{}
}

func (o silentHold) Hold(ctx context.Context, _ object.Name, _ string) (object.Info, error) {
	o.asked <- struct{}{}
	<-ctx.Done()
	return object.Info{}, context.Cause(ctx)
}

// An object store that does not answer for a source keeps no engine from its end.
func TestShutdownDuringHold(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(500)
		r.put("j1", in.String())
		r.ready("j1")
		o := silentHold{r.objects, make(chan struct{}, 1)}
		_, end := r.start(engine.Options{}, o)
		<-o.asked
		then := time.Now()
		end()
		if d := time.Since(then); d > time.Second {
			t.Errorf("Run ended after %v, want no time", d)
		}
		if j := r.job("j1"); j.State != job.Created || j.Attempts != 0 {
			t.Errorf("after the end the job is %s after %d attempts that failed, want it as it was", j.State, j.Attempts)
		}
		r.start(engine.Options{})
		r.journal.await("job completed", "j1", 1)
		r.verify("j1", job.Completed, in, 500)
	})
}
