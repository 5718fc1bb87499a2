package pebbledb

import (
	"bytes"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestPrefixEnd(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string][]byte{
		"a": []byte("b"), "ab": []byte("ac"), "a\xff": []byte("b"), "a\xff\xff": []byte("b"), "\xff": nil, "": nil,
	} {
		given := []byte(prefix)
		if got := PrefixEnd(given); !bytes.Equal(got, want) || (got == nil) != (want == nil) || string(given) != prefix {
			t.Errorf("PrefixEnd(%q): %q, want %q; the prefix is %q afterwards", prefix, got, want, given)
		}
	}
}

// TestOpenReadOnly opens a database that exists, and none.
func TestOpenReadOnly(t *testing.T) {
	t.Parallel()
	mem := vfs.NewMem()
	opts := &pebble.Options{FS: mem, FormatMajorVersion: pebble.FormatValueSeparation}
	db, err := Open("db", opts, Options{Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Set([]byte("k"), []byte("v"), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	read, err := OpenReadOnly("db", "test", opts, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	v, closer, err := read.Get([]byte("k"))
	if err != nil || string(v) != "v" {
		t.Fatalf("Get: %q, %v, want v", v, err)
	}
	if err := closer.Close(); err != nil {
		t.Error(err)
	}
	if err := read.Set([]byte("k"), nil, nil); err == nil {
		t.Error("Set was done, want an error")
	}
	if none, err := OpenReadOnly("nothing", "test", opts, nil); err == nil {
		_ = none.Close()
		t.Error("a directory that does not exist was opened, want an error")
	}
	if names, _ := mem.List(""); len(names) != 2 { // db and db.state
		t.Errorf("files: %q, want those of before", names)
	}
}
