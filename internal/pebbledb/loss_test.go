package pebbledb_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/pebbledb"
	"github.com/sluicehq/sluice/internal/testenv"
)

// history is how a database came to be before it is damaged.
type history struct {
	starts  int // the last of which writes
	records int
	size    int
	memory  uint64 // of the memtable: a small one makes logs rotate
	killed  bool   // or closed
	idle    bool   // the state record was written after the last write
}

func (h history) String() string {
	return fmt.Sprintf("%d records of %d bytes in start %d, memtable %d, killed=%t idle=%t",
		h.records, h.size, h.starts, h.memory, h.killed, h.idle)
}

// make runs a history and returns the disk that it leaves.
func (h history) make(t *testing.T) *testenv.CrashDisk {
	t.Helper()
	disk := testenv.NewCrashDisk()
	for start := 1; start <= h.starts; start++ {
		db := h.open(t, disk, slog.DiscardHandler)
		if start < h.starts {
			closeDB(t, db)
			continue
		}
		for i := range h.records {
			if err := db.Set(cutKey(i), bytes.Repeat([]byte{byte(i)}, h.size), pebble.Sync); err != nil {
				t.Fatal(err)
			}
		}
		if h.idle {
			db.SaveState()
		}
		if h.killed {
			clone := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
			closeDB(t, db)
			return clone
		}
		closeDB(t, db)
	}
	return disk
}

func (h history) open(t *testing.T, fs vfs.FS, log slog.Handler) *pebbledb.DB {
	t.Helper()
	db, err := h.tryOpen(fs, log, false)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return db
}

func (h history) tryOpen(fs vfs.FS, log slog.Handler, accept bool) (*pebbledb.DB, error) {
	return pebbledb.Open(cutDir, &pebble.Options{
		FS: fs, MemTableSize: h.memory, FormatMajorVersion: pebble.FormatTableFormatV6,
	}, pebbledb.Options{Name: "test", Logger: slog.New(log), AcceptLoss: accept})
}

func closeDB(t *testing.T, db *pebbledb.DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

// count returns how many of the records can be read, and whether they are the first ones.
func (h history) count(t *testing.T, db *pebbledb.DB) (n int, prefix bool) {
	t.Helper()
	last := -1
	for i := range h.records {
		_, closer, err := db.Get(cutKey(i))
		if errors.Is(err, pebble.ErrNotFound) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = closer.Close()
		n, last = n+1, i
	}
	return n, last == n-1
}

var histories = []history{
	{1, 800, 100, 4 << 20, true, true},
	{2, 800, 100, 4 << 20, true, true},
	{1, 30, 60_000, 64 << 20, true, true},
	{2, 30, 60_000, 64 << 20, true, true},
	{1, 30, 60_000, 200_000, true, true}, // rotated logs
	{2, 1500, 1000, 400_000, true, true}, // rotated logs
	{2, 800, 100, 4 << 20, false, false}, // closed
	{1, 30, 60_000, 64 << 20, false, false},
}

// TestDamagedLog flips bytes of the last log, with acknowledged records behind them: the
// start refuses, and one that accepts the loss has the records before the damage.
func TestDamagedLog(t *testing.T) {
	t.Parallel()
	for _, h := range histories {
		for _, percent := range []int{10, 50, 90, 100} {
			t.Run(fmt.Sprintf("%s at %d%%", h, percent), func(t *testing.T) {
				t.Parallel()
				disk := h.make(t)
				name, written := lastLog(t, disk)
				if written < 1000 {
					t.Skipf("%s has only %d bytes", name, written)
				}
				at := written*percent/100 - 40 // 100% is in the last record
				change(t, disk, name, func(b []byte) []byte { flip(b[at:], 3); return b })
				h.checkRefused(t, disk)
			})
		}
	}
}

// TestDamagedLogUnrecorded damages logs before a state record was written. What the log
// itself proves is enough to refuse.
func TestDamagedLogUnrecorded(t *testing.T) {
	t.Parallel()
	for _, h := range []history{
		{1, 2000, 100, 4 << 20, true, false},
		{2, 2000, 100, 4 << 20, true, false},
		{2, 3000, 300, 400_000, true, false},
	} {
		for _, percent := range []int{10, 50} {
			for _, zeros := range []int{0, 4096} {
				t.Run(fmt.Sprintf("%s at %d%%, %d zeros", h, percent, zeros), func(t *testing.T) {
					t.Parallel()
					disk := h.make(t)
					name, written := lastLog(t, disk)
					at := written * percent / 100
					change(t, disk, name, func(b []byte) []byte {
						flip(b[at:], 3)
						clear(b[at : at+zeros])
						return b
					})
					h.checkRefused(t, disk)
				})
			}
		}
	}
}

// TestTruncatedFiles cuts off what had been written.
func TestTruncatedFiles(t *testing.T) {
	t.Parallel()
	for _, h := range histories {
		for _, kind := range []string{"log", "MANIFEST"} {
			t.Run(fmt.Sprintf("%s of %s", kind, h), func(t *testing.T) {
				t.Parallel()
				disk := h.make(t)
				name, written := lastLog(t, disk)
				if kind == "MANIFEST" {
					name = current(t, disk)
					written = len(contents(t, disk, name))
				}
				if written < 100 {
					t.Skipf("%s has only %d bytes", name, written)
				}
				change(t, disk, name, func(b []byte) []byte { return b[:written/2] })
				_, err := h.tryOpen(disk, slog.DiscardHandler, false)
				if !errors.Is(err, pebbledb.ErrLoss) {
					t.Errorf("open with half of %s: got %v, want ErrLoss", name, err)
				}
			})
		}
	}
}

// TestDamagedManifest flips one bit of the MANIFEST, which Pebble takes for its end.
func TestDamagedManifest(t *testing.T) {
	t.Parallel()
	for _, h := range []history{{2, 1500, 1000, 400_000, true, true}, {2, 1500, 1000, 400_000, false, false}} {
		for _, percent := range []int{10, 30, 60, 90, 100} {
			t.Run(fmt.Sprintf("%s at %d%%", h, percent), func(t *testing.T) {
				t.Parallel()
				disk := h.make(t)
				name := current(t, disk)
				change(t, disk, name, func(b []byte) []byte { b[(len(b)-1)*percent/100] ^= 4; return b })
				before, _ := disk.List(cutDir)
				_, err := h.tryOpen(disk, slog.DiscardHandler, false)
				if !errors.Is(err, pebbledb.ErrLoss) {
					t.Errorf("open with a damaged %s: got %v, want ErrLoss", name, err)
				}
				if after, _ := disk.List(cutDir); !sameFiles(before, after) {
					t.Errorf("the refused start left %q of %q", after, before)
				}
			})
		}
	}
}

// checkRefused opens a damaged disk without and with the acceptance of loss.
func (h history) checkRefused(t *testing.T, disk *testenv.CrashDisk) {
	t.Helper()
	before, _ := disk.List(cutDir)
	_, err := h.tryOpen(disk, slog.DiscardHandler, false)
	if !errors.Is(err, pebbledb.ErrLoss) || !strings.Contains(err.Error(), "--accept-loss") {
		t.Fatalf("open: got %v, want ErrLoss and what to do", err)
	}
	if after, _ := disk.List(cutDir); !sameFiles(before, after) {
		t.Errorf("the refused start left %q of %q", after, before)
	}
	var log bytes.Buffer
	db, err := h.tryOpen(disk, slog.NewTextHandler(&log, nil), true)
	if err != nil {
		t.Fatalf("open with loss accepted: %v", err)
	}
	if n, prefix := h.count(t, db); n == h.records || !prefix {
		t.Errorf("%d of %d records are left, the first ones: %t; want some of the first", n, h.records, prefix)
	}
	if !strings.Contains(log.String(), "loss of acknowledged data is accepted") {
		t.Errorf("the log does not say what was lost:\n%s", log.String())
	}
	closeDB(t, db)
	kept, err := disk.List(cutDir + ".damaged")
	if err != nil || len(kept) < len(before)-2 {
		t.Errorf("the copy of the damaged directory has %q, %v; want what was in it, %q", kept, err, before)
	}
	closeDB(t, h.open(t, disk, slog.DiscardHandler))
}

func sameFiles(a, b []string) bool {
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// lastLog returns the newest log and how much of it was written.
func lastLog(t *testing.T, fs vfs.FS) (name string, written int) {
	t.Helper()
	names, err := fs.List(cutDir)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	for _, n := range names {
		end, err := pebbledb.LogEnd(fs, n, bytes.NewReader(contents(t, fs, n)))
		if err != nil {
			t.Fatal(err)
		}
		if end > 0 {
			name, written = n, end
		}
	}
	return name, written
}

func current(t *testing.T, fs vfs.FS) string {
	t.Helper()
	d, err := pebble.Peek(cutDir, fs)
	if err != nil {
		t.Fatal(err)
	}
	return fs.PathBase(d.ManifestFilename)
}

func contents(t *testing.T, fs vfs.FS, name string) []byte {
	t.Helper()
	return fileContents(t, fs, fs.PathJoin(cutDir, name))
}

func fileContents(t *testing.T, fs vfs.FS, path string) []byte {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return b
}

func change(t *testing.T, fs vfs.FS, name string, fn func([]byte) []byte) {
	t.Helper()
	changeFile(t, fs, fs.PathJoin(cutDir, name), fn)
}

func changeFile(t *testing.T, fs vfs.FS, path string, fn func([]byte) []byte) {
	t.Helper()
	write(t, fs, path, string(fn(fileContents(t, fs, path))))
}

func flip(b []byte, n int) {
	for i := range n {
		b[i] ^= 0x55
	}
}
