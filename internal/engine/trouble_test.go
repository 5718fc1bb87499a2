package engine_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/store"
)

// A stop by the caller ends the reading, however slow it is; what was committed stays
// and is counted, and nothing comes after it.
func TestStop(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(500)
		r.put("j1", in.String())
		r.ready("j1")
		g := newGate("j1", 8192)
		r.start(engine.Options{}, &troubledObjects{Objects: r.objects, read: g.pass})
		<-g.reached
		synctest.Wait()
		r.stop("j1")
		then := time.Now()
		at := r.picture("j1")
		r.journal.await("job stopped", "j1", 1)
		if d := time.Since(then); d > time.Second {
			t.Errorf("the worker noticed after %v, want at most a second", d)
		}
		n := int(at.Counts.Imported + at.Counts.Rejected)
		if n < 64 || n >= 500 {
			t.Errorf("%d records were committed before the stop, want some", n)
		}
		r.verify("j1", job.Stopped, in, n)
	})
}

// A stop between two batches is noticed by the commit, which changes nothing.
func TestStopBeforeCommit(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(500)
		r.put("j1", in.String())
		r.ready("j1")
		var commits atomic.Int64
		r.start(engine.Options{}, &troubledStore{Store: r.store, commit: func(_ context.Context, call func() error) error {
			if commits.Add(1) == 4 {
				r.stop("j1")
			}
			return call()
		}})
		r.journal.await("job stopped", "j1", 1)
		r.verify("j1", job.Stopped, in, 3*64)
	})
}

// A list that is deleted in mid-import fails its job.
func TestListDeleted(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(500)
		r.put("j1", in.String())
		r.ready("j1")
		var commits atomic.Int64
		r.start(engine.Options{}, &troubledStore{Store: r.store, commit: func(ctx context.Context, call func() error) error {
			if commits.Add(1) == 4 {
				check(t, r.store.DeleteList(ctx, listRef(destination.Suppression)))
			}
			return call()
		}})
		r.journal.await("job failed", "j1", 1)
		j := r.job("j1")
		_, want := in.after(3 * 64)
		if j.State != job.Failed || j.Counts != want || j.Error == "" {
			t.Errorf("job is %s, %+v, %q; want failed, %+v and a sentence", j.State, j.Counts, j.Error, want)
		}
	})
}

// Small jobs are done while large ones have every other place.
func TestSmallBesideLarge(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		large := newRows(60_000) // beyond a megabyte
		g := newGate("", 1<<20)
		for _, key := range []string{"large1", "large2", "large3"} {
			r.put(key, large.String())
			r.ready(key)
		}
		small := newRows(10)
		r.put("small", small.String())
		e, _ := r.start(engine.Options{Jobs: 2, BatchRecords: 8192, Slice: time.Hour}, &troubledObjects{Objects: r.objects, piece: 64 << 10, read: g.pass})
		<-g.reached
		<-g.reached
		r.ready("small")
		e.Wake()
		r.journal.await("job completed", "small", 1)
		for _, key := range []string{"large1", "large2", "large3"} {
			if s := r.job(job.ID(key)).State; s.Final() {
				t.Errorf("%s is %s, want it unfinished", key, s)
			}
		}
		g.open()
		for _, id := range []job.ID{"large1", "large2", "large3"} {
			r.journal.await("job completed", id, 1)
		}
		r.verify("large1", job.Completed, large, 60_000)
	})
}

// Two large jobs share one place, slice by slice.
func TestSlices(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		large := newRows(60_000)
		slow := func(context.Context, object.Name, int64) error { time.Sleep(time.Second); return nil }
		for _, key := range []string{"j1", "j2"} {
			r.put(key, large.String())
			r.ready(key)
		}
		r.start(engine.Options{Jobs: 1, BatchRecords: 2048}, &troubledObjects{Objects: r.objects, piece: 64 << 10, read: slow})
		r.journal.await("job completed", "j1", 1)
		r.journal.await("job completed", "j2", 1)
		r.verify("j1", job.Completed, large, 60_000)
		r.verify("j2", job.Completed, large, 60_000)
		got := slices.DeleteFunc(r.journal.messages(), func(m string) bool { return !strings.HasPrefix(m, "job ") })
		want := []string{"job started j1", "job released j1", "job started j2", "job released j2", "job resumed j1"}
		if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
			t.Errorf("order of events:\n%q\nwant it to begin with\n%q", got, want)
		}
	})
}

// A worker whose lease runs out lets go in time, and another engine's work is not
// disturbed by what it had in hand.
func TestLeaseLost(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(500)
		r.put("j1", in.String())
		r.ready("j1")
		silent := func(context.Context, func() error) error { return errors.New("no answer") }
		stuck := newGate("", 0) // the fourth commit of the first engine
		var commits atomic.Int64
		late := func(_ context.Context, call func() error) error {
			if commits.Add(1) == 4 {
				stuck.reached <- struct{}{}
				<-stuck.opened
			}
			return call()
		}
		r.start(engine.Options{Holder: "first"}, &troubledStore{Store: r.store, renew: silent, commit: late})
		<-stuck.reached
		_, end := r.start(engine.Options{Holder: "second"})
		r.journal.await("job completed", "j1", 1)
		end()
		want := r.picture("j1")
		stuck.open()
		r.journal.await("job lost", "j1", 1)
		r.equal(r.picture("j1"), want)
		r.verify("j1", job.Completed, in, 500)
	})
}

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

// Trouble that passes changes nothing but the time an import takes.
func TestPassingTrouble(t *testing.T) {
	t.Parallel()
	trouble := errors.New("connection reset")
	every := func(n int64, err func(call func() error) error) func(context.Context, func() error) error {
		var calls atomic.Int64
		return func(_ context.Context, call func() error) error {
			if calls.Add(1)%n == 0 {
				return err(call)
			}
			return call()
		}
	}
	refused := func(func() error) error { return trouble }
	unanswered := func(call func() error) error { return errors.Join(call(), trouble) }
	first := func(err func(func() error) error) func(context.Context, func() error) error {
		var done atomic.Bool
		return func(_ context.Context, call func() error) error {
			if !done.Swap(true) {
				return err(call)
			}
			return call()
		}
	}
	reading := func(err error) func(context.Context, object.Name, int64) error {
		var reads atomic.Int64
		return func(context.Context, object.Name, int64) error {
			if reads.Add(1)%15 == 0 {
				return err
			}
			return nil
		}
	}
	for _, c := range []struct {
		name    string
		store   troubledStore
		objects troubledObjects
	}{
		{name: "commits refused", store: troubledStore{commit: every(3, refused)}},
		{name: "commits done but not answered", store: troubledStore{commit: every(3, unanswered)}},
		{name: "preparing fails", store: troubledStore{prepare: every(4, refused)}},
		{name: "finish done but not answered", store: troubledStore{finish: first(refused)}},
		{name: "report not stored", objects: troubledObjects{put: first(refused)}},
		{name: "report stored but not answered", objects: troubledObjects{put: first(unanswered)}},
		{name: "source does not open", objects: troubledObjects{open: first(refused)}},
		{name: "source breaks off", objects: troubledObjects{read: reading(trouble)}},
		{name: "source ends early", objects: troubledObjects{read: reading(io.EOF)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.list(destination.Suppression)
				in := newRows(700)
				r.put("j1", in.String())
				r.ready("j1")
				c.store.Store, c.objects.Objects = r.store, r.objects
				r.start(engine.Options{}, &c.store, &c.objects)
				r.journal.await("job completed", "j1", 1)
				r.verify("j1", job.Completed, in, 700)
				if !strings.Contains(r.journal.String(), "job interrupted") {
					t.Errorf("no trouble was met:\n%s", r.journal)
				}
			})
		})
	}
}

// A job that does not get on gives its place to others, and is tried again when its
// lease has run out.
func TestLastingTrouble(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(700)
		r.put("j1", in.String())
		r.ready("j1")
		until := time.Now().Add(time.Minute)
		r.start(engine.Options{}, &troubledStore{Store: r.store, commit: func(_ context.Context, call func() error) error {
			if time.Now().Before(until) {
				return errors.New("no space left on device")
			}
			return call()
		}})
		r.journal.await("job completed", "j1", 1)
		if r.journal.count("job abandoned", "j1") < 2 {
			t.Errorf("the place was not given up:\n%s", r.journal)
		}
		r.verify("j1", job.Completed, in, 700)
	})
}
