package pebblestore

import (
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/store/storetest"
)

// TestIndexesAreTidied wants what is left of ended jobs in the indexes of unfinished ones
// to be gone once somebody had to pass over it.
func TestIndexesAreTidied(t *testing.T) {
	t.Parallel()
	s, err := Open("store", Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	seedEnded(t, s, 2*maxPassed)
	steps := func() int {
		it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{tableUnfinished}, UpperBound: []byte{tableUnfinished + 1}})
		if err != nil {
			t.Fatal(err)
		}
		defer it.Close()
		it.First()
		stats := it.Stats()
		return stats.ForwardStepCount[pebble.InternalIterCall]
	}
	if got := steps(); got < maxPassed {
		t.Fatalf("a reader passes over %d rows of ended jobs, want more than %d before they are dropped", got, maxPassed)
	}
	n, err := s.countKeys(unfinishedJobs.prefix(storetest.HistoryOwner, "mailmanager"), 10)
	if n != 0 || err != nil {
		t.Errorf("unfinished jobs: %d, %v; want none", n, err)
	}
	s.Quiet()
	if got := steps(); got > 1 {
		t.Errorf("the next reader passes over %d rows of ended jobs, want none", got)
	}
}
