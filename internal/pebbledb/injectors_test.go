package pebbledb

import (
	"errors"
	"os"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// failingLogs fails every write to a log once it is armed.
type failingLogs struct{ armed atomic.Bool }

func (*failingLogs) String() string { return "failing logs" }

func (f *failingLogs) MaybeError(op errorfs.Op) error {
	if f.armed.Load() && op.Kind == errorfs.OpFileWrite && strings.HasSuffix(op.Path, ".log") {
		return errorfs.ErrInjected
	}
	return nil
}

// readOnly refuses what needs permission to write, with err.
type readOnly struct{ err error }

func (r readOnly) String() string { return r.err.Error() }

func (r readOnly) MaybeError(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpCreate, errorfs.OpMkdirAll, errorfs.OpRemove, errorfs.OpRename, errorfs.OpLink:
		return &os.PathError{Op: "open", Path: op.Path, Err: r.err}
	}
	return nil
}

func isInUse(err error) bool { return errors.Is(err, ErrInUse) }
