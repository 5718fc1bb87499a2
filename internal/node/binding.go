package node

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/pebbledb"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
)

// binder makes sure that the embedded store and the embedded objects of a data directory
// belong together, see pebbledb.Binding. One without the other, as when a volume is not
// mounted, is pebbledb.ErrLoss: a new one would be created in its place, and the server
// would look healthy and empty.
type binder struct {
	fs         vfs.FS
	dir        string // the data directory
	log        *slog.Logger
	acceptLoss bool
}

func (b *binder) objectsDir() string { return b.fs.PathJoin(b.dir, "objects") }
func (b *binder) indexDir() string   { return b.fs.PathJoin(b.dir, "objects", "index") }

const (
	losesStore   = "an empty store, without the jobs, lists and members"
	losesObjects = "no objects, without the uploads and reports"
	losesBoth    = "both as they are, where jobs may lack their files"
)

// createStore is asked before a store is created. There must be none if the object index
// has belonged to one.
func (b *binder) createStore() error {
	if err := pebbledb.CheckLinks(b.fs, b.indexDir()); err != nil {
		return err
	}
	if exists, err := pebbledb.Exists(b.fs, b.indexDir()); err != nil || !exists || b.acceptLoss {
		return err
	}
	id, err := diskobject.ReadID(b.fs, b.objectsDir())
	if err != nil {
		return pebbledb.Explain(b.fs, b.indexDir(), nil, err)
	}
	if id == "" {
		return nil
	}
	return refusal(losesStore, "the store that objects/index belongs to is missing")
}

// createIndex is asked before an object index is created. There must be none if the store
// has had one.
func (b *binder) createIndex(store *pebblestore.Store) error {
	binding, err := store.Binding()
	if err != nil || !binding.NeedsIndex() || b.acceptLoss {
		return err
	}
	return refusal(losesObjects, "the object index that the store belongs to is missing")
}

// bind compares the IDs of store and index, and gives both a new one if they have none,
// or if a loss is accepted.
func (b *binder) bind(store *pebblestore.Store, index *diskobject.Store) error {
	binding, err := store.Binding()
	if err != nil {
		return err
	}
	id, err := index.ID()
	if err != nil {
		return err
	}
	if matches := binding.Matches(id); !matches || binding.ID == "" {
		if !matches {
			if err := b.mismatch(binding, id); err != nil {
				return err
			}
		}
		binding = pebbledb.NewBinding(id)
		if err := store.SetBinding(binding); err != nil {
			return err
		}
	}
	if id != binding.ID {
		if err := index.SetID(binding.ID); err != nil {
			return err
		}
	}
	if final := (pebbledb.Binding{ID: binding.ID}); binding != final {
		return store.SetBinding(final)
	}
	return nil
}

// mismatch refuses a pair that does not belong together, or logs that it is accepted.
func (b *binder) mismatch(binding pebbledb.Binding, id string) error {
	loses, what := losesBoth, "the store and the object index belong to different data directories"
	switch {
	case id == "":
		loses, what = losesObjects, "the object index is a new one, and not the one that the store belongs to"
	case binding.ID == "":
		loses, what = losesStore, "the store is a new one, and not the one that the object index belongs to"
	}
	if !b.acceptLoss {
		return refusal(loses, what)
	}
	b.log.Warn("loss of acknowledged data is accepted", slog.String("database", "store and object index"),
		slog.String("loss", what), slog.String("start", "with "+loses))
	return nil
}

func refusal(start, what string) error {
	return fmt.Errorf("%w: %s; mount it or put it back, restore a backup, or start with --accept-loss to go on with %s",
		pebbledb.ErrLoss, what, start)
}

// hasObjects reports whether the files of a stopped store are in its data directory, or
// should be.
func (b *binder) hasObjects(store *pebblestore.Store) (bool, error) {
	binding, err := store.Binding()
	if err != nil || binding.Elsewhere {
		return false, err
	}
	_, err = b.fs.Stat(b.objectsDir())
	if errors.Is(err, fs.ErrNotExist) {
		return binding.NeedsIndex(), nil
	}
	return err == nil, err
}

// noteObjectsMoved notes in a store that its files are in an S3 elsewhere from now on.
func noteObjectsMoved(store *pebblestore.Store) error {
	binding, err := store.Binding()
	if err != nil || binding.ID == "" || binding.Elsewhere {
		return err
	}
	binding.Elsewhere = true
	return store.SetBinding(binding)
}
