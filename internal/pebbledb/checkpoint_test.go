package pebbledb_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/sluicehq/sluice/internal/pebbledb"
	"github.com/sluicehq/sluice/internal/testenv"
)

// TestCheckpointIsNotProgress: the files of a checkpoint have the names of the
// database's own, and may be longer: a log that is used a second time is copied with what
// it held before. They must not be taken for what is on disk of the database, or the
// start after a crash would miss it.
func TestCheckpointIsNotProgress(t *testing.T) {
	t.Parallel()
	disk := testenv.NewCrashDisk()
	db, err := openDB(disk)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	set := func(i, size int) {
		t.Helper()
		if err := db.Set(cutKey(i), []byte(strings.Repeat("v", size)), pebble.Sync); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 12 {
		for j := range 40 {
			set(i, 2000+j) // so that logs are full, and used again
		}
		if err := db.Flush(); err != nil {
			t.Fatal(err)
		}
		set(i, 10)
		dir := fmt.Sprint("data/snapshots/", i)
		if err := db.Checkpoint(dir, pebble.WithFlushedWAL()); err != nil {
			t.Fatal(err)
		}
		db.SaveState()
		crashed := disk.CrashClone(vfs.CrashCloneCfg{})
		again, err := openDB(crashed)
		if err != nil {
			t.Fatalf("start after checkpoint %d and a power cut: %v", i, err)
		}
		if _, closer, err := again.Get(cutKey(i)); err != nil {
			t.Errorf("write %d: %v", i, err)
		} else {
			_ = closer.Close()
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCheckpointHasNoOldLogs: a checkpoint copies a log with what an older one left
// behind its end, which is not damage, and not the end of a crash either.
func TestCheckpointHasNoOldLogs(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMem()
	db, err := openDB(disk)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for i := range 12 {
		for j := range 40 {
			if err := db.Set(cutKey(j), []byte(strings.Repeat("v", 2000+i)), pebble.Sync); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := db.Set(cutKey(i), []byte("last"), pebble.Sync); err != nil {
			t.Fatal(err)
		}
		dir := fmt.Sprint("data/snapshots/", i)
		if err := db.Checkpoint(dir, pebble.WithFlushedWAL()); err != nil {
			t.Fatal(err)
		}
		found, err := pebbledb.Inspect(disk, dir, nil)
		if err != nil || len(found) > 0 {
			t.Errorf("checkpoint %d: Inspect finds %v, %v, want nothing", i, found, err)
		}
		copied, err := pebble.Open(dir, &pebble.Options{FS: disk, ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		if v, closer, err := copied.Get(cutKey(i)); err != nil || string(v) != "last" {
			t.Errorf("checkpoint %d: the last write reads %q, %v, want \"last\"", i, v, err)
		} else {
			_ = closer.Close()
		}
		if err := copied.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCheckpointSyncsNothing: a checkpoint is not there after a crash, so nobody has to
// wait for it to be on disk.
func TestCheckpointSyncsNothing(t *testing.T) {
	t.Parallel()
	var syncs []string
	watch := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo) && strings.Contains(op.Path, "snapshots") {
			syncs = append(syncs, op.Path)
		}
		return nil
	})
	db, err := openDB(errorfs.Wrap(vfs.NewMem(), watch))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Set(cutKey(1), []byte("v"), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if err := db.Checkpoint("data/snapshots/1/db", pebble.WithFlushedWAL()); err != nil {
		t.Fatal(err)
	}
	if len(syncs) > 0 {
		t.Errorf("synced %q, want nothing", syncs)
	}
}
