package engine_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
)

// wait waits as a connection does, until the caller gives up.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// silence is a source that never answers, and is given up as an S3 is.
func silence(ctx context.Context) error {
	if err := wait(ctx, max(15*time.Second, object.FirstByteTimeout(ctx))); err != nil {
		return err
	}
	return fault.New(fault.Unavailable, "no answer")
}

// A job whose trouble is over is taken within the minute, and a source that is only slow is
// read in the end, however many sources stay silent.
func TestRetriesBesideSilentSources(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(60_000)
		const n = 300
		for i := range n {
			key := fmt.Sprint("silent", i)
			r.put(key, "alice@example.com,BOUNCE\n")
			r.ready(key)
		}
		for _, key := range []string{"slow", "back0", "back1", "back2"} {
			r.put(key, in.String())
			r.ready(key)
		}
		began := time.Now()
		back := func(i int) time.Time { return began.Add(time.Duration(i+1) * 10 * time.Minute) }
		read := func(ctx context.Context, n object.Name, at int64) error {
			var i int
			if _, err := fmt.Sscanf(n.Key, "back%d", &i); err == nil && time.Now().After(back(i)) {
				return nil
			}
			if n.Key == "slow" {
				if at > 0 {
					return nil
				}
				return wait(ctx, 20*time.Second)
			}
			return silence(ctx)
		}
		r.start(engine.Options{Jobs: 2, BatchRecords: 8192}, &troubledObjects{Objects: r.objects, piece: 256 << 10, read: read})
		times := 3
		if testing.Short() {
			times = 1
		}
		for i := range times {
			id := job.ID(fmt.Sprint("back", i))
			r.journal.await("job completed", id, 1)
			if d := time.Since(back(i)); d > time.Minute+10*time.Second {
				t.Errorf("%s was done %v after its source was back, want about a minute at most", id, d)
			}
		}
		if testing.Short() {
			return
		}
		r.journal.await("job completed", "slow", 1)
		r.verify("slow", job.Completed, in, 60_000)
		t.Logf("the slow one was done after %v", time.Since(began))
		if d := time.Since(began); d > 2*time.Hour {
			t.Errorf("the slow source was read after %v, want it to be in an hour or two", d)
		}
	})
}

// drip returns bytes of sources one by one, each after a second.
func drip(ctx context.Context, _ object.Name, _ int64) error { return wait(ctx, time.Second) }

// A source that sends a byte a second, or falls silent in the middle, loses its slot to a job
// that waits. What was read of it is kept, and it is read to its end in its turns.
func TestStallingSourcesDelayNobody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		read  func(began time.Time) func(context.Context, object.Name, int64) error
		piece int
		most  time.Duration // that another job waits
	}{
		{"drips", func(time.Time) func(context.Context, object.Name, int64) error { return drip }, 1, 45 * time.Second}, // three turns of 10 s, and a moment
		{"falls silent", func(began time.Time) func(context.Context, object.Name, int64) error {
			return func(ctx context.Context, _ object.Name, at int64) error {
				if at < 600 || time.Since(began) > 10*time.Minute {
					return nil
				}
				return silence(ctx)
			}
		}, 100, 7 * time.Second},
		{"drips after a beginning", func(time.Time) func(context.Context, object.Name, int64) error {
			return func(ctx context.Context, n object.Name, at int64) error {
				if at < 600 {
					return nil
				}
				return drip(ctx, n, at)
			}
		}, 10, 45 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.list(destination.Suppression)
				bad, in := newRows(60), newRows(60_000)
				for i := range 3 {
					key := fmt.Sprint("bad", i)
					r.put(key, bad.String())
					r.ready(key, func(j *job.Job) { j.Source.Size = 2 << 20 }) // not for the slot of small ones
				}
				began := time.Now()
				read := c.read(began)
				o := &troubledObjects{Objects: r.objects, piece: c.piece, read: read}
				e, _ := r.start(engine.Options{Jobs: 1, BatchRecords: 8192}, only{o, r.objects, "bad"})
				for i := range 10 {
					time.Sleep(37 * time.Second)
					key := fmt.Sprint("healthy", i)
					r.put(key, in.String())
					then := time.Now()
					r.ready(key)
					e.Wake()
					r.journal.await("job completed", job.ID(key), 1)
					if d := time.Since(then); d > c.most {
						t.Errorf("healthy job %d took %v, want at most %v", i, d, c.most)
					}
				}
				for i := range 3 {
					id := job.ID(fmt.Sprint("bad", i))
					r.journal.await("job completed", id, 1)
					if got := r.job(id).Counts.Imported + r.job(id).Counts.Rejected; got != 60 {
						t.Errorf("%s has %d records, want 60", id, got)
					}
				}
				t.Logf("all were done after %v", time.Since(began))
				if d := time.Since(began); d > 3*time.Hour {
					t.Errorf("the bad ones were done after %v, want them to get on in each turn", d)
				}
			})
		})
	}
}

// only has trouble with the objects whose keys have a prefix.
type only struct {
	*troubledObjects
	sound  engine.Objects
	prefix string
}

func (o only) Open(ctx context.Context, n object.Name, version string, offset int64) (io.ReadCloser, error) {
	if strings.HasPrefix(n.Key, o.prefix) {
		return o.troubledObjects.Open(ctx, n, version, offset)
	}
	return o.sound.Open(ctx, n, version, offset)
}
