package pebbledb

import (
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// orderedFS is the file system below Pebble. It adds the syncs that Pebble's markers
// need. A marker is an empty file whose name says which MANIFEST is current: Pebble
// creates the new one, removes the old one, and syncs the directory once. A file system
// may keep any of the changes in between without the others: the new marker without the
// MANIFEST that it names, or neither marker.
type orderedFS struct {
	vfs.FS
	log    *logger
	opened atomic.Bool // the database is open: nobody handles a failed sync
}

func isMarker(name string) bool { return strings.HasPrefix(name, "marker.") }

// Create implements vfs.FS.
func (o *orderedFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if isMarker(o.PathBase(name)) {
		if err := syncDir(o, o.PathDir(name)); err != nil {
			return nil, err
		}
	}
	return o.FS.Create(name, c)
}

// Remove implements vfs.FS.
func (o *orderedFS) Remove(name string) error {
	if isMarker(o.PathBase(name)) {
		if err := syncDir(o, o.PathDir(name)); err != nil {
			return err
		}
	}
	return o.FS.Remove(name)
}

// OpenDir implements vfs.FS.
func (o *orderedFS) OpenDir(name string) (vfs.File, error) {
	f, err := o.FS.OpenDir(name)
	if err != nil {
		return nil, err
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
	err := d.File.Sync()
	if err != nil && d.fs.opened.Load() {
		d.fs.log.Fatalf("sync directory %s: %v", d.name, err)
	}
	return err
}
