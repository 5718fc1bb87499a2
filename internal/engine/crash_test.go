package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
)

// The power is cut at every moment that can matter: after each commit, and before
// each sync of the disk, with what was not synced gone. From what is left, the job is
// resumed, and comes to the same end as if nothing had been.
func TestCrash(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		rows  int
		batch int
	}{
		{"small batches", 600, 50},
		{"large batches", 27_000, 9_000}, // which the store keeps in another way
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) { testCrash(t, newRows(c.rows), c.batch) })
		})
	}
}

func testCrash(t *testing.T, in rows, batch int) {
	t.Helper()
	disk := vfs.NewCrashableMem()
	var mu sync.Mutex
	var left []*vfs.MemFS
	cut := func() {
		mu.Lock()
		defer mu.Unlock()
		left = append(left, disk.CrashClone(vfs.CrashCloneCfg{}))
	}
	r := rigOn(t, errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch op.Kind {
		case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
			cut()
		}
		return nil
	})))
	r.list(destination.Suppression)
	r.put("j1", in.String())
	r.ready("j1")
	mu.Lock()
	left = nil // nothing before a job is ready is the engine's
	mu.Unlock()
	commits := 0
	_, end := r.start(engine.Options{BatchRecords: batch}, &troubledStore{Store: r.store, commit: func(_ context.Context, call func() error) error {
		err := call()
		cut()
		commits++
		return err
	}})
	r.journal.await("job completed", "j1", 1)
	end()
	n := len(in.keys)
	r.verify("j1", job.Completed, in, n)
	want := r.picture("j1")
	mu.Lock()
	defer mu.Unlock()
	if commits != n/batch || len(left) <= commits {
		t.Fatalf("%d commits and %d moments; want %d, and more moments", commits, len(left), n/batch)
	}
	resumed := 0
	for i, image := range left {
		resumed += r.after(fmt.Sprintf("%d of %d", i, len(left)), image, batch, want)
	}
	if resumed < commits {
		t.Errorf("%d jobs were resumed in the middle, want one for each of %d commits", resumed, commits)
	}
}

// after starts on what a crash left and compares where it ends. It returns 1 if there
// was something to resume.
func (r *rig) after(moment string, image *vfs.MemFS, batch int, want picture) int {
	r.Helper()
	again := rigOn(r.T, image)
	defer again.store.Close()
	defer again.objects.Close()
	before := again.job("j1")
	if before.State.Final() {
		again.equal(again.picture("j1"), want)
		return 0
	}
	_, end := again.start(engine.Options{BatchRecords: batch})
	again.journal.await("job completed", "j1", 1)
	end()
	again.equal(again.picture("j1"), want)
	if r.Failed() {
		r.Fatalf("crash at moment %s, at %+v", moment, before.Checkpoint)
	}
	if before.Checkpoint.Record > 0 {
		return 1
	}
	return 0
}

// Two engines want the same jobs, their leases are far too short, and their store and
// sources stall. Each job is done by turns, and each record counted once.
func TestCompetition(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(800)
		const jobs = 6
		for i := range jobs {
			key := fmt.Sprintf("j%d", i)
			r.put(key, in.String())
			r.ready(key)
		}
		const lease = 60 * time.Millisecond
		for _, holder := range []string{"first", "second"} {
			random := rand.New(rand.NewPCG(1, uint64(len(holder))))
			var mu sync.Mutex
			stall := func(ctx context.Context, most time.Duration) error {
				mu.Lock()
				d := time.Duration(random.Int64N(int64(most)))
				fails := random.IntN(10) == 0
				mu.Unlock()
				select {
				case <-time.After(d):
				case <-ctx.Done():
					return ctx.Err()
				}
				if fails {
					return errors.New("connection reset")
				}
				return nil
			}
			stalling := func(most time.Duration) func(context.Context, func() error) error {
				return func(ctx context.Context, call func() error) error {
					if err := stall(ctx, most); err != nil {
						return err
					}
					return call()
				}
			}
			r.start(
				engine.Options{Holder: holder, Jobs: 2, Lease: lease, Slice: lease, BatchRecords: 40},
				&troubledStore{Store: r.store, commit: stalling(lease / 3), renew: stalling(lease), finish: stalling(lease / 3)},
				&troubledObjects{Objects: r.objects, piece: 4096, read: func(ctx context.Context, _ object.Name, _ int64) error {
					return stall(ctx, lease/3)
				}},
			)
		}
		for i := range jobs {
			id := job.ID(fmt.Sprintf("j%d", i))
			r.journal.await("job completed", id, 1)
		}
		for i := range jobs { // when all are done: they write the same members
			r.verify(job.ID(fmt.Sprintf("j%d", i)), job.Completed, in, 800)
		}
		if r.journal.count("job lost", "j0")+r.journal.count("job lost", "j1")+r.journal.count("job lost", "j2") == 0 {
			t.Error("no lease was lost, so nothing was tried")
		}
	})
}
