package pebbledb

import (
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Checkpoint is that of pebble.DB, but for two things. Nothing in dir is synced: the copy
// is meant to be read and removed by this process's lifetime, and callers keep writes
// waiting meanwhile; a power cut may leave anything of it. And its files, which have the
// names of the database's own, are not taken for these in the state record. There may be
// one checkpoint of a database at a time.
func (d *DB) Checkpoint(dir string, opts ...pebble.CheckpointOption) error {
	d.fs.copies.Store(&dir)
	defer d.fs.copies.Store(nil)
	return d.DB.Checkpoint(dir, opts...)
}

// isCopy reports whether a path is that of a checkpoint that is being made, or is in it.
func (o *orderedFS) isCopy(path string) bool {
	dir := o.copies.Load()
	return dir != nil && (path == *dir || strings.HasPrefix(path, *dir+"/"))
}

// isAbove reports whether a path is a directory above a checkpoint that is being made.
func (o *orderedFS) isAbove(path string) bool {
	dir := o.copies.Load()
	return dir != nil && strings.HasPrefix(*dir, strings.TrimSuffix(path, "/")+"/")
}

// unsynced is a file or directory that nobody waits for to be on disk.
type unsynced struct{ vfs.File }

func (unsynced) Sync() error                { return nil }
func (unsynced) SyncData() error            { return nil }
func (unsynced) SyncTo(int64) (bool, error) { return false, nil }
