package pebbledb

import (
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// SaveState writes the state record now.
func (d *DB) SaveState() { d.saveState() }

// LogEnd returns the end of the complete records of a log; 0 if it is no log.
func LogEnd(fs vfs.FS, name string, r io.Reader) (int, error) {
	number, ok := logNumber(fs.PathBase(name))
	if !ok {
		return 0, nil
	}
	s, err := scanFile(r, logFile, number, nil)
	return int(s.records), err
}
