package pebbledb_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/sluicehq/sluice/internal/pebbledb"
	"github.com/sluicehq/sluice/internal/testenv"
)

// recorder keeps a copy of the disk as it would be found if the power were cut before
// each operation that writes, with what had been acknowledged by then.
type recorder struct {
	disk    *testenv.CrashDisk
	percent int // of what is not synced that survives
	rng     *rand.Rand

	mu    sync.Mutex
	acked int // writes that have been acknowledged
	cuts  []cut
}

type cut struct {
	disk   *testenv.CrashDisk
	acked  int
	before string // the operation that did not happen
}

// MaybeError implements errorfs.Injector. It makes no errors.
func (r *recorder) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	clone := r.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.percent, RNG: r.rng})
	r.cuts = append(r.cuts, cut{clone, r.acked, fmt.Sprintf("operation %d on %s", op.Kind, op.Path)})
	return nil
}

func (*recorder) String() string { return "power cuts" }

const cutDir = "data/db"

func openDB(fs vfs.FS) (*pebbledb.DB, error) {
	return pebbledb.Open(cutDir, &pebble.Options{
		FS: fs, MemTableSize: 64 << 10, FormatMajorVersion: pebble.FormatTableFormatV6,
	}, pebbledb.Options{Name: "test"})
}

func cutKey(i int) []byte { return fmt.Appendf(nil, "key%05d", i) }

// run opens a database twice and writes a numbered key at a time, some of them large, and
// between them keys that are not synced, so that the ends of logs are torn, logs rotate
// and are used again, and tables are flushed. The state record is written all the while.
func (r *recorder) run(writes int) error {
	fs := errorfs.Wrap(r.disk, r)
	for range 2 {
		db, err := openDB(fs)
		if err != nil {
			return err
		}
		for i := range writes {
			if err := r.write(db, i); err != nil {
				return err
			}
			if i%3 == 0 {
				db.SaveState()
			}
		}
		if err := db.Close(); err != nil {
			return err
		}
	}
	return nil
}

func (r *recorder) write(db *pebbledb.DB, i int) error {
	large := []byte(strings.Repeat("v", 10+(i%5)*9000))
	for j := range i % 4 {
		if err := db.Set(fmt.Appendf(nil, "unsynced%d", j), large, pebble.NoSync); err != nil {
			return err
		}
	}
	if err := db.Set(cutKey(r.acked), large[:len(large)/3], pebble.Sync); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acked++
	return nil
}

// check opens the disk that a cut left and reads what had been acknowledged.
func (c cut) check(fs vfs.FS) error {
	db, err := openDB(fs)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	for i := range c.acked {
		_, closer, err := db.Get(cutKey(i))
		if err != nil {
			return fmt.Errorf("write %d of %d that were acknowledged: %w", i, c.acked, err)
		}
		_ = closer.Close()
	}
	return db.Close()
}

// TestPowerCuts cuts the power before writes to the disk, from the first one that
// creates the database, and once more while a start recovers from a first cut. A run
// checks every fifth cut, and another fifth than the run before.
func TestPowerCuts(t *testing.T) {
	t.Parallel()
	for _, percent := range []int{0, 50, 100} {
		t.Run(fmt.Sprintf("%d%%", percent), func(t *testing.T) {
			t.Parallel()
			r := &recorder{disk: testenv.NewCrashDisk(), percent: percent, rng: testenv.Rand(t)}
			if err := r.run(25); err != nil {
				t.Fatalf("run: %v", err)
			}
			stride := 5
			if testing.Short() {
				stride = 25
			}
			again := 0
			for i := r.rng.IntN(stride); i < len(r.cuts); i += stride {
				again += r.checkTwice(t, i)
			}
			t.Logf("%d of %d cuts checked, and %d during recovery", len(r.cuts)/stride, len(r.cuts), again)
		})
	}
}

// checkTwice checks a cut, and cuts that hit while the start after it recovers.
func (r *recorder) checkTwice(t *testing.T, i int) int {
	t.Helper()
	c := r.cuts[i]
	second := &recorder{disk: c.disk, percent: r.percent, rng: r.rng, acked: c.acked}
	if err := c.check(errorfs.Wrap(c.disk, second)); err != nil {
		t.Fatalf("cut %d, before %s: %v", i, c.before, err)
	}
	n := 0
	for j := i % 19; j < len(second.cuts); j += 19 {
		n++
		if err := second.cuts[j].check(second.cuts[j].disk); err != nil {
			t.Fatalf("cut %d, before %s, then cut %d of the recovery, before %s: %v",
				i, c.before, j, second.cuts[j].before, err)
		}
	}
	return n
}

// TestCreateLeavesNothingAside checks that the leftovers of an interrupted creation are
// removed, and that files which are no database are not overwritten.
func TestCreateLeavesNothingAside(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	for _, dir := range []string{"data/db.new", cutDir} {
		if err := fs.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(t, fs, "data/db.new/000002.log", "unfinished")
	db, err := openDB(fs)
	if err != nil {
		t.Fatalf("Open beside an unfinished creation, over an empty directory: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := fs.List("data")
	slices.Sort(names)
	if err != nil || !slices.Contains(names, "db") || slices.Contains(names, "db.new") {
		t.Errorf("data holds %q, %v; want db and no db.new", names, err)
	}
}

func TestOpenRefusesFilesWithoutDatabase(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	if err := fs.MkdirAll(cutDir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, fs, cutDir+"/000004.sst", "a table")
	_, err := openDB(fs)
	if err == nil || !strings.Contains(err.Error(), "holds files but no database") {
		t.Errorf("Open: got %v, want that the directory holds files but no database", err)
	}
}

func write(t *testing.T, fs vfs.FS, name, text string) {
	t.Helper()
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
