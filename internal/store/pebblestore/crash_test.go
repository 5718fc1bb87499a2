package pebblestore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
	"github.com/sluicehq/sluice/internal/store/storetest"
)

// TestPowerCut cuts the power before every step that the store makes on disk: what is
// found after it is what was acknowledged before it, and of the step in flight all
// or nothing.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	cuts := &powerCuts{disk: vfs.NewCrashableMem(), chance: rand.New(rand.NewPCG(1, 2))}
	s, err := pebblestore.Open("store", pebblestore.Options{FS: errorfs.Wrap(cuts.disk, cuts)})
	if err != nil {
		t.Fatal(err)
	}
	s.SetBulk(500) // so that the batches below are of both kinds
	p := &power{T: t, Store: s, ctx: t.Context()}
	states := []string{p.state()}
	for _, step := range p.steps() {
		cuts.inFlight.Store(true)
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		cuts.inFlight.Store(false)
		states = append(states, p.state())
		cuts.acknowledged.Add(1)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if len(cuts.all) < 3*len(states) {
		t.Fatalf("%d cuts, want several for each of %d steps", len(cuts.all), len(states))
	}
	for i, cut := range cuts.all {
		checkCut(t, i, cut, states)
	}
}

func checkCut(t *testing.T, i int, c cut, states []string) {
	t.Helper()
	s, err := pebblestore.Open("store", pebblestore.Options{FS: c.disk})
	if err != nil {
		t.Fatalf("cut %d: open: %v", i, err)
	}
	defer s.Close()
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
	disk         *vfs.MemFS
	acknowledged atomic.Int64
	inFlight     atomic.Bool // only then: reading writes nothing

	mu     sync.Mutex
	chance *rand.Rand
	all    []cut
}

type cut struct {
	disk          vfs.FS
	before, after int // how many steps were acknowledged when it was begun and made
	survives      int
	at            string
}

func (*powerCuts) String() string { return "power cuts" }

// MaybeError implements errorfs.Injector. It never makes an error.
func (c *powerCuts) MaybeError(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo, errorfs.OpLink, errorfs.OpRename,
		errorfs.OpCreate, errorfs.OpRemove, errorfs.OpReuseForWrite, errorfs.OpFileClose:
	default:
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

// power is a store and what is done to it between cuts.
type power struct {
	*testing.T
	store.Store
	ctx   context.Context
	lease job.Lease
}

var (
	cutOwner = job.Owner{Account: "111111111111", Region: "eu-west-1"}
	cutList  = store.ListRef{Owner: cutOwner, Kind: destination.AddressList, ID: "l"}
)

type step struct {
	name string
	do   func() error
}

func (p *power) steps() []step {
	var steps []step
	add := func(name string, do func() error) { steps = append(steps, step{name, do}) }
	add("CreateList", func() error {
		_, err := p.CreateList(p.ctx, store.List{Ref: cutList, Name: "l"}, store.Once{Token: "t"}, 9)
		return err
	})
	add("CreateJob", func() error {
		_, err := p.CreateJob(p.ctx, job.Job{
			ID: "j", Owner: cutOwner, State: job.Created, Ready: true,
			Destination: job.Destination{Kind: cutList.Kind, List: cutList.ID},
		}, store.Once{Token: "t"}, 9)
		return err
	})
	add("Claim", func() error {
		j, _, err := p.Claim(p.ctx, store.Wanted{Holder: "w", Lease: time.Hour})
		p.lease = j.Lease
		return err
	})
	add("Begin", func() error { _, err := p.Begin(p.ctx, p.lease, job.Source{Version: "v"}); return err })
	for i, n := range []int{900, 3, 1200, 900, 40, 901} {
		add(fmt.Sprintf("Commit of %d", n), func() error { return p.commit(i, n, 0) })
		add("PutMember", func() error {
			return p.PutMember(p.ctx, cutList, fmt.Sprint("single", i), []byte("s"), time.Unix(int64(i), 0), store.PutOptions{})
		})
		add("PutMember over an imported one", func() error {
			return p.PutMember(p.ctx, cutList, "k00007", []byte("s"), time.Unix(int64(i), 0), store.PutOptions{})
		})
		add("DeleteMember", func() error { return p.DeleteMember(p.ctx, cutList, "k00011") })
	}
	add("Commit with a limit", func() error { return p.commit(7, 1000, 1190) })
	add("Finish", func() error {
		_, err := p.Finish(p.ctx, p.lease, store.Outcome{State: job.Completed, Report: "r"})
		return err
	})
	add("DeleteList", func() error { return p.DeleteList(p.ctx, cutList) })
	add("CreateList again", func() error {
		_, err := p.CreateList(p.ctx, store.List{Ref: cutList, Name: "l"}, store.Once{}, 9)
		return err
	})
	return steps
}

// commit commits n records, among them a few bad ones and a few deletions.
func (p *power) commit(round, n, most int) error {
	j, err := p.Job(p.ctx, cutOwner, "j")
	if err != nil {
		return err
	}
	texts := make([]string, n)
	for i := range texts {
		switch {
		case i%100 == 5:
			texts[i] = fmt.Sprintf("bad k%05d", i)
		case i%10 == round:
			texts[i] = fmt.Sprintf("del k%05d", i)
		default:
			texts[i] = fmt.Sprintf("put k%05d %d", (i*7+round)%1200, round)
		}
	}
	texts[n-1] = "put k00011 x" // for DeleteMember
	b := &store.Batch{At: time.Unix(int64(1000+round), 0), MaxMembers: most}
	storetest.Fill(b, j.Checkpoint, texts...)
	prepared, err := p.Prepare(p.ctx, p.lease, b)
	if err != nil {
		return err
	}
	_, err = p.Commit(p.ctx, p.lease, prepared)
	return err
}

// state is all that is promised to last, as text.
func (p *power) state() string {
	p.Helper()
	var all strings.Builder
	if j, err := p.Job(p.ctx, cutOwner, "j"); err == nil {
		fmt.Fprintln(&all, j.State, j.Source.Version, j.Counts, j.Checkpoint, j.Report, j.Lease.Term)
		for r, err := range p.Rejects(p.ctx, cutOwner, "j") {
			fmt.Fprintf(&all, "%d %d %s %s %v\n", r.Record, r.Offset, r.Code, r.Raw, err)
		}
	} else {
		fmt.Fprintln(&all, err)
	}
	if j, _, err := p.ListJobs(p.ctx, cutOwner, store.JobFilter{}, store.Page{Limit: 9}); err != nil || len(j) > 0 {
		fmt.Fprintln(&all, len(j), "jobs", err)
	}
	for after, end := "", false; !end; {
		members, word, err := p.ListMembers(p.ctx, cutList, store.MemberFilter{}, store.Page{After: after, Limit: 5000})
		if err != nil {
			fmt.Fprintln(&all, err)
		}
		for _, m := range members {
			fmt.Fprintf(&all, "%s=%s %d %d\n", m.Key, m.Value, m.Created.UnixMicro(), m.Updated.UnixMicro())
		}
		after, end = word, word == ""
	}
	return all.String()
}
