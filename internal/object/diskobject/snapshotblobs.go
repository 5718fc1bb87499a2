package diskobject

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/pebbledb"
)

// SnapshotBlobs returns the names of the blobs that a copy of the index knows, which
// Snapshot made. Each is a file of the directory of blobs that the index belongs to,
// under that name or, until the writer has renamed it, with ".tmp" behind it. The copy
// is not changed, but for its lock.
func SnapshotBlobs(fs vfs.FS, index string) (names []string, err error) {
	db, err := pebbledb.OpenReadOnly(index, "copy of the object index", &pebble.Options{
		FS: fs, ErrorIfNotExists: true, FormatMajorVersion: pebble.FormatValueSeparation,
	}, nil)
	if err != nil {
		return nil, fmt.Errorf("open the copy of the index: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	prefix := segmentKey("")
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: pebbledb.PrefixEnd(prefix)})
	if err != nil {
		return nil, fmt.Errorf("read the copy of the index: %w", err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		names = append(names, string(it.Key()[len(prefix):]))
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return nil, fmt.Errorf("read the copy of the index: %w", err)
	}
	return names, nil
}
