package engine_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
)

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

// Two engines over one store share large jobs evenly, whichever of them is woken.
func TestEnginesShareEvenly(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		large := newRows(60_000)
		ids := []job.ID{"j1", "j2", "j3", "j4"}
		for _, id := range ids {
			r.put(string(id), large.String())
		}
		g := newGate("", 1<<20)
		troubled := &troubledObjects{Objects: r.objects, piece: 64 << 10, read: g.pass}
		e, _ := r.start(engine.Options{Holder: "first", Jobs: 4, Shared: true, BatchRecords: 8192}, troubled)
		r.start(engine.Options{Holder: "second", Jobs: 4, Shared: true, BatchRecords: 8192}, troubled)
		for _, id := range ids {
			r.ready(string(id), func(j *job.Job) { j.Source.Size = int64(len(large.String())) })
			e.Wake()
		}
		had := map[string]int{}
		for range ids {
			<-g.reached
		}
		for _, id := range ids {
			had[r.job(id).Lease.Holder]++
		}
		if had["first"] != 2 || had["second"] != 2 {
			t.Errorf("jobs had by each engine: %v, want two each", had)
		}
		g.open()
		for _, id := range ids {
			r.journal.await("job completed", id, 1)
		}
		r.verify("j4", job.Completed, large, 60_000)
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

// Counts move though batches are far from full.
func TestCountsMove(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(20_000)
		r.put("j1", in.String())
		r.ready("j1")
		slow := func(context.Context, object.Name, int64) error { time.Sleep(100 * time.Millisecond); return nil }
		r.start(engine.Options{BatchRecords: 1 << 20}, &troubledObjects{Objects: r.objects, piece: 4096, read: slow})
		var last int64
		for range 5 {
			time.Sleep(time.Second)
			c := r.job("j1").Counts
			if n := c.Imported + c.Rejected; n <= last {
				t.Errorf("%d records were committed, and a second later still %d", last, n)
			} else {
				last = n
			}
		}
		r.journal.await("job completed", "j1", 1)
		r.verify("j1", job.Completed, in, 20_000)
	})
}
