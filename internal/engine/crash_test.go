package engine_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/testenv"
)

// The power is cut at every moment that can matter: after each commit, and before
// each sync of the disk, with what was not synced gone. From what is left, the job is
// resumed, and comes to the same end as if nothing had been.
func TestCrash(t *testing.T) {
	t.Parallel()
	for _, c := range []crashCase{
		suppressionCase("small batches", 600, 50),
		suppressionCase("large batches", 27_000, 9_000), // which the store keeps in another way
		contactCase(500, 50),
		quickResponseCase(300, 30),
		longCase(60, 10),
		stretchCase("blank lines"),
		stretchCase("packed"),
		stretchCase("long element"),
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) { testCrash(t, c) })
		})
	}
}

// crashCase is an import that is interrupted in many ways.
type crashCase struct {
	name   string
	kind   destination.Kind
	config string // of the list
	text   string
	rows   int
	batch  int
	verify func(r *rig) // that the undisturbed run is right
	format record.Format
	slow   bool // the source takes its time, so that there are checkpoints between records
}

func suppressionCase(name string, n, batch int) crashCase {
	in := newRows(n)
	return crashCase{name: name, kind: destination.Suppression, text: in.String(), rows: n, batch: batch, verify: func(r *rig) {
		r.verify("j1", job.Completed, in, n)
	}}
}

// contactCase has contacts that are put twice, the second time with less.
func contactCase(n, batch int) crashCase {
	text := strings.Builder{}
	text.WriteString("emailAddress,attributesData,topicPreferences.news\n")
	want := map[string]string{}
	bad := 0
	for i := range n {
		key := fmt.Sprintf("c%d@example.com", i%(n*4/5))
		switch {
		case i%17 == 4:
			fmt.Fprintf(&text, "%s,,SOMETIMES\n", key)
			bad++
		case i%3 == 0:
			fmt.Fprintf(&text, "%s,,OPT_OUT\n", key)
			want[key] = "OPT_IN news=OPT_OUT"
		default:
			fmt.Fprintf(&text, "%s,number %d,\n", key, i)
			want[key] = fmt.Sprintf("OPT_IN\nnumber %d", i)
		}
	}
	return crashCase{name: "contacts", kind: destination.ContactList, config: `{"topics":[{"name":"news"}]}`, text: text.String(), rows: n, batch: batch, verify: func(r *rig) {
		r.expect(want, bad)
	}}
}

// quickResponseCase has names and shortcut keys that are taken, by rows of the same
// batch and of batches before.
func quickResponseCase(n, batch int) crashCase {
	text := strings.Builder{}
	text.WriteString("name,content,shortcut key\n")
	bad := 0
	names, shortcuts := map[string]bool{}, map[string]bool{}
	for i := range n {
		name, shortcut := fmt.Sprintf("name %d", i*7%(n*9/10)), fmt.Sprintf("k%d", i%(n*4/5))
		fmt.Fprintf(&text, "%s,content %d,%s\n", name, i, shortcut)
		if names[name] || shortcuts[shortcut] {
			bad++
			continue
		}
		names[name], shortcuts[shortcut] = true, true
	}
	return crashCase{name: "quick responses", kind: destination.QuickResponses, text: text.String(), rows: n, batch: batch, verify: func(r *rig) {
		got := r.picture("j1")
		if len(got.Members) != n-bad || got.Counts != (job.Counts{Imported: int64(n - bad), Rejected: int64(bad)}) {
			r.Errorf("%d members and %+v, want %d and %d rejects", len(got.Members), got.Counts, n-bad, bad)
		}
	}}
}

// expect compares what the job left with members by key and a number of rejects.
func (r *rig) expect(want map[string]string, bad int) {
	r.Helper()
	got := r.picture("j1")
	if !maps.Equal(got.Members, want) || got.Counts.Rejected != int64(bad) {
		r.Errorf("%d members, %+v; want %d members and %d rejects", len(got.Members), got.Counts, len(want), bad)
	}
}

func testCrash(t *testing.T, c crashCase) {
	t.Helper()
	disk := testenv.NewCrashDisk()
	var mu sync.Mutex
	var left []*testenv.CrashDisk
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
	r.list(c.kind, c.config)
	r.put("j1", c.text)
	r.ready("j1", func(j *job.Job) {
		j.Destination.Kind, j.Destination.List = c.kind, string(c.kind)
		j.Source.Format = cmp.Or(c.format, record.CSV)
	})
	mu.Lock()
	left = nil // nothing before a job is ready is the engine's
	mu.Unlock()
	commits := 0
	objects := &troubledObjects{Objects: r.objects}
	if c.slow {
		objects = r.slowly("j1")
	}
	_, end := r.start(engine.Options{BatchRecords: c.batch}, objects, &troubledStore{Store: r.store, commit: func(_ context.Context, call func() error) error {
		err := call()
		cut()
		commits++
		return err
	}})
	r.journal.await("job completed", "j1", 1)
	end()
	c.verify(r)
	want := r.picture("j1")
	mu.Lock()
	defer mu.Unlock()
	if c.slow && commits < 4 || !c.slow && commits != c.rows/c.batch || len(left) <= commits {
		t.Fatalf("%d commits of %d rows by %d and %d moments; want one for each batch, and more moments", commits, c.rows, c.batch, len(left))
	}
	resumed := 0
	for i, image := range left {
		resumed += r.after(fmt.Sprintf("%d of %d", i, len(left)), image, c.batch, want)
	}
	if resumed < commits {
		t.Errorf("%d jobs were resumed in the middle, want one for each of %d commits", resumed, commits)
	}
}

// after starts on what a crash left and compares where it ends. It returns 1 if there
// was something to resume.
func (r *rig) after(moment string, image *testenv.CrashDisk, batch int, want picture) int {
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
	if before.Checkpoint.Offset > 0 {
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
			random := testenv.Rand(t)
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
					return fault.New(fault.Unavailable, "connection reset")
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
