package pebblestore

import (
	"context"

	"github.com/sluicehq/sluice/internal/fault"
)

// Bytes returns how much space the files of the database take.
func (s *Store) Bytes(context.Context) (int64, error) {
	if s.closed.Load() {
		return 0, fault.New(fault.Unavailable, "the store is closed")
	}
	return int64(s.db.Metrics().DiskSpaceUsage()), nil // no disk is as large
}
