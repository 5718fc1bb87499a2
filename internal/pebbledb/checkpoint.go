package pebbledb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Checkpoint is that of pebble.DB, but for three things. Nothing in dir is synced: the
// copy is meant to be read and removed by this process's lifetime, and callers keep writes
// waiting meanwhile; a power cut may leave anything of it. Its files, which have the
// names of the database's own, are not taken for these in the state record. And its logs
// end with their last record. There may be one checkpoint of a database at a time.
func (d *DB) Checkpoint(dir string, opts ...pebble.CheckpointOption) error {
	d.fs.copies.Store(&dir)
	defer d.fs.copies.Store(nil)
	if err := d.DB.Checkpoint(dir, opts...); err != nil {
		return err
	}
	return trimLogs(d.fs, dir)
}

// trimLogs removes what is behind the last record of each log in dir: Pebble uses the
// files of old logs again and copies them whole, and in a copy the rest of an old log
// looks like a write that a crash has cut off.
func trimLogs(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return fmt.Errorf("list checkpoint %s: %w", dir, err)
	}
	for _, name := range names {
		number, ok := logNumber(name)
		if !ok {
			continue
		}
		if err := trimLog(fs, fs.PathJoin(dir, name), number); err != nil {
			return fmt.Errorf("trim log %s of checkpoint %s: %w", name, dir, err)
		}
	}
	return nil
}

func trimLog(fs vfs.FS, path string, number uint64) error {
	f, err := fs.Open(path)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	s, err := scanFile(bytes.NewReader(text), logFile, number, nil)
	if err != nil || s.unread == 0 {
		return err
	}
	trimmed, err := fs.Create(path+".trimmed", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = trimmed.Write(text[:s.records])
	if err := errors.Join(err, trimmed.Close()); err != nil {
		return err
	}
	return fs.Rename(path+".trimmed", path)
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
