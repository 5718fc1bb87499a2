package pebbledb

import (
	"bytes"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// FuzzScan reads damaged logs and MANIFESTs: whatever the bytes are, the scan ends, stays
// within the file, and reads the same records when what it does not read is cut off.
func FuzzScan(f *testing.F) {
	const number = 4
	for _, text := range logsOf(f) {
		f.Add(text, true)
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text []byte, isLog bool) {
		kind := manifestFile
		if isLog {
			kind = logFile
		}
		records := 0
		count := func([]byte) error { records++; return nil }
		s, err := scanFile(bytes.NewReader(text), kind, number, count)
		if err != nil {
			t.Fatalf("scan: %v", err)
		}
		size := int64(len(text))
		if s.size != size || s.records < 0 || s.records > s.end || s.end > size || s.unread < 0 || s.unread > size-s.records {
			t.Fatalf("scan of %d bytes: %+v, want 0 <= records <= end <= size, and unread within the rest", size, s)
		}
		want := records
		records = 0
		if _, err := scanFile(bytes.NewReader(text[:s.records]), kind, number, count); err != nil || records != want {
			t.Errorf("scan of what is read gives %d records, %v, want %d", records, err, want)
		}
	})
}

// logsOf returns the logs and MANIFESTs of a small database.
func logsOf(tb testing.TB) (all [][]byte) {
	tb.Helper()
	fs := vfs.NewMem()
	db, err := Open("db", &pebble.Options{FS: fs}, Options{Name: "test"})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range 50 {
		if err := db.Set([]byte{byte(i)}, make([]byte, i*i), pebble.Sync); err != nil {
			tb.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		tb.Fatal(err)
	}
	names, err := fs.List("db")
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range names {
		i := inspection{fs: fs, dir: "db"}
		text, err := i.read(name)
		if err != nil {
			tb.Fatal(err)
		}
		if _, isLog := logNumber(name); isLog || bytes.HasPrefix([]byte(name), []byte("MANIFEST")) {
			all = append(all, text)
		}
	}
	return all
}
