package pebbledb_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/pebbledb"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	disk, cause := sound.make(t), errors.New("invalid")
	if got := pebbledb.Explain(disk, cutDir, nil, cause); got != cause {
		t.Errorf("sound database: %v, want the error as it is", got)
	}
	missing := errors.New("holds files but no database")
	empty := vfs.NewMem()
	if err := empty.MkdirAll(cutDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := pebbledb.Explain(empty, cutDir, nil, missing); got != missing {
		t.Errorf("no database: %v, want the error as it is", got)
	}
	name := ""
	for file := range files(t, disk) {
		if strings.HasSuffix(file, ".sst") {
			name = file
		}
	}
	changeFile(t, disk, name, func(b []byte) []byte { b[0] ^= 1; return b })
	got := pebbledb.Explain(disk, cutDir, nil, cause)
	for _, want := range []string{strings.TrimPrefix(name, cutDir+"/"), "crc32c checksum mismatch", "restore a backup"} {
		if !strings.Contains(got.Error(), want) {
			t.Errorf("damaged table: %q, want it to have %q", got, want)
		}
	}
	if !errors.Is(got, cause) {
		t.Error("the cause is lost")
	}
	if got := pebbledb.Explain(disk, cutDir, nil, pebbledb.ErrInUse); got != pebbledb.ErrInUse {
		t.Errorf("in use: %v, want the error as it is", got)
	}
}
