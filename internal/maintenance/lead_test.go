package maintenance_test

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/maintenance"
	"github.com/sluicehq/sluice/internal/object"
)

// server is one of several whose maintenance shares a store. While it is cut off, the
// store does not answer it.
type server struct {
	maintenance.Store
	objects
	rig    *rig
	cutOff atomic.Bool
	rounds atomic.Int64
	busy   *atomic.Int64 // servers in a round
	slow   time.Duration // of the first step of a round
}

func (s *server) Lead(ctx context.Context, task, holder string, d time.Duration) (uint64, bool, error) {
	if s.cutOff.Load() {
		return 0, false, fault.New(fault.Unavailable, "no answer")
	}
	return s.Store.Lead(ctx, task, holder, d)
}

// Holders is the first step of a round.
func (s *server) Holders(ctx context.Context) iter.Seq2[object.Holder, error] {
	s.rounds.Add(1)
	if n := s.busy.Add(1); n > 1 {
		s.rig.Errorf("%d servers are in a round, want one", n)
	}
	defer s.busy.Add(-1)
	select {
	case <-time.After(s.slow):
	case <-ctx.Done():
	}
	return s.objects.Holders(ctx)
}

func (s *server) run(holder string) (stop func()) {
	m := maintenance.New(s, s, maintenance.Options{Bucket: own, Holder: holder, Registry: prometheus.NewRegistry()})
	ctx, cancel := context.WithCancel(s.rig.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = m.Run(ctx) }()
	return sync.OnceFunc(func() { cancel(); <-done })
}

// TestTakeOver: of three servers one does the rounds. When the store does not hear of it
// any more, in the middle of a round, it ends the round before its lease ends, and then one
// of the others goes on; and it does nothing when it is back.
func TestTakeOver(t *testing.T) {
	inBubble(t, func(r *rig) {
		var busy atomic.Int64
		servers := map[string]*server{}
		for _, holder := range []string{"a", "b", "c"} {
			s := &server{Store: r.store, objects: r.objects, rig: r, busy: &busy, slow: 10 * time.Minute}
			servers[holder] = s
			defer s.run(holder)()
			synctest.Wait()
		}
		first := servers["a"]
		time.Sleep(90 * time.Minute) // in the second round
		if n := first.rounds.Load(); n != 2 || servers["b"].rounds.Load()+servers["c"].rounds.Load() != 0 {
			t.Fatalf("%d rounds of the first server in 90 minutes, want 2, and none of others", n)
		}
		time.Sleep(55 * time.Minute) // the third began after 140 minutes
		if busy.Load() != 1 || first.rounds.Load() != 3 {
			t.Fatalf("%d rounds of the first server, %d in one; want it in its third", first.rounds.Load(), busy.Load())
		}
		first.cutOff.Store(true)
		time.Sleep(45 * time.Second) // a lease, and half of one until others ask
		if n := servers["b"].rounds.Load() + servers["c"].rounds.Load(); n != 1 || busy.Load() != 1 {
			t.Errorf("%d rounds of others, %d servers in one; want 1 and 1", n, busy.Load())
		}
		first.cutOff.Store(false)
		time.Sleep(3 * time.Hour)
		if n := first.rounds.Load(); n != 3 {
			t.Errorf("%d rounds of the first server after it is back, want no more than 3", n)
		}
		if b, c := servers["b"].rounds.Load(), servers["c"].rounds.Load(); b*c != 0 || b+c < 3 {
			t.Errorf("%d and %d rounds of the others, want all of one", b, c)
		}
	})
}
