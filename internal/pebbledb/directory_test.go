package pebbledb_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/pebbledb"
	"github.com/sluicehq/sluice/internal/testenv"
)

var stopped = history{starts: 2, records: 300, size: 1000, memory: 64 << 10}

// copyDir copies a directory as cp -r does, files and all.
func copyDir(t *testing.T, fs vfs.FS, from, to string) {
	t.Helper()
	if ok, err := vfs.Clone(fs, fs, from, to); !ok || err != nil {
		t.Fatalf("copy %s: %t, %v", from, ok, err)
	}
}

func rename(t *testing.T, fs vfs.FS, from, to string) {
	t.Helper()
	if err := fs.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// TestMissingDirectory moves a database away beside its state record.
func TestMissingDirectory(t *testing.T) {
	t.Parallel()
	disk := stopped.make(t)
	rename(t, disk, cutDir, "data/elsewhere")
	for range 2 {
		if _, err := stopped.tryOpen(disk, slog.DiscardHandler, false); !errors.Is(err, pebbledb.ErrLoss) {
			t.Fatalf("open: got %v, want ErrLoss", err)
		}
	}
	if _, err := disk.Stat(cutDir); err == nil {
		t.Errorf("the refused start made a database")
	}
	rename(t, disk, "data/elsewhere", cutDir)
	db := stopped.open(t, disk, slog.DiscardHandler)
	if n, _ := stopped.count(t, db); n != stopped.records {
		t.Errorf("%d records after the directory was put back, want %d", n, stopped.records)
	}
	closeDB(t, db)

	if err := disk.RemoveAll(cutDir); err != nil {
		t.Fatal(err)
	}
	db, err := stopped.tryOpen(disk, slog.DiscardHandler, true)
	if err != nil {
		t.Fatalf("open with loss accepted: %v", err)
	}
	closeDB(t, db)
	closeDB(t, stopped.open(t, disk, slog.DiscardHandler))
}

// TestOlderDirectory puts an older copy of a database in its place.
func TestOlderDirectory(t *testing.T) {
	t.Parallel()
	for _, records := range []int{1, 300} {
		disk := stopped.make(t)
		copyDir(t, disk, cutDir, "data/copy")
		db := stopped.open(t, disk, slog.DiscardHandler)
		for i := range records {
			if err := db.Set(cutKey(i), bytes.Repeat([]byte("x"), 1000), pebble.Sync); err != nil {
				t.Fatal(err)
			}
		}
		closeDB(t, db)
		rename(t, disk, cutDir, "data/newer")
		rename(t, disk, "data/copy", cutDir)
		if _, err := stopped.tryOpen(disk, slog.DiscardHandler, false); !errors.Is(err, pebbledb.ErrLoss) {
			t.Errorf("open a copy that is %d records older: got %v, want ErrLoss", records, err)
		}
		db, err := stopped.tryOpen(disk, slog.DiscardHandler, true)
		if err != nil {
			t.Fatalf("open with loss accepted: %v", err)
		}
		closeDB(t, db)
	}
}

// TestCopies opens what is no loss: a directory that was copied with and without its
// state record, and one whose record is damaged.
func TestCopies(t *testing.T) {
	t.Parallel()
	for name, alter := range map[string]func(t *testing.T, disk *testenv.CrashDisk){
		"with its record": func(t *testing.T, disk *testenv.CrashDisk) {
			copyDir(t, disk, "data", "copy")
			closeDB(t, stopped.open(t, disk, slog.DiscardHandler))
			rename(t, disk, "data", "before")
			rename(t, disk, "copy", "data")
		},
		"without its record": func(t *testing.T, disk *testenv.CrashDisk) {
			if err := disk.Remove(cutDir + ".state"); err != nil {
				t.Fatal(err)
			}
		},
		"with a damaged record": func(t *testing.T, disk *testenv.CrashDisk) {
			changeFile(t, disk, "data/db.state", func(b []byte) []byte { b[20] ^= 1; return b })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk := stopped.make(t)
			alter(t, disk)
			var log bytes.Buffer
			db := stopped.open(t, disk, slog.NewTextHandler(&log, nil))
			if n, _ := stopped.count(t, db); n != stopped.records {
				t.Errorf("%d records, want %d", n, stopped.records)
			}
			closeDB(t, db)
			if warned := strings.Contains(log.String(), "state record is damaged"); warned != (name == "with a damaged record") {
				t.Errorf("the log has a warning of the record: %t\n%s", warned, log.String())
			}
		})
	}
}
