package pebbledb

import (
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// orderedFS is the file system below Pebble. It notes what is on disk, see progress, and
// adds the syncs that Pebble's markers need. A marker is an empty file whose name says which MANIFEST is current: Pebble
// creates the new one, removes the old one, and syncs the directory once. A file system
// may keep any of the changes in between without the others: the new marker without the
// MANIFEST that it names, or neither marker.
type orderedFS struct {
	vfs.FS
	log    *logger
	opened atomic.Bool            // the database is open: nobody handles a failed sync
	copies atomic.Pointer[string] // the directory of a checkpoint that is being made
	progress
}

func isMarker(name string) bool { return strings.HasPrefix(name, "marker.") }

// Create implements vfs.FS.
func (o *orderedFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	base := o.PathBase(name)
	if o.isCopy(name) {
		f, err := o.FS.Create(name, c)
		if err != nil {
			return nil, err
		}
		return unsynced{f}, nil
	}
	if isMarker(base) {
		if err := syncDir(o, o.PathDir(name)); err != nil {
			return nil, err
		}
	}
	f, err := o.FS.Create(name, c)
	if err != nil {
		return nil, o.failed("create", base, err)
	}
	return o.openLog(base, o.track(base, f)), nil
}

// ReuseForWrite implements vfs.FS.
func (o *orderedFS) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := o.FS.ReuseForWrite(from, to, c)
	if err != nil {
		return nil, o.failed("reuse", o.PathBase(to), err)
	}
	o.forget(o.PathBase(from))
	return o.openLog(o.PathBase(to), o.track(o.PathBase(to), f)), nil
}

// Remove implements vfs.FS.
func (o *orderedFS) Remove(name string) error {
	base := o.PathBase(name)
	if o.isCopy(name) {
		return o.FS.Remove(name)
	}
	if isMarker(base) {
		if err := syncDir(o, o.PathDir(name)); err != nil {
			return err
		}
	}
	if err := o.FS.Remove(name); err != nil {
		return err
	}
	o.forget(base)
	return nil
}

// OpenDir implements vfs.FS.
func (o *orderedFS) OpenDir(name string) (vfs.File, error) {
	f, err := o.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	if o.isCopy(name) || o.isAbove(name) {
		return unsynced{f}, nil
	}
	return &directory{File: f, fs: o, name: name}, nil
}

// Unwrap implements vfs.FS.
func (o *orderedFS) Unwrap() vfs.FS { return o.FS }

// directory is an open directory. Pebble panics when its sync fails, in whichever
// goroutine, with its locks held: that must end the process instead.
type directory struct {
	vfs.File
	fs   *orderedFS
	name string
}

// Sync implements vfs.File.
func (d *directory) Sync() error {
	marked := d.fs.marked()
	err := d.File.Sync()
	if err == nil {
		d.fs.settled(marked)
	}
	if err != nil && d.fs.opened.Load() {
		d.fs.log.Fatalf("sync directory %s: %v", d.name, err)
	}
	return err
}
