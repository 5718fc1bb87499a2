package node

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/sluicehq/sluice/internal/check"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/pebbledb"
	"github.com/sluicehq/sluice/internal/sigv4"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
	"github.com/sluicehq/sluice/internal/testenv"
)

func tryOpen(t *testing.T, fs vfs.FS, dir string, accept bool) (*Node, string, error) {
	t.Helper()
	var log bytes.Buffer
	n, err := Open(t.Context(), Options{
		Dir: dir, FS: fs, AcceptLoss: accept, Logger: slog.New(slog.NewTextHandler(&log, nil)), MinFree: -1,
		Key: func() (sigv4.Credentials, error) { return testKey, nil },
	})
	return n, log.String(), err
}

// run starts a server on a directory, uploads a file, and stops it.
func run(t *testing.T, fs vfs.FS, dir string) {
	t.Helper()
	n, _, err := tryOpen(t, fs, dir, false)
	if err != nil {
		t.Fatalf("start on %s: %v", dir, err)
	}
	if _, err := n.objects.Put(t.Context(), object.Name{Account: "000000000000", Bucket: "sluice", Key: dir}, "", strings.NewReader(dir)); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
}

// swapDir puts a directory of from in the place of that of to, or only removes it.
func swapDir(t *testing.T, fs vfs.FS, name, from, to string) {
	t.Helper()
	at := fs.PathJoin(to, name)
	if err := fs.RemoveAll(at); err != nil {
		t.Fatal(err)
	}
	if from == "" {
		return
	}
	if ok, err := vfs.Clone(fs, fs, fs.PathJoin(from, name), at); err != nil || !ok {
		t.Fatalf("copy %s of %s: %t, %v", name, from, ok, err)
	}
}

// TestForeignDatabase takes away the store or the objects of a directory, or puts those of
// another directory in their place. No start may create or use another one silently, and
// a refused start leaves the disk as it was.
func TestForeignDatabase(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		side   string // that is missing
		change func(t *testing.T, fs vfs.FS)
		want   string // of the error
		code   string // of the check's finding
	}{
		{
			"objects not mounted", "objects", func(t *testing.T, fs vfs.FS) { swapDir(t, fs, "objects", "", "a") },
			"open objects in a/objects: open index: acknowledged data would be lost: the object index that the store belongs to is missing", check.IndexMissing,
		},
		{"objects an empty mount point", "objects", func(t *testing.T, fs vfs.FS) {
			swapDir(t, fs, "objects", "", "a")
			if err := fs.MkdirAll("a/objects", 0o700); err != nil {
				t.Fatal(err)
			}
		}, "the object index that the store belongs to is missing", check.IndexMissing},
		{"store not mounted", "store", func(t *testing.T, fs vfs.FS) {
			swapDir(t, fs, "store", "", "a")
			swapDir(t, fs, "store.state", "", "a")
		}, "open store a/store: acknowledged data would be lost: the store that objects/index belongs to is missing", check.StoreMissing},
		{
			"objects of another directory", "", func(t *testing.T, fs vfs.FS) { swapDir(t, fs, "objects", "b", "a") },
			"open objects in a/objects: acknowledged data would be lost: the store and the object index belong to different data directories", check.Mismatch,
		},
		{"store of another directory", "", func(t *testing.T, fs vfs.FS) {
			swapDir(t, fs, "store", "b", "a")
			swapDir(t, fs, "store.state", "b", "a")
		}, "the store and the object index belong to different data directories", check.Mismatch},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			mem := vfs.NewMem()
			run(t, mem, "a")
			run(t, mem, "b")
			tt.change(t, mem)
			before := files(t, mem, "a", tt.side)
			for range 2 { // what the first start leaves must not convince the second one
				_, _, err := tryOpen(t, mem, "a", false)
				if !errors.Is(err, pebbledb.ErrLoss) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "--accept-loss") {
					t.Fatalf("start: %v, want ErrLoss and %q", err, tt.want)
				}
			}
			if after := files(t, mem, "a", tt.side); tt.code != check.Mismatch && after != before {
				t.Errorf("the refused start has left\n%s\nof\n%s", after, before)
			}
			wantFinding(t, mem, tt.code)
			n, log, err := tryOpen(t, mem, "a", true)
			if err != nil {
				t.Fatalf("start with the loss accepted: %v", err)
			}
			if !strings.Contains(log, "loss of acknowledged data is accepted") {
				t.Errorf("the log does not say what is lost:\n%s", log)
			}
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			run(t, mem, "a")
			wantFinding(t, mem, "")
		})
	}
}

// files lists what is below a directory in the paths that contain a word.
func files(t *testing.T, fs vfs.FS, dir, text string) string {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, name := range names {
		path := fs.PathJoin(dir, name)
		if strings.Contains(path, text) {
			fmt.Fprintln(&out, path)
		}
		if info, err := fs.Stat(path); err == nil && info.IsDir() {
			out.WriteString(files(t, fs, path, text))
		}
	}
	return out.String()
}

// TestRefusedStartMovesNoBlob: an index of another directory does not know the blobs,
// which would be set aside, and nothing is before the start is refused.
func TestRefusedStartMovesNoBlob(t *testing.T) {
	t.Parallel()
	mem := vfs.NewMem()
	run(t, mem, "a")
	run(t, mem, "b")
	for _, name := range []string{"index", "index.state"} {
		swapDir(t, mem, mem.PathJoin("objects", name), "b", "a")
	}
	before := files(t, mem, "a/objects", "blobs/") + files(t, mem, "a/objects", "unreferenced/")
	if _, _, err := tryOpen(t, mem, "a", false); !errors.Is(err, pebbledb.ErrLoss) {
		t.Fatalf("start: %v, want ErrLoss", err)
	}
	if after := files(t, mem, "a/objects", "blobs/") + files(t, mem, "a/objects", "unreferenced/"); after != before || before == "" {
		t.Errorf("the refused start has left\n%s\nof\n%s", after, before)
	}
}

func wantFinding(t *testing.T, fs vfs.FS, code string) {
	t.Helper()
	got := ""
	_, err := check.Run(t.Context(), check.Options{Dir: "a", FS: fs}, func(f check.Finding) {
		if f.Code == code || code == "" && f.Severity == check.Error {
			got = f.Code
		}
	})
	if err != nil || got != code {
		t.Errorf("check: finding %q, %v; want %q", got, err, code)
	}
}

// TestFilesElsewhere: a store may leave its object index for an S3 elsewhere and come back.
func TestFilesElsewhere(t *testing.T) {
	t.Parallel()
	mem := vfs.NewMem()
	elsewhere := func() {
		t.Helper()
		s, err := pebblestore.Open("a/store", pebblestore.Options{FS: mem})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(noteObjectsMoved(s), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	elsewhere() // before there is an index
	run(t, mem, "a")
	elsewhere()
	if err := mem.Rename("a/objects", "kept"); err != nil {
		t.Fatal(err)
	}
	wantFinding(t, mem, "")
	if _, _, err := tryOpen(t, mem, "a", false); !errors.Is(err, pebbledb.ErrLoss) {
		t.Errorf("start without the objects that the store had: %v, want ErrLoss", err)
	}
	if err := mem.Rename("kept", "a/objects"); err != nil {
		t.Fatal(err)
	}
	run(t, mem, "a")
	wantFinding(t, mem, "")
}

// TestUnreachableFilesElsewhere: a start that does not reach the S3 that it names, as with a
// mistake in its URL, leaves the objects of the directory in checks and backups.
func TestUnreachableFilesElsewhere(t *testing.T) {
	t.Parallel()
	mem := vfs.NewMem()
	run(t, mem, "a")
	_, err := Open(t.Context(), Options{
		Dir: "a", FS: mem, MinFree: -1, Objects: s3At("s3://files?endpoint=nowhere"),
		Logger: slog.New(slog.DiscardHandler), Key: func() (sigv4.Credentials, error) { return testKey, nil },
	})
	if err == nil || !strings.Contains(err.Error(), "objects:") {
		t.Fatalf("start with an S3 that cannot be used: %v, want an error of objects", err)
	}
	s, err := pebblestore.Open("a/store", pebblestore.Options{FS: mem})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Binding()
	if err := errors.Join(err, s.Close()); err != nil || got.Elsewhere {
		t.Errorf("store after the failed start: binding %+v, %v; want its object index in use", got, err)
	}
}

// bindingCuts copies a disk before every operation that changes it.
type bindingCuts struct {
	mem     *testenv.CrashDisk
	survive int
	rng     *rand.Rand

	mu   sync.Mutex
	cuts []*testenv.CrashDisk
}

func (*bindingCuts) String() string { return "power cuts" }

func (c *bindingCuts) MaybeError(op errorfs.Op) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
		c.cuts = append(c.cuts, c.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: c.survive, RNG: c.rng}))
	}
	return nil
}

// TestPowerCutsOfFirstStart cuts the power at every step of a first start, and of a start
// that accepts a loss: the next start needs no acceptance of loss, but for one that
// had to be accepted before.
func TestPowerCutsOfFirstStart(t *testing.T) {
	t.Parallel()
	for _, survive := range []int{0, 50, 100} {
		for _, accept := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d%% accept=%t", survive, accept), func(t *testing.T) {
				t.Parallel()
				c := &bindingCuts{mem: testenv.NewCrashDisk(), survive: survive, rng: testenv.Rand(t)}
				if accept {
					run(t, c.mem, "a")
					run(t, c.mem, "b")
					swapDir(t, c.mem, "objects", "b", "a")
					c.mem = synced(t, c.mem)
				}
				n, _, err := tryOpen(t, errorfs.Wrap(c.mem, c), "a", accept)
				if err != nil {
					t.Fatal(err)
				}
				if err := n.Close(); err != nil {
					t.Fatal(err)
				}
				bound := 0
				stride := 1
				if testing.Short() {
					stride = 7
				}
				for i := 0; i < len(c.cuts); i += stride {
					n, _, err := tryOpen(t, c.cuts[i], "a", false)
					if accept && errors.Is(err, pebbledb.ErrLoss) && bound == 0 {
						continue
					}
					if err != nil {
						t.Errorf("start after cut %d of %d: %v", i, len(c.cuts), err)
						continue
					}
					bound++
					if err := n.Close(); err != nil {
						t.Fatal(err)
					}
					run(t, c.cuts[i], "a")
				}
				if bound < 2 {
					t.Errorf("%d of %d cuts could be started from, want more", bound, len(c.cuts))
				}
			})
		}
	}
}

// synced returns a disk on which everything of another one is durable.
func synced(t *testing.T, from *testenv.CrashDisk) *testenv.CrashDisk {
	t.Helper()
	return from.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
}
