package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/gateway/snapshots"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/pebbledb"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
)

// ErrNoStore means that a directory has no embedded store.
var ErrNoStore = errors.New("there is no embedded store")

// SnapshotStopped takes a snapshot of a data directory on which no server runs. It opens
// the directory as a start would, and keeps it until release is called, so that no
// server starts meanwhile. A directory that a server has open is pebbledb.ErrInUse.
func SnapshotStopped(ctx context.Context, dir, version string, log *slog.Logger) (snap snapshots.Snapshot, release func() error, err error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return snap, nil, err
	}
	if err := pebbledb.CheckLinks(vfs.Default, filepath.Join(dir, "store")); err != nil {
		return snap, nil, err
	}
	switch _, err := os.Stat(filepath.Join(dir, "store")); {
	case errors.Is(err, os.ErrNotExist):
		return snap, nil, fmt.Errorf("%w in %s", ErrNoStore, dir)
	case err != nil:
		return snap, nil, fmt.Errorf("look for a store: %w", err)
	}
	var closers []func() error
	closeAll := func() error {
		var errs []error
		for i := len(closers) - 1; i >= 0; i-- {
			errs = append(errs, closers[i]())
		}
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll())
		}
	}()
	s := &snapshotter{dir: dir, fs: vfs.Default, version: version, log: log}
	b := &binder{fs: s.fs, dir: dir, log: log}
	if s.store, err = pebblestore.Open(filepath.Join(dir, "store"), pebblestore.Options{Logger: log, Create: b.createStore}); err != nil {
		return snap, nil, err
	}
	closers = append(closers, s.store.Close)
	hasObjects, err := b.hasObjects(s.store)
	if err != nil {
		return snap, nil, err
	}
	if hasObjects {
		s.objects, err = diskobject.Open(filepath.Join(dir, "objects"), diskobject.Options{
			Logger: log, Create: func() error { return b.createIndex(s.store) },
			Bind: func(d *diskobject.Store) error { return b.bind(s.store, d) },
		})
		if err != nil {
			return snap, nil, err
		}
		closers = append(closers, s.objects.Close)
	}
	if s, err = newSnapshotter(s); err != nil {
		return snap, nil, err
	}
	snap, free, err := s.take(ctx)
	if err != nil {
		return snap, nil, err
	}
	closers = append(closers, func() error { free(); return nil })
	return snap, closeAll, nil
}
