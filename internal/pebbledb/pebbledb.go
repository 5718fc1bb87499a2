// Package pebbledb opens the Pebble databases of a server: the embedded store and the
// index of the embedded objects. What is in a database is the business of the packages
// that use it; this one makes sure that a directory is never left, opened or trusted in
// a state that loses data silently.
//
//   - A database exists whole or not at all. It is created in DIR.new, synced and then
//     renamed, so a power cut during the first start leaves nothing that a second start
//     cannot open.
//   - What had been on disk is compared with what is there before Pebble opens it, and may
//     delete files. A state record beside the directory, DIR.state, has the sizes of the
//     MANIFEST and the logs as of a second ago. A start that would lose something returns
//     ErrLoss, with a sentence that says what; a power cut never looks like that.
//   - When Pebble cannot continue, the process logs one line and exits with ExitCode.
//     No caller can recover from it: Pebble's memory no longer matches its disk.
//   - Errors of Pebble's background work are logged at most once a second.
//
// Inspect reads every file of a database and names what is damaged.
//
// The directory belongs to one process at a time; a second one gets ErrInUse.
package pebbledb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// ExitCode is the status of a process that ended because its database could not
// continue, EX_SOFTWARE of sysexits.h.
const ExitCode = 70

// ErrInUse means that another process, or this one, has the directory open.
var ErrInUse = errors.New("directory is in use")

// Options of a DB. Name is required, the rest has a zero value that works.
type Options struct {
	Name       string         // what the database is, in log lines: "store", "object index"
	Logger     *slog.Logger   // nil discards
	Exit       func(code int) // ends the process; nil means os.Exit
	AcceptLoss bool           // open even if acknowledged data is missing

	// Create, if not nil, is asked before a database is created where none is. Its error
	// is that of Open, and nothing was changed then.
	Create func() error
}

// DB is an open database.
type DB struct {
	*pebble.DB
	dir  string
	fs   *orderedFS
	lock *pebble.Lock

	stop context.CancelFunc // of updateState
	kept sync.WaitGroup
}

// Open opens the database in dir, creating it if there is none. FS, Logger and
// EventListener of opts are the only fields that are replaced or wrapped; opts itself is
// not changed. It returns ErrLoss if data that had been on disk is missing.
func Open(dir string, opts *pebble.Options, o Options) (*DB, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Exit == nil {
		o.Exit = os.Exit
	}
	p := opts.Clone()
	if p.FS == nil {
		p.FS = vfs.Default
	}
	log := &logger{name: o.Name, log: o.Logger, exit: o.Exit}
	fs := &orderedFS{FS: p.FS, log: log}
	fs.init()
	p.FS, p.Logger = fs, log
	p.EventListener = listener(p.EventListener, log)
	if err := createIfMissing(fs, dir, p, o); err != nil {
		return nil, err
	}
	db, err := open(fs, dir, p, o)
	if err != nil {
		return nil, err
	}
	fs.opened.Store(true)
	ctx, cancel := context.WithCancel(context.Background())
	db.stop = cancel
	db.kept.Go(func() { db.updateState(ctx.Done()) })
	return db, nil
}

// open opens a database that exists.
func open(fs *orderedFS, dir string, p *pebble.Options, o Options) (db *DB, err error) {
	lock, err := lockDirectory(fs, dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if db == nil {
			err = errors.Join(err, lock.Close())
		}
	}()
	if err := checkWritable(fs, dir); err != nil {
		return nil, err
	}
	if err := prepare(fs, dir, o); err != nil {
		return nil, err
	}
	p = p.Clone()
	p.Lock = lock
	pdb, err := openPebble(dir, p)
	if err != nil {
		return nil, err
	}
	return &DB{DB: pdb, dir: dir, fs: fs, lock: lock}, nil
}

// prepare verifies a database before Pebble opens it, and makes one that lost something
// fit to be opened if that is accepted.
func prepare(fs *orderedFS, dir string, o Options) error {
	s, err := readState(fs, dir)
	if errors.Is(err, errDamagedState) {
		o.Logger.Warn("state record is damaged and not used", slog.String("database", o.Name), slog.String("file", stateFile(dir)))
	} else if err != nil {
		return fmt.Errorf("read %s: %w", stateFile(dir), err)
	}
	v, err := verify(fs, dir, s)
	if err != nil {
		return fmt.Errorf("verify %s: %w", dir, err)
	}
	if len(v.losses) > 0 {
		if !o.AcceptLoss {
			return lossError(v.losses)
		}
		if err := v.accept(fs, dir, o); err != nil {
			return fmt.Errorf("accept the loss in %s: %w", dir, err)
		}
	}
	v.warn(o.Logger, o.Name)
	return fs.start(dir, v.manifest)
}

func (v *verification) accept(fs *orderedFS, dir string, o Options) error {
	aside, err := copyDamaged(fs, dir)
	if err != nil {
		return err
	}
	for _, lost := range v.losses {
		o.Logger.Warn("loss of acknowledged data is accepted", slog.String("database", o.Name),
			slog.String("loss", lost.String()), slog.String("copy", aside))
	}
	if err := removeState(fs, dir); err != nil {
		return err
	}
	return v.cutLogs(fs, dir)
}

// openPebble calls pebble.Open. Pebble panics on some kinds of damage and on a failed
// sync of a directory; while it opens, that is an error like any other.
func openPebble(dir string, p *pebble.Options) (db *pebble.DB, err error) {
	defer recoverTo(&err)
	return pebble.Open(dir, p)
}

func lockDirectory(fs vfs.FS, dir string) (*pebble.Lock, error) {
	lock, err := pebble.LockDirectory(dir, fs)
	switch {
	case err == nil:
		return lock, nil
	case isNotWritable(err):
		return nil, notWritable(dir, err)
	case errors.Is(err, syscall.EAGAIN), isHeldHere(err):
		return nil, fmt.Errorf("%w: %s (%w)", ErrInUse, dir, err)
	}
	return nil, fmt.Errorf("lock %s: %w", dir, err)
}

// isHeldHere recognizes the error of a lock that this process itself holds. It has no
// type.
func isHeldHere(err error) bool { return strings.Contains(err.Error(), "lock held by current process") }

// Close closes the database, writes its state record and releases the directory.
func (d *DB) Close() error {
	d.stop()
	d.kept.Wait()
	err := d.DB.Close()
	if err == nil {
		err = errors.Join(writeState(d.fs.FS, d.dir, d.fs.state()), syncDir(d.fs.FS, d.fs.PathDir(d.dir)))
	}
	return errors.Join(err, d.lock.Close())
}
