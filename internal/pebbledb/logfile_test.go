package pebbledb

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// TestWritesAfterAFailedLogExit: a log that fails while nobody waits for a sync makes
// Pebble panic in a later write, of every kind. The process ends before that, with one
// line in the log.
func TestWritesAfterAFailedLogExit(t *testing.T) {
	t.Parallel()
	key := []byte("k")
	for name, write := range map[string]func(*DB) error{
		"Apply": func(db *DB) error {
			b := db.NewBatch()
			_ = b.Set(key, key, nil)
			return db.Apply(b, pebble.NoSync)
		},
		"Set":            func(db *DB) error { return db.Set(key, key, pebble.NoSync) },
		"Delete":         func(db *DB) error { return db.Delete(key, pebble.NoSync) },
		"RangeKeyDelete": func(db *DB) error { return db.RangeKeyDelete(key, []byte("l"), pebble.NoSync) },
		"LogData":        func(db *DB) error { return db.LogData(key, pebble.NoSync) },
		"AsyncFlush": func(db *DB) error {
			_ = db.Set(key, key, pebble.NoSync)
			_, err := db.AsyncFlush()
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			exited := make(chan int, 10)
			failing := new(failingLogs)
			db, err := Open("db", &pebble.Options{FS: errorfs.Wrap(vfs.NewMem(), failing)}, Options{
				Name: "test", Logger: slog.New(slog.NewTextHandler(&log, nil)),
				Exit: func(code int) { exited <- code },
			})
			if err != nil {
				t.Fatal(err)
			}
			failing.armed.Store(true)
			returned := make(chan any, 1)
			go func() {
				defer func() { returned <- recover() }()
				for t.Context().Err() == nil && write(db) == nil { // until the log is written, which nobody waits for
				}
			}()
			select {
			case code := <-exited:
				if code != ExitCode || strings.Count(log.String(), "database cannot continue") != 1 {
					t.Errorf("exit code %d, log:\n%s\nwant %d and one line that says why", code, log.String(), ExitCode)
				}
			case r := <-returned:
				t.Errorf("writing ended with %v, want that the process ends", r)
			}
		})
	}
}
