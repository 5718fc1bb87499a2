package diskobject

import (
	"errors"
	"hash"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/guard"
)

type brokenHash struct{ hash.Hash }

func (brokenHash) Write([]byte) (int, error) { panic("planted") }

// A panic in the goroutine that hashes fails the object that is put, not the process.
func TestPanicWhileHashing(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMem()
	s, err := Open("objects", Options{FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, size := range []int{copyBuffer + 1, 5 * copyBuffer} {
		f, err := disk.Create("blob", vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		sums := newSums(nil)
		sums.md5 = brokenHash{sums.md5}
		_, err = s.fill(t.Context(), f, strings.NewReader(strings.Repeat("x", size)), sums)
		var p *guard.Panic
		if !errors.As(err, &p) || p.Where != guard.Hash {
			t.Errorf("a blob of %d bytes: error %v, want a panic in %s", size, err, guard.Hash)
		}
	}
}
