package pebblestore_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
	"github.com/sluicehq/sluice/internal/store/storetest"
)

// inMemory opens a store on a disk that is only in memory. The store writes files
// for batches of bulk changes and more; 0 leaves that to the store.
func inMemory(bulk int) storetest.Opener {
	return func(t testing.TB) func() store.Store {
		fs := vfs.NewMem()
		return func() store.Store {
			s, err := pebblestore.Open("store", pebblestore.Options{FS: fs})
			if err != nil {
				t.Fatal(err)
			}
			if bulk > 0 {
				s.SetBulk(bulk)
			}
			return s
		}
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, inMemory(0))
}

// TestStoreOfFiles is TestStore where even the smallest batch takes the bulk path.
func TestStoreOfFiles(t *testing.T) {
	t.Parallel()
	storetest.Run(t, inMemory(1))
}

func model(testing.TB) func() store.Store {
	m := storetest.New()
	return func() store.Store { m.Reopen(); return m }
}

func TestCompareWithModel(t *testing.T) {
	t.Parallel()
	storetest.Compare(t, model, inMemory(4))
}
