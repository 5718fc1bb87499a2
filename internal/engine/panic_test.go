package engine_test

import (
	"context"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/guard"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/record"
)

// bomb panics when its n-th use comes, and from then on while it is lasting.
type bomb struct {
	uses, at int64
	lasting  bool
}

func (b *bomb) use() {
	if n := atomic.AddInt64(&b.uses, 1); n == b.at || b.lasting && n > b.at {
		panic("planted")
	}
}

func (b *bomb) call(_ context.Context, call func() error) error { b.use(); return call() }

type bombRule struct {
	destination.Rule
	*bomb
}

func (r bombRule) Decide(rec *record.Record, c *destination.Change) *record.Refusal {
	r.use()
	return r.Rule.Decide(rec, c)
}

// bombStore panics where rejects are read for the report.
type bombStore struct {
	engine.Store
	*bomb
}

func (s *bombStore) Rejects(ctx context.Context, o job.Owner, id job.ID) iter.Seq2[record.Reject, error] {
	return func(yield func(record.Reject, error) bool) {
		for r, err := range s.Store.Rejects(ctx, o, id) {
			if s.use(); !yield(r, err) {
				return
			}
		}
	}
}

// planted is a bomb in a place of the engine's way.
type planted struct {
	where string
	with  []any
	rule  func(destination.Rule) destination.Rule
}

func plant(r *rig, b *bomb) map[string]planted {
	return map[string]planted{
		"rule":    {where: guard.Reader, rule: func(rule destination.Rule) destination.Rule { return bombRule{rule, b} }},
		"decoder": {where: guard.Reader, with: []any{&troubledObjects{Objects: r.objects, read: func(context.Context, object.Name, int64) error { b.use(); return nil }}}},
		"prepare": {where: guard.Prepare, with: []any{&troubledStore{Store: r.store, prepare: b.call}}},
		"commit":  {where: guard.Commit, with: []any{&troubledStore{Store: r.store, commit: b.call}}},
		"rejects": {where: guard.Report, with: []any{&bombStore{r.store, b}}},
		"report":  {where: guard.Report, with: []any{&troubledObjects{Objects: r.objects, put: b.call}}},
		"finish":  {where: guard.Attempt, with: []any{&troubledStore{Store: r.store, finish: b.call}}},
		"renew":   {where: guard.Heartbeat, with: []any{&troubledStore{Store: r.store, renew: b.call}}},
	}
}

// A panic ends the attempt, and nothing else: the next one goes on from the checkpoint,
// and other jobs do not notice.
func TestPanic(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"rule", "decoder", "prepare", "commit", "rejects", "report", "finish"} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.list(destination.Suppression)
				in := newRows(700)
				r.put("j1", in.String())
				r.ready("j1")
				b := &bomb{at: 1}
				if name != "report" && name != "finish" {
					b.at = 3
				}
				p := plant(r, b)[name]
				_, end := r.start(engine.Options{}.WithRule(p.rule), p.with...)
				r.journal.await("job completed", "j1", 1)
				end()
				r.verify("j1", job.Completed, in, 700)
				if got := r.metric("sluice_panics_total", p.where); got != 1 {
					t.Errorf("sluice_panics_total{where=%q} = %d, want 1", p.where, got)
				}
				if log := r.journal.String(); !strings.Contains(log, "panic recovered id=") || !strings.Contains(log, "panic_test.go") {
					t.Errorf("the log lacks the panic with its stack:\n%s", log)
				}
				for _, w := range p.with {
					if s, ok := w.(*troubledStore); ok && s.unused.Load() != 0 {
						t.Errorf("%d prepared batches were forgotten", s.unused.Load())
					}
				}
			})
		})
	}
}

// bombObjects panics where the bytes of a job that has ended are released.
type bombObjects struct {
	engine.Objects
	*bomb
}

func (o *bombObjects) Release(ctx context.Context, holder string) error {
	o.use()
	return o.Objects.Release(ctx, holder)
}

// A panic at the very end of an attempt ends no more than the attempt: its slot is free again.
func TestPanicAtTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(700)
		for _, id := range []job.ID{"j1", "j2", "j3", "j4"} {
			r.put(string(id), in.String())
			r.ready(string(id))
		}
		_, end := r.start(engine.Options{Jobs: 1}, &bombObjects{r.objects, &bomb{at: 1}})
		for _, id := range []job.ID{"j2", "j3", "j4"} {
			for !r.job(id).State.Final() {
				time.Sleep(time.Second)
			}
			r.verify(id, job.Completed, in, 700)
		}
		end()
		if got := r.metric("sluice_panics_total", guard.Attempt); got != 1 {
			t.Errorf("sluice_panics_total{where=%q} = %d, want 1", guard.Attempt, got)
		}
	})
}
