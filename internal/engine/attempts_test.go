package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
)

// While something is away a job waits, shows since when and why, is tried at most every
// minute, and goes on by itself. The log has one line about it.
func TestD160_TransientTrouble(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		err    error
		source bool // the trouble is the source's; else the store's
		want   job.Reason
	}{
		{"database away", fault.New(fault.Unavailable, "no answer"), false, job.DatabaseUnavailable},
		{"disk full", fault.New(fault.StorageFull, "no answer"), false, job.DiskFull},
		{"source away", fault.New(fault.Unavailable, "no answer"), true, job.StorageUnavailable},
		{"source throttled", fault.New(fault.Throttled, "no answer"), true, job.StorageUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.list(destination.Suppression)
				in := newRows(700)
				r.put("j1", in.String())
				r.ready("j1")
				var tries atomic.Int64
				began := time.Now()
				until := began.Add(10 * time.Minute)
				trouble := func(_ context.Context, call func() error) error {
					if time.Now().Before(until) {
						tries.Add(1)
						return fmt.Errorf("%w: dial tcp", c.err)
					}
					return call()
				}
				s, o := &troubledStore{Store: r.store, commit: trouble}, &troubledObjects{Objects: r.objects}
				if c.source {
					s.commit, o.open = nil, trouble
				}
				r.start(engine.Options{}, s, o)
				time.Sleep(9 * time.Minute)
				j := r.job("j1")
				if j.State != job.Processing || j.Waiting.Reason != c.want || j.LastError != "no answer" || j.Failures != 0 {
					t.Errorf("after 9 minutes the job is %s, waits for %q, last error %q, %d failures; want processing, %q, %q, 0",
						j.State, j.Waiting.Reason, j.LastError, j.Failures, c.want, "no answer")
				}
				if d := j.Waiting.Since.Sub(began); d < 0 || d > 2*time.Second {
					t.Errorf("it waits since %v after the beginning, want since then", d)
				}
				if n := tries.Load(); n < 14 || n > 17 || int64(j.Attempts) != n {
					t.Errorf("%d attempts, %d counted; want 14 to 17: up to a minute apart", n, j.Attempts)
				}
				r.journal.await("job completed", "j1", 1)
				if d := time.Since(until); d > time.Minute+2*time.Second {
					t.Errorf("it went on after %v, want at most a minute", d)
				}
				if n := r.journal.count("job waits", "j1"); n != 1 {
					t.Errorf("%d lines about it, want 1:\n%s", n, r.journal)
				}
				r.verify("j1", job.Completed, in, 700)
				if j := r.job("j1"); j.Waiting != (job.Wait{}) || j.Attempts != 0 {
					t.Errorf("the completed job has %d attempts and waits: %+v", j.Attempts, j.Waiting)
				}
			})
		})
	}
}

// An error that nobody expected is not tried for ever: after five attempts without
// progress the job fails, and the log has the error under the id that its caller sees.
func TestD161_UnexpectedError(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(r *rig, tries *atomic.Int64) []any{
		"reading the source": func(r *rig, tries *atomic.Int64) []any {
			return []any{&troubledObjects{Objects: r.objects, read: func(context.Context, object.Name, int64) error {
				tries.Add(1)
				return fmt.Errorf("read blob: %w", syscall.EIO)
			}}}
		},
		"storing the report": func(r *rig, tries *atomic.Int64) []any {
			return []any{&troubledObjects{Objects: r.objects, put: func(context.Context, func() error) error {
				tries.Add(1)
				return errors.New("out of cheese")
			}}}
		},
		"preparing": func(r *rig, tries *atomic.Int64) []any {
			return []any{&troubledStore{Store: r.store, prepare: func(context.Context, func() error) error {
				tries.Add(1)
				return errors.New("out of cheese")
			}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.list(destination.Suppression)
				r.put("j1", newRows(40).String())
				r.ready("j1")
				var tries atomic.Int64
				began := time.Now()
				r.start(engine.Options{}, plant(r, &tries)...)
				r.journal.await("job failed", "j1", 1)
				if n := tries.Load(); n < 5 || n > 6 { // the report is tried once more
					t.Errorf("%d attempts, want 5", n)
				}
				if d := time.Since(began); d < time.Minute || d > 2*time.Minute {
					t.Errorf("it failed after %v, want a minute or two", d)
				}
				j := r.job("j1")
				_, id, ok := strings.Cut(j.Error, "the log of the server has the cause under id ")
				if !ok || j.State != job.Failed || strings.Contains(j.Error, "cheese") {
					t.Fatalf("job is %s: %q; want failed, with an id and nothing else", j.State, j.Error)
				}
				if log := r.journal.String(); !strings.Contains(log, "id="+id) {
					t.Errorf("the log lacks the id %s:\n%s", id, log)
				}
			})
		})
	}
}

// A panic that happens again and again fails its job in the same way; others are done at
// once, in one slot.
func TestLastingPanic(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"rule", "decoder", "prepare", "commit", "rejects", "report"} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.list(destination.Suppression)
				r.put("j1", newRows(40).String())
				r.ready("j1")
				p := plant(r, &bomb{at: 1, lasting: true})[name]
				_, end := r.start(engine.Options{Jobs: 1}.WithRule(p.rule), p.with...)
				r.journal.await("job failed", "j1", 1)
				end()
				j := r.job("j1")
				_, id, _ := strings.Cut(j.Error, "under id ")
				if log := r.journal.String(); id == "" || !strings.Contains(log, "panic recovered id="+id) {
					t.Errorf("error %q; want the id of a panic in the log:\n%s", j.Error, log)
				}
				if got := r.metric("sluice_panics_total", p.where); got < 5 || got > 6 {
					t.Errorf("sluice_panics_total{where=%q} = %d, want 5, or 6 with the report's last", p.where, got)
				}
			})
		})
	}
}

// Sources that nobody answers for hold no slot while another job waits, not even at their
// first attempt: a healthy job behind dozens of them does not wait until each was given up.
func TestSilentSourcesDelayNobody(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(60_000) // not a small one
		const n, silence = 24, 15 * time.Second
		for i := range n {
			key := fmt.Sprint("silent", i)
			r.put(key, in.String())
			r.ready(key)
		}
		r.put("healthy", in.String())
		r.ready("healthy")
		began := time.Now()
		until := began.Add(20 * time.Minute)
		silent := func(ctx context.Context, n object.Name, _ int64) error {
			if n.Key == "healthy" || time.Now().After(until) {
				return nil
			}
			select {
			case <-time.After(silence):
				return fault.New(fault.Unavailable, "no answer")
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		r.start(engine.Options{Jobs: 1, BatchRecords: 8192}, &troubledObjects{Objects: r.objects, piece: 64 << 10, read: silent})
		r.journal.await("job completed", "healthy", 1)
		if d := time.Since(began); d > n*3*time.Second {
			t.Errorf("the healthy job was done after %v, want at most 3s for each of %d before it", d, n)
		}
		r.verify("healthy", job.Completed, in, 60_000)
		for i := range n {
			r.journal.await("job completed", job.ID(fmt.Sprint("silent", i)), 1)
		}
		if d := time.Since(until); d > 3*time.Minute {
			t.Errorf("the silent ones were done %v after they answered, want at most 3m", d)
		}
	})
}

// Jobs that wait are in nobody's way: with dozens of them, of every kind, and one slot, a
// healthy job is done at once.
func TestWaitingJobsDelayNobody(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(60_000) // not a small one
		const n = 24
		for i := range n {
			key := fmt.Sprint("bad", i)
			r.put(key, in.String())
			r.ready(key)
		}
		// Each attempt at them takes a second to fail.
		away := func(ctx context.Context, n object.Name, _ int64) error {
			if strings.HasPrefix(n.Key, "healthy") {
				return nil
			}
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
			if strings.HasSuffix(n.Key, "0") {
				return errors.New("nobody expected this")
			}
			return fault.New(fault.Unavailable, "no answer")
		}
		e, _ := r.start(engine.Options{Jobs: 1, BatchRecords: 8192}, &troubledObjects{Objects: r.objects, piece: 64 << 10, read: away})
		for i := range n {
			if key := job.ID(fmt.Sprint("bad", i)); strings.HasSuffix(string(key), "0") {
				r.journal.await("job attempt failed", key, 1)
			} else {
				r.journal.await("job waits", key, 1)
			}
		}
		for i := range 5 {
			time.Sleep(17 * time.Second)
			key := fmt.Sprint("healthy", i)
			r.put(key, in.String())
			then := time.Now()
			r.ready(key)
			e.Wake()
			r.journal.await("job completed", job.ID(key), 1)
			if d := time.Since(then); d > 100*time.Millisecond {
				t.Errorf("a healthy job took %v, want no time", d)
			}
		}
	})
}

// A list whose settings cannot be read fails its jobs, and stops no others.
func TestDamagedListConfig(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.ContactList, `{"topics":`)
		r.list(destination.Suppression)
		in := newRows(100)
		for _, key := range []string{"j1", "j2"} {
			r.put(key, in.String())
		}
		r.ready("j1", func(j *job.Job) {
			j.Destination.Kind, j.Destination.List = destination.ContactList, string(destination.ContactList)
		})
		r.ready("j2")
		r.start(engine.Options{Jobs: 1})
		r.journal.await("job completed", "j2", 1)
		r.journal.await("job failed", "j1", 1)
		if j := r.job("j1"); !strings.Contains(j.Error, "under id ") {
			t.Errorf("error %q, want one with an id", j.Error)
		}
	})
}
