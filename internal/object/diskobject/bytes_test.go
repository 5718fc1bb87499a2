package diskobject

import (
	"strings"
	"testing"
)

// TestBytes: the size is that of the blobs, an overwritten one no longer among them.
func TestBytes(t *testing.T) {
	t.Parallel()
	s := openIn(t, t.TempDir())
	for _, c := range []struct {
		key  string
		size int
		want int64
	}{{"a", 1000, 1000}, {"b", 20, 1020}, {"a", 30, 50}} {
		put(t, s.Store, c.key, strings.Repeat("x", c.size))
		if got, err := s.Bytes(t.Context()); err != nil || got != c.want {
			t.Errorf("Bytes after a put of %d bytes at %s = %d, %v; want %d", c.size, c.key, got, err, c.want)
		}
	}
}
