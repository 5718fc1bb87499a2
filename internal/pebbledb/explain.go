package pebbledb

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Explain returns the sentence for a start that failed with err, from opening a database
// or from the first reads: which file is damaged, if one is, and what to do. It reads the
// whole database, see Inspect. The errors of this package are sentences already.
func Explain(fs vfs.FS, dir string, merger *pebble.Merger, err error) error {
	if err == nil || errors.Is(err, ErrLoss) || errors.Is(err, ErrInUse) {
		return err
	}
	if exists, existsErr := Exists(fs, dir); !exists || existsErr != nil {
		return err // there are no files to read; the error says why
	}
	found, inspectErr := Inspect(fs, dir, merger)
	if inspectErr != nil {
		return err
	}
	for _, f := range found {
		if !f.Torn {
			return &explained{f.String() + ": run sluice check to see all damage, and restore a backup", err}
		}
	}
	return err
}

// explained is an error with another text.
type explained struct {
	text string
	err  error
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.err }
