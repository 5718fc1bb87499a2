package pebblestore

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/store"
)

// TestDamagedTable: a damaged block of a sorted file is an error for who reads there, and
// not the end of the process.
func TestDamagedTable(t *testing.T) {
	t.Parallel()
	s, fs := checked(t)
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := fs.List("store")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") {
			damage(t, fs, fs.PathJoin("store", name))
		}
	}
	s, err = Open("store", Options{FS: fs, Exit: func(code int) { panic(fmt.Sprint("exit ", code)) }})
	if err != nil {
		return // which is as good
	}
	defer s.Close()
	if _, _, err := s.ListMembers(t.Context(), suppressed, store.MemberFilter{}, store.Page{Limit: 10}); err == nil {
		t.Error("a listing from a damaged file: no error, want one")
	}
	if err := s.PutMember(t.Context(), suppressed, "new@example.com", []byte("BOUNCE"), time.Now(), store.PutOptions{}); err != nil {
		t.Logf("a put beside damaged files: %v", err)
	}
}

// damage flips a bit of the first byte of a file.
func damage(t *testing.T, fs *vfs.MemFS, path string) {
	t.Helper()
	f, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err == nil {
		b[0] ^= 1
		_, err = f.WriteAt(b[:1], 0)
	}
	if err != nil {
		t.Fatal(err)
	}
}
