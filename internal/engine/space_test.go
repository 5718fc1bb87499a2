package engine_test

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
)

// reason is why no job is worked on, as the watcher of the disk gives it.
type reason struct{ atomic.Pointer[string] }

func (r *reason) set(text string) { r.Store(&text) }

func (r *reason) get() string {
	if text := r.Load(); text != nil {
		return *text
	}
	return ""
}

// TestJobsWaitForSpace: a job that runs when the disk becomes full is let go after the
// batch in hand, one that is ready is not begun, and both go on by themselves.
func TestJobsWaitForSpace(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(500)
		r.put("j1", in.String())
		r.ready("j1")
		var full reason
		g := newGate("j1", 8192)
		r.start(engine.Options{Waits: full.get}, &troubledObjects{Objects: r.objects, read: g.pass})
		<-g.reached
		full.set("disk full: 1 MiB free, 72 MiB needed")
		time.Sleep(time.Second)
		g.open()
		r.journal.await("job released", "j1", 1)
		at := r.picture("j1")
		if n := at.Counts.Imported + at.Counts.Rejected; n == 0 || n >= 500 {
			t.Errorf("%d records committed when the disk became full, want some and not all", n)
		}
		r.put("j2", in.String())
		r.ready("j2")
		time.Sleep(time.Minute)
		r.equal(r.picture("j1"), at)
		if j1, j2 := r.job("j1"), r.job("j2"); j1.State != job.Processing || j2.State != job.Created {
			t.Errorf("while the disk is full the jobs are %s and %s, want processing and created", j1.State, j2.State)
		}
		if n := r.journal.count("job resumed", "j1") + r.journal.count("job started", "j2"); n != 0 {
			t.Errorf("%d jobs were claimed while the disk was full:\n%s", n, r.journal)
		}
		full.set("")
		r.journal.await("job completed", "j1", 1)
		r.journal.await("job completed", "j2", 1)
		r.verify("j1", job.Completed, in, 500)
	})
}

// TestReportWaitsForSpace: a job that has imported everything and cannot write its
// report waits, and is not failed.
func TestReportWaitsForSpace(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(500)
		r.put("j1", in.String())
		r.ready("j1")
		var full reason
		o := &fullObjects{Objects: r.objects}
		o.refuse.Store(true)
		o.refused = func() { full.set("disk full: 1 MiB free, 72 MiB needed") }
		r.start(engine.Options{Waits: full.get}, o)
		r.journal.await("job released", "j1", 1)
		synctest.Wait()
		if j := r.job("j1"); j.State != job.Processing || j.Counts.Imported+j.Counts.Rejected != 500 {
			t.Errorf("without space for the report the job is %s with %+v, want processing with all records", j.State, j.Counts)
		}
		o.refuse.Store(false)
		full.set("")
		r.journal.await("job completed", "j1", 1)
		r.verify("j1", job.Completed, in, 500)
	})
}

// fullObjects takes no object while refuse is set.
type fullObjects struct {
	engine.Objects
	refuse  atomic.Bool
	refused func()
}

func (o *fullObjects) Put(ctx context.Context, n object.Name, contentType string, r io.Reader) (object.Info, error) {
	if o.refuse.Load() {
		o.refused()
		return object.Info{}, fault.New(fault.StorageFull, "the disk of the server is full")
	}
	return o.Objects.Put(ctx, n, contentType, r)
}
