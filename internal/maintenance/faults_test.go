package maintenance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicehq/sluice/internal/diskspace"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/maintenance"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/diskobject"
)

type objects = maintenance.Objects // has a method of its own name

// failingObjects fails to remove what fails has an error for: an object by its key, or a
// hold by its holder.
type failingObjects struct {
	objects
	fails func(name string) error
	calls []string
}

func (o *failingObjects) call(name string) error {
	o.calls = append(o.calls, name)
	if err := o.fails(name); err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

func (o *failingObjects) DeleteIfUnchanged(ctx context.Context, i object.Info) (bool, error) {
	if err := o.call(i.Name.Key); err != nil {
		return false, err
	}
	return o.objects.DeleteIfUnchanged(ctx, i)
}

func (o *failingObjects) Delete(ctx context.Context, n object.Name) error {
	if err := o.call(n.Key); err != nil {
		return err
	}
	return o.objects.Delete(ctx, n)
}

func (o *failingObjects) Release(ctx context.Context, holder string) error {
	if err := o.call(holder); err != nil {
		return err
	}
	return o.objects.Release(ctx, holder)
}

// with returns maintenance of the rig's store and the given objects, and its log.
func (r *rig) with(s maintenance.Store, objects maintenance.Objects, o maintenance.Options) (*maintenance.Maintenance, *bytes.Buffer) {
	r.registry = prometheus.NewRegistry()
	var log bytes.Buffer
	o.Bucket, o.Holder, o.Registry = own, "this", r.registry
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	return maintenance.New(s, objects, o), &log
}

// TestOneThatCannotBeRemoved: one object, hold or job that cannot be removed does not keep
// a duty from those behind it. It is counted as an error, and a key that a caller chose is
// not logged.
func TestOneThatCannotBeRemoved(t *testing.T) {
	t.Parallel()
	for _, c := range crashCases {
		t.Run(c.duty, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				c.prepare(r)
				time.Sleep(8 * day)
				var bad string
				failing := &failingObjects{objects: r.objects, fails: func(name string) error {
					if bad == "" {
						bad = name
					}
					if name == bad {
						return errors.New("input/output error")
					}
					return nil
				}}
				m, log := r.with(r.store, failing, c.options)
				m.SetMost(100)
				m.Round(r.Context())
				if got := int(metric(r, "sluice_maintenance_removed_total", c.duty)); got != c.removed-1 {
					t.Errorf("%d removed, want all %d but one", got, c.removed)
				}
				if got := metric(r, "sluice_maintenance_errors_total", c.duty); got != 1 {
					t.Errorf("%v errors, want 1", got)
				}
				if text := log.String(); !strings.Contains(text, "1 could not be removed") || !strings.Contains(text, "input/output error") ||
					(c.duty == "files" || c.duty == "uploads") && strings.Contains(text, bad) {
					t.Errorf("log, want the error without %q:\n%s", bad, text)
				}
				failing.fails = func(string) error { return nil }
				m.Round(r.Context())
				if got := int(metric(r, "sluice_maintenance_removed_total", c.duty)); got != c.removed {
					t.Errorf("%d removed when nothing fails, want all %d", got, c.removed)
				}
			})
		})
	}
}

// TestStorageAway: what fails for all is not tried for each.
func TestStorageAway(t *testing.T) {
	t.Parallel()
	for _, c := range crashCases {
		t.Run(c.duty, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				c.prepare(r)
				time.Sleep(8 * day)
				before := r.state()
				failing := &failingObjects{objects: r.objects, fails: func(string) error { return fault.New(fault.Unavailable, "no answer") }}
				m, _ := r.with(r.store, failing, c.options)
				if m.Round(r.Context()) {
					t.Error("Round reports more to do at once, want it to wait for the next round")
				}
				if len(failing.calls) != 1 {
					t.Errorf("%q were tried, want one", failing.calls)
				}
				after := slices.DeleteFunc(before, func(s string) bool { return strings.HasPrefix(s, "multipart ") })
				if got := slices.DeleteFunc(r.state(), func(s string) bool { return strings.HasPrefix(s, "multipart ") }); !slices.Equal(got, after) {
					t.Errorf("left %q, want %q", got, after)
				}
			})
		})
	}
}

// TestHoldsBehindManyThatAreNeeded: holds are released however many of unfinished jobs are
// listed before them.
func TestHoldsBehindManyThatAreNeeded(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(owner, "theirs", "list.csv")
		for i := range 7 {
			r.job(owner, fmt.Sprint("job-a", i), "theirs", "list.csv")
		}
		for i := range 5 {
			r.job(owner, fmt.Sprint("job-b", i), "theirs", "list.csv")
			r.end(owner, fmt.Sprint("job-b", i), "")
		}
		time.Sleep(8 * day)
		m, _ := r.with(r.store, r.objects, maintenance.Options{Grace: day})
		m.SetMost(3)
		for rounds := 1; m.Round(r.Context()); rounds++ {
			if rounds > 5 {
				t.Fatal("there is always more to do")
			}
		}
		if got := metric(r, "sluice_maintenance_removed_total", "holds"); got != 5 {
			t.Errorf("%v holds released, want 5", got)
		}
		if got := len(r.left()); got != 1+7 {
			t.Errorf("left %q, want the object and 7 holds", r.left())
		}
	})
}

// twiceDeleting is a store whose jobs another server deletes at the same time.
type twiceDeleting struct{ maintenance.Store }

func (s twiceDeleting) DeleteJob(ctx context.Context, o job.Owner, id job.ID) error {
	if err := s.Store.DeleteJob(ctx, o, id); err != nil {
		return err
	}
	return s.Store.DeleteJob(ctx, o, id)
}

// TestJobDeletedMeanwhile: what another server has deleted is neither counted nor an error.
func TestJobDeletedMeanwhile(t *testing.T) {
	inBubble(t, func(r *rig) {
		prepareJobs(r)
		time.Sleep(8 * day)
		m, _ := r.with(twiceDeleting{r.store}, r.objects, maintenance.Options{KeepJobs: 7 * day, Grace: 1000 * day})
		m.Round(r.Context())
		removed, errs := metric(r, "sluice_maintenance_removed_total", "jobs"), metric(r, "sluice_maintenance_errors_total", "jobs")
		if removed != 0 || errs != 0 || len(r.jobs()) != 1 {
			t.Errorf("%v jobs counted, %v errors, jobs %q; want none, none, and the one that has not ended", removed, errs, r.jobs())
		}
	})
}

// TestClockSetForward: a clock that is wrong for a moment does not have everything deleted.
func TestClockSetForward(t *testing.T) {
	inBubble(t, func(r *rig) {
		old, recent := uuid.NewString(), uuid.NewString()
		for _, id := range []string{old, recent} {
			r.put(owner, own, id)
			r.job(owner, id, own, id)
		}
		r.end(owner, old, "")
		var ahead time.Duration
		m, log := r.with(r.store, r.objects, maintenance.Options{
			KeepJobs: 90 * day, KeepFiles: 90 * day, KeepUploads: 90 * day, Grace: 10 * day,
			Now: func() time.Time { return time.Now().Round(0).Add(ahead) },
		})
		m.Round(r.Context())
		time.Sleep(80 * day)
		r.end(owner, recent, "")
		ahead = 365 * day
		for range 3 {
			m.Round(r.Context())
			time.Sleep(3 * day)
		}
		if got := len(r.jobs()); got != 2 {
			t.Errorf("%d jobs while the clock was a year ahead, want both", got)
		}
		if got := strings.Count(log.String(), "clock set forward"); got != 1 {
			t.Errorf("it was logged %d times, want once:\n%s", got, log)
		}
		ahead = 0 // set right again
		time.Sleep(10 * day)
		m.Round(r.Context())
		if got := r.jobs(); !slices.Equal(got, []string{recent}) {
			t.Errorf("jobs afterwards %q, want %s, and not %s, which is old", got, recent, old)
		}
	})
}

// TestFullDisk: on a disk that is too full for any write, maintenance removes files, and
// callers may, so that there is room again. It stops where even that could fill the disk.
func TestFullDisk(t *testing.T) {
	const mib = 1 << 20
	inBubble(t, func(r *rig) {
		var free atomic.Uint64
		free.Store(100 * mib)
		disk := diskspace.New(func() (uint64, uint64, error) { return free.Load(), 1000 * mib, nil }, diskspace.Options{MinFree: 32 * mib})
		r.ok(r.objects.Close())
		var err error
		r.objects, err = diskobject.Open("data/objects", diskobject.Options{FS: r.fs, Space: disk})
		r.ok(err)
		prepareFiles(r)
		prepareUploads(r)
		prepareHolds(r)
		r.put(owner, "theirs", "large")
		time.Sleep(8 * day)
		o := maintenance.Options{KeepFiles: 7 * day, KeepUploads: 7 * day, Grace: day}
		before := r.state()

		free.Store(3 * mib)
		time.Sleep(time.Second)
		r.round(o)
		if got := r.state(); !slices.Equal(got, before) {
			t.Errorf("left of a disk with 3 MiB free: %q, want all: %q", got, before)
		}

		free.Store(5 * mib)
		time.Sleep(time.Second)
		if _, err := r.objects.Put(r.Context(), object.Name{Account: owner.Account, Bucket: own, Key: "new"}, "", strings.NewReader("x")); !fault.Is(err, fault.StorageFull) {
			t.Errorf("Put with 5 MiB free: %v, want StorageFull", err)
		}
		r.ok(r.objects.Delete(r.Context(), object.Name{Account: owner.Account, Bucket: "theirs", Key: "large"}))
		r.round(o)
		for _, duty := range []string{"holds", "reports", "uploads", "files"} {
			if got := metric(r, "sluice_maintenance_errors_total", duty); got != 0 {
				t.Errorf("%v errors of %s with 5 MiB free, want none", got, duty)
			}
		}
		var removed float64
		for _, duty := range []string{"holds", "reports", "uploads", "files"} {
			removed += metric(r, "sluice_maintenance_removed_total", duty)
		}
		if left := len(r.state()); removed < 12 || left != len(before)-int(removed)-1 {
			t.Errorf("%v removed with 5 MiB free, %d left of %d; want 12 and more, and the rest", removed, left, len(before))
		}
	})
}
