package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/testenv"
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

// A worker that cannot renew its lease lets go before it ends.
func TestLeaseNotTrustedToTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(500)
		r.put("j1", in.String())
		r.ready("j1")
		g := newGate("j1", 8192)
		began := time.Now()
		r.start(engine.Options{Lease: 10 * time.Second},
			&troubledStore{Store: r.store, renew: func(context.Context, func() error) error { return errors.New("no answer") }},
			&troubledObjects{Objects: r.objects, read: g.pass})
		r.journal.await("job lost", "j1", 1)
		if d := time.Since(began); d != 8*time.Second {
			t.Errorf("the worker let go after %v, want four fifths of its 10s", d)
		}
		g.open()
		r.journal.await("job completed", "j1", 1)
		r.verify("j1", job.Completed, in, 500)
	})
}

// Trouble that passes changes nothing but the time an import takes.
func TestPassingTrouble(t *testing.T) {
	t.Parallel()
	trouble := fault.New(fault.Unavailable, "connection reset")
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
		store   *troubledStore
		objects troubledObjects
	}{
		{name: "commits refused", store: &troubledStore{commit: every(3, refused)}},
		{name: "commits done but not answered", store: &troubledStore{commit: every(3, unanswered)}},
		{name: "preparing fails", store: &troubledStore{prepare: every(4, refused)}},
		{name: "finish refused", store: &troubledStore{finish: first(refused)}},
		{name: "finish done but not answered", store: &troubledStore{finish: first(unanswered)}},
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
				if c.store == nil {
					c.store = &troubledStore{}
				}
				c.store.Store, c.objects.Objects = r.store, r.objects
				_, end := r.start(engine.Options{}, c.store, &c.objects)
				r.journal.await("job completed", "j1", 1)
				end()
				if n := c.store.unused.Load(); n != 0 {
					t.Errorf("%d prepared batches were forgotten", n)
				}
				r.verify("j1", job.Completed, in, 700)
				if j := r.job("j1"); j.LastError == "" && c.name != "finish done but not answered" || j.Waiting != (job.Wait{}) {
					t.Errorf("last error %q, waiting %+v; want trouble that is over", j.LastError, j.Waiting)
				}
			})
		})
	}
}

// A source that is damaged or gone fails its job with a sentence; what was read before
// stays. Nothing would be gained by another try.
func TestDamagedSource(t *testing.T) {
	for name, damage := range map[string]func(disk vfs.FS, path string) error{
		"flipped byte": func(disk vfs.FS, path string) error {
			f, err := disk.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte{0}, 1<<20+5)
			return errors.Join(err, f.Close())
		},
		"missing": func(disk vfs.FS, path string) error { return disk.Remove(path) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				disk := testenv.NewCrashDisk()
				r := rigOn(t, disk)
				r.list(destination.Suppression)
				in := newRows(60_000)
				r.put("j1", in.String())
				blobs, err := disk.List("objects/blobs")
				if err != nil || len(blobs) != 1 {
					t.Fatalf("blobs are %v, %v; want one", blobs, err)
				}
				check(t, damage(disk, "objects/blobs/"+blobs[0]))
				r.ready("j1")
				r.start(engine.Options{BatchRecords: 4096})
				r.journal.await("job failed", "j1", 1)
				at, n := 0, 0
				if name != "missing" {
					at = 1 << 20
					n = strings.Count(in.String()[:at], "\n")
				}
				j := r.job("j1")
				_, want := in.after(n)
				if sentence := fmt.Sprintf("stored object is damaged at byte %d", at); j.State != job.Failed || j.Counts != want || j.Error != sentence {
					t.Errorf("job is %s, %+v, %q; want failed, %+v, %q", j.State, j.Counts, j.Error, want, sentence)
				}
				if j.LastError != "" {
					t.Errorf("an attempt ended early for %q, want the job to fail at once", j.LastError)
				}
			})
		})
	}
}
