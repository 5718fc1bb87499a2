package pebblestore

import (
	"context"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
)

// Where rows come and go, as in the indexes of unfinished jobs, what is left of those that
// are gone lies in the way of who reads the others, until a compaction drops it. In a
// quiet store that may take long. So a reader that passed over many has the table
// compacted, behind it.

// maxPassed is how many rows that are gone a reader passes over and does nothing about.
const maxPassed = 4096

// tidy has a table compacted if an iterator over it has passed over many rows that are
// gone. It is called before the iterator is closed.
func (s *Store) tidy(it *pebble.Iterator, table byte) {
	stats := it.Stats()
	passed := stats.ForwardStepCount[pebble.InternalIterCall] - stats.ForwardStepCount[pebble.InterfaceCall]
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
