package diskobject

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/diskspace"
)

// Ping reports whether objects can be written now: it writes and removes a file beside
// the blobs, and syncs a record of the index's log.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.life.RUnlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.space.Write(); err != nil {
		return err
	}
	path := s.fs.PathJoin(s.blobs, newID()+".tmp")
	f, err := s.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("create blob: %w", diskspace.ToFault(err))
	}
	_, err = f.Write([]byte("ping"))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close(), s.fs.Remove(path)); err != nil {
		return fmt.Errorf("write blob: %w", diskspace.ToFault(err))
	}
	if err := s.db.LogData(nil, pebble.Sync); err != nil {
		return fmt.Errorf("sync index: %w", err)
	}
	return nil
}
