package pebblestore_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
	"github.com/sluicehq/sluice/internal/store/storetest"
)

// inMemory is a place on a disk that is only in memory.
func inMemory(t testing.TB) func() store.Store {
	fs := vfs.NewMem()
	return func() store.Store {
		s, err := pebblestore.Open("store", pebblestore.Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, inMemory)
}
