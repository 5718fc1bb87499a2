package engine_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
)

// An engine that alone is cut off from the object storage lets go of its jobs, and leaves
// them and new ones to the others.
func TestCutOffEngine(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(60_000)
		var cut atomic.Bool
		r.put("j1", in.String())
		r.ready("j1")
		g := newGate("j1", 1<<20)
		away := func(ctx context.Context, n object.Name, at int64) error {
			if err := g.pass(ctx, n, at); err != nil || !cut.Load() {
				return err
			}
			return fault.New(fault.Unavailable, "no answer")
		}
		options := engine.Options{Holder: "first", Jobs: 1, Shared: true, BatchRecords: 4096, Poll: 250 * time.Millisecond}
		options.PingObjects = func(ctx context.Context) error { return away(ctx, object.Name{}, 0) }
		r.start(options, &troubledObjects{Objects: r.objects, piece: 64 << 10, read: away})
		<-g.reached
		options.Holder, options.PingObjects = "second", func(context.Context) error { return nil }
		r.start(options)
		time.Sleep(time.Second)
		cut.Store(true)
		g.open()
		then := time.Now()
		r.journal.await("job completed", "j1", 1)
		if d := time.Since(then); d > 2*time.Second {
			t.Errorf("the job went on elsewhere after %v, want about a second", d)
		}
		if holder := r.job("j1").Lease.Holder; holder != "second" {
			t.Errorf("the %s engine completed the job, want the second", holder)
		}
		r.verify("j1", job.Completed, in, 60_000)
		for i := range 3 { // new ones go to the other at once
			key := fmt.Sprint("new", i)
			r.put(key, in.String())
			r.ready(key)
			then := time.Now()
			r.journal.await("job completed", job.ID(key), 1)
			if j := r.job(job.ID(key)); j.Lease.Holder != "second" || time.Since(then) > 2*time.Second || j.LastError != "" {
				t.Errorf("%s was completed by the %s engine after %v, last error %q; want the second, soon", key, j.Lease.Holder, time.Since(then), j.LastError)
			}
		}
	})
}

// An engine whose source was not available leaves new jobs to the others until it knows that
// the object storage answers for its own bucket.
func TestSuspectedCutOff(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(60_000)
		for _, key := range []string{"away", "new"} {
			r.put(key, in.String())
		}
		r.ready("away")
		asked := make(chan struct{}, 1)
		e, _ := r.start(engine.Options{
			Jobs: 1, Shared: true, Poll: 250 * time.Millisecond,
			PingObjects: func(ctx context.Context) error {
				select {
				case asked <- struct{}{}:
					time.Sleep(time.Second)
				default: // it was asked before
				}
				return nil
			},
		}, &troubledObjects{Objects: r.objects, piece: 64 << 10, read: func(_ context.Context, n object.Name, _ int64) error {
			if n.Key == "away" {
				return fault.New(fault.Unavailable, "no answer")
			}
			return nil
		}})
		for len(asked) == 0 {
			time.Sleep(time.Millisecond)
		}
		r.ready("new")
		e.Wake()
		time.Sleep(900 * time.Millisecond)
		if j := r.job("new"); j.Lease.Term != 0 {
			t.Error("the engine claimed a job before it knew whether it can read sources")
		}
		almost := time.Now()
		r.journal.await("job completed", "new", 1)
		if d := time.Since(almost); d > 200*time.Millisecond {
			t.Errorf("the job was completed after %v, want as soon as the object storage has answered", d)
		}
	})
}

// An engine that was cut off takes jobs again soon after the object storage answers, also if
// none of its jobs comes to a commit, and no other source fails.
func TestCutOffIsOver(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		var isBack atomic.Bool
		away := func(context.Context, object.Name, int64) error {
			if isBack.Load() {
				return nil
			}
			return fault.New(fault.Unavailable, "no answer")
		}
		r.put("away", newRows(500).String())
		r.ready("away")
		e, _ := r.start(engine.Options{
			Jobs: 1, Shared: true, Poll: 250 * time.Millisecond,
			PingObjects: func(ctx context.Context) error { return away(ctx, object.Name{}, 0) },
		}, &troubledObjects{Objects: r.objects, read: away})
		r.journal.await("job waits", "away", 1)
		r.stop("away")
		time.Sleep(time.Minute)
		isBack.Store(true)
		const n = 20
		then := time.Now()
		for i := range n {
			r.ready(fmt.Sprint("missing", i))
		}
		e.Wake()
		for i := range n {
			r.journal.await("job failed", job.ID(fmt.Sprint("missing", i)), 1)
		}
		if d := time.Since(then); d > 3*time.Second {
			t.Errorf("%d jobs without a source took %v, want about a second", n, d)
		}
	})
}

// A source that is not available says nothing about the object storage: while the server's
// own bucket answers, the engine takes other jobs at once.
func TestUnavailableSourceIsNoCutOff(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(context.Context) error{
		"unavailable": func(context.Context) error { return fault.New(fault.Unavailable, "no answer") },
		"silent": func(ctx context.Context) error {
			select {
			case <-time.After(15 * time.Second):
				return fault.New(fault.Unavailable, "no answer")
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.list(destination.Suppression)
				in := newRows(60_000) // not a small one
				r.put("away", in.String())
				r.ready("away")
				read := func(ctx context.Context, n object.Name, _ int64) error {
					if n.Key == "away" {
						return away(ctx)
					}
					return nil
				}
				var pings atomic.Int64
				e, _ := r.start(engine.Options{
					Jobs: 1, Shared: true, BatchRecords: 8192, Poll: 250 * time.Millisecond,
					PingObjects: func(context.Context) error { pings.Add(1); return nil },
				}, &troubledObjects{Objects: r.objects, piece: 64 << 10, read: read})
				r.journal.await("job waits", "away", 1)
				for i := range 20 {
					time.Sleep(777 * time.Millisecond)
					key := fmt.Sprint("healthy", i)
					r.put(key, in.String())
					then := time.Now()
					r.ready(key)
					e.Wake()
					r.journal.await("job completed", job.ID(key), 1)
					if d := time.Since(then); d > 100*time.Millisecond {
						t.Errorf("healthy job %d took %v, want no time", i, d)
					}
				}
				if pings.Load() == 0 {
					t.Error("the object storage was never asked")
				}
			})
		})
	}
}
