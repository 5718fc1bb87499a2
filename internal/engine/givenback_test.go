package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/testenv"
)

// mischief is what may become of a call by chance.
type mischief struct {
	mu     sync.Mutex
	random *rand.Rand
	over   time.Time // after which nothing happens
}

func (m *mischief) below(n int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.random.IntN(n)
}

// strike takes a while, fails, gets stuck or panics, one time in so many.
func (m *mischief) strike(ctx context.Context, in int) error {
	if time.Now().After(m.over) {
		return nil
	}
	switch m.below(in) {
	case 0:
		return fault.New(fault.Unavailable, "connection reset")
	case 1:
		panic("planted")
	case 2:
		return wait(ctx, time.Duration(m.below(4000))*time.Millisecond)
	case 3:
		return silence(ctx)
	}
	return nil
}

func (m *mischief) call(in int) func(context.Context, func() error) error {
	return func(ctx context.Context, call func() error) error {
		if err := m.strike(ctx, in); err != nil {
			return err
		}
		err := call()
		if m.below(2*in) == 0 && time.Now().Before(m.over) {
			return fault.New(fault.Unavailable, "no answer")
		}
		return err
	}
}

// Whatever happens to attempts, and whenever their jobs are stopped or deleted, they give back
// what they had of what all share, see Engine.Missing, and the other jobs are done.
func TestAllIsGivenBack(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		m := &mischief{random: testenv.Rand(t), over: time.Now().Add(5 * time.Minute)}
		const n = 100
		in := newRows(400)
		for i := range n {
			key := fmt.Sprint("j", i)
			r.put(key, in.String())
			r.ready(key)
		}
		read := func(ctx context.Context, n object.Name, at int64) error {
			if n.Bucket == "files" && m.below(4) == 0 && time.Now().Before(m.over) {
				if err := wait(ctx, time.Duration(m.below(1500))*time.Millisecond); err != nil {
					return err
				}
			}
			return m.strike(ctx, 40)
		}
		s := &troubledStore{Store: r.store, commit: m.call(12), prepare: m.call(12), renew: m.call(8), finish: m.call(8)}
		o := &troubledObjects{Objects: r.objects, piece: 2 << 10, read: read, put: m.call(8), open: m.call(12)}
		ends := make([]func(), 2)
		start := func(i int) {
			_, ends[i] = r.start(engine.Options{Holder: fmt.Sprint("engine", i), Jobs: 2, Shared: true, Lease: 5 * time.Second, Poll: 250 * time.Millisecond}, s, o)
		}
		start(0)
		start(1)
		stopped := map[job.ID]bool{}
		for time.Now().Before(m.over) {
			time.Sleep(time.Duration(m.below(5000)) * time.Millisecond)
			switch m.below(4) {
			case 0:
				i := m.below(2)
				ends[i]()
				start(i)
			default:
				id := job.ID(fmt.Sprint("j", m.below(n)))
				if !r.job(id).State.Final() {
					r.stop(id)
					stopped[id] = true
				}
			}
		}
		for i := range n {
			id := job.ID(fmt.Sprint("j", i))
			for !r.job(id).State.Final() {
				time.Sleep(time.Second)
				if time.Since(m.over) > time.Hour {
					t.Fatalf("job %+v is not done", r.job(id))
				}
			}
			j := r.job(id)
			_, want := in.after(400)
			if !stopped[id] && (j.State != job.Completed && j.State != job.Failed || j.State == job.Completed && j.Counts != want) {
				t.Errorf("job %s is %s with %+v, want %+v", id, j.State, j.Counts, want)
			}
		}
		t.Logf("all were done %v after the last trouble, %d stopped", time.Since(m.over), len(stopped))
		for _, end := range ends {
			end()
		}
		if n := s.unused.Load(); n != 0 {
			t.Errorf("%d prepared batches were forgotten", n)
		}
	})
}
