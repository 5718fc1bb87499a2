package diskobject

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// Bytes returns how much space the blobs take. It looks at each of them.
func (s *Store) Bytes(ctx context.Context) (int64, error) {
	names, err := s.fs.List(s.blobs)
	if err != nil {
		return 0, fmt.Errorf("list blobs: %w", err)
	}
	var total int64
	for i, name := range names {
		if i%1000 == 0 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
		info, err := s.fs.Stat(s.fs.PathJoin(s.blobs, name))
		if errors.Is(err, fs.ErrNotExist) { // removed since
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("read the size of a blob: %w", err)
		}
		total += info.Size()
	}
	return total, nil
}
