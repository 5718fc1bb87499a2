package pebblestore_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/sluicehq/sluice/internal/store/pebblestore"
	"github.com/sluicehq/sluice/internal/testenv"
)

// TestPowerCut cuts the power before every step that the store makes on disk, from the
// first one that creates it: what is found after it is what was acknowledged before it,
// and of the step in flight all or nothing. Some of the starts after a cut are cut again.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	rng := testenv.Rand(t)
	cuts := &powerCuts{disk: testenv.NewCrashDisk(), chance: rng}
	cuts.inFlight.Store(true)
	s, err := pebblestore.Open("data/store", pebblestore.Options{FS: errorfs.Wrap(cuts.disk, cuts)})
	if err != nil {
		t.Fatal(err)
	}
	cuts.inFlight.Store(false)
	s.SetBulk(500) // so that the batches below are of both kinds
	s.SetCut(1)    // so that what was written as a file is cut out
	p := &power{T: t, Store: s, ctx: t.Context()}
	states := []string{p.state()}
	for _, step := range p.steps() {
		cuts.inFlight.Store(true)
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		s.Quiet()
		cuts.inFlight.Store(false)
		if err := s.Check(); err != nil {
			t.Fatalf("after %s: %v", step.name, err)
		}
		states = append(states, p.state())
		cuts.acknowledged.Add(1)
	}
	cuts.inFlight.Store(true)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if len(cuts.all) < 3*len(states) {
		t.Fatalf("%d cuts, want several for each of %d steps", len(cuts.all), len(states))
	}
	for i, cut := range cuts.all {
		if testing.Short() && i%5 != 0 { // under the race detector all of them take a minute
			continue
		}
		if i%20 != 0 {
			checkCut(t, i, cut, cut.disk, states)
			continue
		}
		again := &powerCuts{disk: cut.disk, chance: rng}
		again.inFlight.Store(true)
		checkCut(t, i, cut, errorfs.Wrap(cut.disk, again), states)
		for j := i / 20 % 7; j < len(again.all); j += 7 {
			second := again.all[j]
			second.before, second.after = cut.before, cut.after
			second.at = cut.at + ", then at " + second.at
			checkCut(t, i, second, second.disk, states)
		}
	}
}

func checkCut(t *testing.T, i int, c cut, disk vfs.FS, states []string) {
	t.Helper()
	s, err := pebblestore.Open("data/store", pebblestore.Options{FS: disk})
	if err != nil {
		t.Fatalf("cut %d at %s (%d%% of what was not synced survived): open: %v", i, c.at, c.survives, err)
	}
	defer s.Close()
	s.Quiet()
	if err := s.Check(); err != nil {
		t.Fatalf("cut %d at %s after %d steps: %v", i, c.at, c.before, err)
	}
	got := (&power{T: t, Store: s, ctx: t.Context()}).state()
	last := min(c.after+1, len(states)-1)
	for n := c.before; n <= last; n++ {
		if got == states[n] {
			return
		}
	}
	t.Fatalf("cut %d at %s after %d steps (%d%% of what was not synced survived):\n got %.600s\nwant %.600s\n  or %.600s",
		i, c.at, c.before, c.survives, got, states[c.before], states[last])
}

// powerCuts copies a disk as it would be found if the power went now, again and again.
type powerCuts struct {
	disk         *testenv.CrashDisk
	acknowledged atomic.Int64
	inFlight     atomic.Bool // only then

	mu     sync.Mutex
	chance *rand.Rand
	all    []cut
}

type cut struct {
	disk          *testenv.CrashDisk
	before, after int // how many steps were acknowledged when it was begun and made
	survives      int
	at            string
}

func (*powerCuts) String() string { return "power cuts" }

// MaybeError implements errorfs.Injector. It never makes an error.
func (c *powerCuts) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite || op.Kind == errorfs.OpFileWrite && !c.start() {
		return nil
	}
	if !c.inFlight.Load() {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	percent := []int{0, 50, 100}[c.chance.IntN(3)]
	before := int(c.acknowledged.Load())
	clone := c.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(c.chance.Uint64(), 0))})
	c.all = append(c.all, cut{
		disk: clone, before: before, after: int(c.acknowledged.Load()), survives: percent,
		at: fmt.Sprint(op.Kind, " ", op.Path),
	})
	return nil
}

// start reports whether nothing was acknowledged yet: later, writes alone make no
// difference that the sync after them would not make.
func (c *powerCuts) start() bool { return c.acknowledged.Load() == 0 }
