package pebbledb

import (
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func isLog(name string) bool { return strings.HasSuffix(name, ".log") }

// openLog is the log of an open database. Pebble reports a log that cannot be written
// with Fatalf only to the callers that wait for their sync. Otherwise it panics, in the
// next call that appends to the log, or, when it begins a new log, in a way that the Go
// runtime ends the process with a stack. So the first error ends the process here.
type openLog struct {
	vfs.File
	fs   *orderedFS
	name string
}

func (o *orderedFS) openLog(name string, f vfs.File) vfs.File {
	if !isLog(name) {
		return f
	}
	return &openLog{File: f, fs: o, name: name}
}

// failed ends the process if err is an error of an open database's log, and returns err.
func (o *orderedFS) failed(what, name string, err error) error {
	if err != nil && isLog(name) && o.opened.Load() {
		o.log.Fatalf("%s log: %v", what, err)
	}
	return err
}

// Write implements vfs.File.
func (f *openLog) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, f.fs.failed("write", f.name, err)
}

// Sync implements vfs.File.
func (f *openLog) Sync() error { return f.fs.failed("sync", f.name, f.File.Sync()) }

// SyncData implements vfs.File.
func (f *openLog) SyncData() error { return f.fs.failed("sync", f.name, f.File.SyncData()) }

// SyncTo implements vfs.File.
func (f *openLog) SyncTo(length int64) (fullSync bool, err error) {
	fullSync, err = f.File.SyncTo(length)
	return fullSync, f.fs.failed("sync", f.name, err)
}

// Close implements vfs.File.
func (f *openLog) Close() error { return f.fs.failed("close", f.name, f.File.Close()) }
