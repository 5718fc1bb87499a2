package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/testenv"
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

// An engine that is asked to end beside as many attempts at waiting jobs as it makes at once
// ends soon, whatever they wait for, and no attempt counts for it.
func TestShutdownBesideRetries(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in, long := newRows(500), strings.Repeat("x", 1<<20)
		const n = 50 // of each kind
		for i := range n {
			for kind, text := range map[string]string{"silent": in.String(), "endless": long, "stalling": in.String()} {
				key := fmt.Sprint(kind, i)
				r.put(key, text)
				r.ready(key)
			}
		}
		var isBack atomic.Bool
		read := func(ctx context.Context, n object.Name, at int64) error {
			switch {
			case isBack.Load() || n.Bucket != "files":
				return nil
			case strings.HasPrefix(n.Key, "silent"):
				return silence(ctx)
			case at < 10<<10:
				return nil
			case strings.HasPrefix(n.Key, "endless"):
				return wait(ctx, time.Second)
			}
			return silence(ctx)
		}
		commit := func(ctx context.Context, call func() error) error {
			if isBack.Load() {
				return call()
			}
			return fault.New(fault.Unavailable, "connection reset")
		}
		o := &troubledObjects{Objects: r.objects, piece: 2 << 10, read: read}
		s := &troubledStore{Store: r.store, commit: commit}
		random := testenv.Rand(t)
		for range 3 {
			_, end := r.start(engine.Options{Jobs: 2, BatchRecords: 8192}, s, o)
			time.Sleep(2*time.Minute + time.Duration(random.IntN(10_000))*time.Millisecond)
			then := time.Now()
			end()
			if d := time.Since(then); d > time.Second {
				t.Errorf("Run ended after %v, want no time", d)
			}
			for i := range n {
				for _, kind := range []string{"silent", "endless", "stalling"} {
					if l := r.job(job.ID(fmt.Sprint(kind, i))).Lease; time.Now().Before(l.Until) {
						t.Errorf("the job %s%d has a lease after the end, want none", kind, i)
					}
				}
			}
		}
		isBack.Store(true)
		r.start(engine.Options{Jobs: 2, BatchRecords: 8192}, s, o)
		for i := range n {
			for _, kind := range []string{"silent", "endless", "stalling"} {
				r.journal.await("job completed", job.ID(fmt.Sprint(kind, i)), 1)
			}
		}
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
