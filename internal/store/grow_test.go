package store

import (
	"bytes"
	"testing"

	"github.com/sluicehq/sluice/internal/record"
)

// TestGrow: a batch that has grown holds what it held, and takes as much as it has grown
// for without another allocation.
func TestGrow(t *testing.T) {
	t.Parallel()
	rec := record.Record{Raw: bytes.Repeat([]byte("0123456789"), 10)}
	var b Batch
	b.Grow(1 << 20)
	for b.Bytes() < 64<<10 {
		b.Put(&rec, rec.Raw[:8], rec.Raw)
	}
	b.Grow(1 << 20)
	if n := b.Changes() - 1; !bytes.Equal(b.Value(0), rec.Raw) || !bytes.Equal(b.Key(n), rec.Raw[:8]) {
		t.Errorf("first value %q, last key %q; want %q, %q", b.Value(0), b.Key(n), rec.Raw, rec.Raw[:8])
	}
	arena, changes := cap(b.arena), cap(b.changes)
	for b.Bytes() < 1<<20-256 {
		b.Put(&rec, rec.Raw[:8], rec.Raw)
	}
	if cap(b.arena) != arena || cap(b.changes) != changes {
		t.Errorf("capacities %d and %d, want those after Grow, %d and %d", cap(b.arena), cap(b.changes), arena, changes)
	}
}
