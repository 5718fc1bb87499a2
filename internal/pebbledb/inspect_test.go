package pebbledb_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/pebbledb"
	"github.com/sluicehq/sluice/internal/testenv"
)

// sound is a database with tables, some of them made by compactions, and a log.
var sound = history{starts: 2, records: 400, size: 700, memory: 64 << 10}

func TestInspectSound(t *testing.T) {
	t.Parallel()
	for _, h := range append(histories, sound) {
		disk := h.make(t)
		if found, err := pebbledb.Inspect(disk, cutDir, nil); err != nil || len(found) > 0 {
			t.Errorf("%s: found %v, %v, want nothing", h, found, err)
		}
	}
}

// TestFlippedBytes flips one byte of every file at many places. Whatever it was, the start
// refuses, Inspect names the file, or everything reads as before.
func TestFlippedBytes(t *testing.T) {
	t.Parallel()
	rng := testenv.Rand(t)
	disk := sound.make(t)
	db := sound.open(t, disk, slog.DiscardHandler)
	want, err := all(db)
	if err != nil || len(want) != sound.records {
		t.Fatalf("%d records, %v", len(want), err)
	}
	closeDB(t, db)
	tries := 20
	if testing.Short() {
		tries = 6
	}
	outcomes := map[string]int{}
	for name, text := range files(t, disk) {
		for try := range tries {
			at := rng.IntN(len(text))
			if try < 3 { // the ends, where footers are
				at = len(text) - 1 - try
			}
			if at < 0 {
				continue
			}
			bit := byte(1) << rng.IntN(8)
			outcome := flipped(t, disk, name, at, bit, want)
			if outcome == "" {
				t.Errorf("bit %d of byte %d of %s (%d bytes): the start succeeds, Inspect finds nothing, and the answers differ",
					bit, at, name, len(text))
			}
			outcomes[outcome]++
		}
	}
	t.Logf("outcomes: %v", outcomes)
}

// files returns what is in the files of a database, and in its state record.
func files(t *testing.T, disk vfs.FS) map[string][]byte {
	t.Helper()
	names, err := disk.List(cutDir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{cutDir + ".state": fileContents(t, disk, cutDir+".state")}
	for _, name := range names {
		if b := contents(t, disk, name); len(b) > 0 {
			all[cutDir+"/"+name] = b
		}
	}
	return all
}

func flipped(t *testing.T, disk *testenv.CrashDisk, name string, at int, bit byte, want map[string]string) string {
	t.Helper()
	c := vfs.NewMem()
	if err := c.MkdirAll("data", 0o700); err != nil {
		t.Fatal(err)
	}
	if ok, err := vfs.Clone(disk, c, "data", "data"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	changeFile(t, c, name, func(b []byte) []byte { b[at] ^= bit; return b })
	found, err := pebbledb.Inspect(c, cutDir, nil)
	if err != nil {
		t.Fatalf("Inspect: %v", err)
	}
	named := ""
	for _, f := range found {
		if strings.HasSuffix(name, strings.TrimPrefix(f.File, "..")) {
			named = "named"
		}
	}
	db, err := sound.tryOpen(c, slog.DiscardHandler, false)
	if err != nil {
		return "refused " + named
	}
	got, err := all(db)
	closeErr := db.Close()
	switch {
	case named != "":
		return named
	case err == nil && closeErr == nil && maps.Equal(got, want):
		return "as before"
	}
	t.Logf("reads %d records, %v, close: %v, findings %v", len(got), err, closeErr, found)
	return ""
}

// all reads a database.
func all(db *pebbledb.DB) (map[string]string, error) {
	m := map[string]string{}
	it, err := db.NewIter(nil)
	if err != nil {
		return m, err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return m, err
		}
		m[string(it.Key())] = string(v)
	}
	return m, it.Error()
}

// TestDamagedTableIsLogged reads a damaged table again and again, in the middle and at
// its end: the database stays open, the log names the file once, and says what to do.
func TestDamagedTableIsLogged(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"block", "footer"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			disk := sound.make(t)
			name := largestTable(t, disk)
			change(t, disk, name, func(b []byte) []byte {
				at := len(b) / 3
				if where == "footer" {
					at = len(b) - 2
				}
				b[at] ^= 1
				return b
			})
			var log bytes.Buffer
			db, err := pebbledb.Open(cutDir, &pebble.Options{
				FS: disk, FormatMajorVersion: pebble.FormatTableFormatV6, DisableAutomaticCompactions: true,
			}, pebbledb.Options{Name: "test", Logger: slog.New(slog.NewTextHandler(&log, nil)), Exit: func(code int) {
				panic(fmt.Sprintf("exit %d", code))
			}})
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if _, err := all(db); err == nil {
					t.Errorf("reading everything succeeds, want an error")
				}
			}
			_ = db.Close()
			if n := strings.Count(log.String(), "database file is damaged"); n != 1 {
				t.Errorf("%d lines, want 1:\n%s", n, log.String())
			}
			if !strings.Contains(log.String(), name) || !strings.Contains(log.String(), "sluice check") {
				t.Errorf("the log does not name %s or say what to do:\n%s", name, log.String())
			}
		})
	}
}

func largestTable(t *testing.T, disk vfs.FS) string {
	t.Helper()
	best, size := "", 0
	for name, b := range files(t, disk) {
		if strings.HasSuffix(name, ".sst") && len(b) > size {
			best, size = disk.PathBase(name), len(b)
		}
	}
	return best
}
