package pebblestore

import (
	"context"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
)

// In tables whose rows are short-lived, such as the indexes of unfinished jobs, an iterator
// has to skip the tombstones of deleted rows until a compaction drops them, which may take
// long in a store with few writes. A reader that skipped many therefore starts a
// compaction of the table in the background.

// maxPassed is how many deleted rows a reader may skip without starting a compaction.
const maxPassed = 4096

// tidy starts a compaction of a table if an iterator over it has skipped many deleted
// rows. It is called before the iterator is closed.
func (s *Store) tidy(it *pebble.Iterator, table byte) {
	stats := it.Stats()
	passed := stats.ForwardStepCount[pebble.InternalIterCall] - stats.ForwardStepCount[pebble.InterfaceCall] +
		stats.ReverseStepCount[pebble.InternalIterCall] - stats.ReverseStepCount[pebble.InterfaceCall]
	if passed < maxPassed || !s.tidying.CompareAndSwap(false, true) {
		return
	}
	s.behind.run(func(ctx context.Context) {
		defer s.tidying.Store(false)
		if s.mayWrite() != nil {
			return
		}
		if err := s.db.Compact(ctx, []byte{table}, []byte{table + 1}, false); err != nil && ctx.Err() == nil {
			s.log.Error("index of jobs not compacted", slog.Any("error", err))
		}
	})
}
