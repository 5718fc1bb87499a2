// Package check looks for damage and for what does not hold together in a data
// directory with an embedded store: in its files, in the rows of the store and of the
// object index, and in the references between the two.
//
// In comes the name of a directory whose server is stopped, or a snapshot that a
// running server has made; out go findings, one at a time, each with a stable code, a
// severity, what it is about and what to do. Run changes nothing. Repair does what is
// safe and nothing else.
//
// The backends walk their own rows (pebblestore.Inspect, diskobject.Inspect). What is
// between them is here: holds, sources and reports of jobs.
package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/pebbledb"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
)

// Options say what is checked, and how.
type Options struct {
	Dir string // the data directory
	// Snapshot is a directory with the store and the index of one moment, "store" and
	// "index", of a server that runs on Dir. Empty means that none may run: the check
	// has the directory for itself.
	Snapshot string
	Deep     bool   // read all stored bytes too
	FS       vfs.FS // nil is that of the machine

	// Credentials, if not nil, reads the root key of the directory.
	Credentials func() error
	// Progress, if not nil, is called often: what is being checked, and how much of it is
	// done, of how much (0 is not known).
	Progress func(what string, done, total int64)
}

// ErrRunning says that a server runs on the directory.
var ErrRunning = errors.New("a server runs on the directory")

// Totals is how much a check has seen.
type Totals struct {
	Store   pebblestore.CheckTotals
	Objects diskobject.CheckTotals
	// NoStore says that the store is not embedded: there was nothing to compare the
	// objects with.
	NoStore bool
}

// Check is one check of a data directory. Open makes one.
type Check struct {
	o      Options
	report func(Finding)
	totals Totals

	locks    []*pebble.Lock
	unlocked bool                    // the directory cannot be written
	store    *pebblestore.Inspection // nil if it cannot be opened
	objects  *diskobject.Inspection

	// incomplete says that something could not be read: what refers to it cannot be judged,
	// and nothing may be repaired.
	incomplete bool
	repairs    []repair
}

// Run checks the directory and calls report with each finding. An error means that it
// could not be checked.
func Run(ctx context.Context, o Options, report func(Finding)) (*Check, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	c := &Check{o: o, report: report}
	err := c.open()
	if err == nil {
		err = c.run(ctx)
	}
	return c, errors.Join(err, c.close())
}

// Totals returns how much was checked.
func (c *Check) Totals() Totals { return c.totals }

func (c *Check) dir(name ...string) string {
	return filepath.Join(append([]string{c.o.Dir}, name...)...)
}

// storeDir and indexDir are where the rows are: in the directory or in the snapshot.
func (c *Check) storeDir() string {
	if c.o.Snapshot != "" {
		return filepath.Join(c.o.Snapshot, "store")
	}
	return c.dir("store")
}

func (c *Check) indexDir() string {
	if c.o.Snapshot != "" {
		return filepath.Join(c.o.Snapshot, "index")
	}
	return c.dir("objects", "index")
}

// open locks the directory and opens what can be opened.
func (c *Check) open() error {
	if err := pebbledb.CheckLinks(c.o.FS, c.o.Dir); err != nil {
		return err
	}
	if _, err := c.o.FS.Stat(c.o.Dir); err != nil {
		return err
	}
	store, err := c.lock(c.storeDir())
	if err != nil {
		return err
	}
	index, err := c.lock(c.indexDir())
	if err != nil {
		return err
	}
	if store == nil && index == nil {
		if err := errors.Join(pebbledb.CheckLinks(c.o.FS, c.storeDir()), pebbledb.CheckLinks(c.o.FS, c.indexDir())); err != nil {
			return err
		}
		return fmt.Errorf("%s has neither a store nor objects: it is not a data directory of Sluice", c.o.Dir)
	}
	if store != nil {
		if c.store, err = pebblestore.Inspect(c.storeDir(), c.o.FS, store); err != nil {
			c.reportMissing(StoreUnopenable, "store", "%v", err)
		}
	}
	if index != nil {
		if c.objects, err = diskobject.Inspect(c.dir("objects"), c.indexDir(), c.o.FS, index); err != nil {
			c.reportMissing(IndexUnopenable, "objects/index", "%v", err)
		}
	}
	return c.checkBinding(store != nil, index != nil)
}

// lock locks a directory of Pebble's; nil if it does not exist.
func (c *Check) lock(dir string) (*pebble.Lock, error) {
	if !c.exists(dir) {
		return nil, nil
	}
	l, err := pebble.LockDirectory(dir, c.o.FS)
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return nil, ErrRunning
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		if !c.unlocked {
			c.unlocked = true
			c.found(NotLocked, "data directory", "it cannot be written here, and so not be locked: if a server runs on it elsewhere, findings may be wrong")
		}
		l, err = pebble.LockDirectory(dir, lockless{c.o.FS})
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s, so that no server starts on it meanwhile: %w", dir, err)
	}
	c.locks = append(c.locks, l)
	return l, nil
}

// lockless is a file system whose files cannot be locked because they cannot be written.
type lockless struct{ vfs.FS }

func (lockless) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

func (c *Check) exists(path string) bool {
	_, err := c.o.FS.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func (c *Check) close() error {
	var errs []error
	if c.store != nil {
		errs = append(errs, c.store.Close())
	}
	if c.objects != nil {
		errs = append(errs, c.objects.Close())
	}
	for _, l := range c.locks {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

func (c *Check) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		c.checkCredentials, c.checkFiles, c.checkStore, c.checkObjects, c.checkHolds, c.checkJobs, c.checkReports,
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// checkStore passes on what the store's own check finds.
func (c *Check) checkStore(ctx context.Context) (err error) {
	if c.store == nil {
		return nil
	}
	var members destination.MemberChecker
	c.totals.Store, err = c.store.Check(ctx, pebblestore.CheckOptions{
		Member: func(l store.ListRef, key, value []byte, unique []string) error {
			return members.Check(l.Kind, key, value, unique)
		},
		Progress: func(rows int64) { c.o.Progress("rows of the store", rows, 0) },
	}, func(f pebblestore.Finding) {
		c.incomplete = c.incomplete || f.Code == pebblestore.RowUnreadable
		c.add(Finding{Code: f.Code, Subject: f.Row, Problem: f.Problem}, repair{setAside: f.SetAside})
	})
	return err
}

// checkObjects passes on what the object index's own check finds.
func (c *Check) checkObjects(ctx context.Context) (err error) {
	if c.objects == nil {
		return nil
	}
	c.totals.Objects, err = c.objects.Check(ctx, diskobject.CheckOptions{
		Deep: c.o.Deep, Live: c.o.Snapshot != "",
		Progress: func(done, total int64) { c.o.Progress("bytes of objects", done, total) },
	}, func(f diskobject.Finding) {
		c.incomplete = c.incomplete || f.Code == diskobject.RowUnreadable
		r := repair{}
		if f.File != "" {
			r.remove = c.dir("objects", f.File)
		}
		if f.File != "" || strings.HasPrefix(f.Subject, "blobs/") {
			f.Subject = "objects/" + f.Subject
		}
		c.add(Finding{Code: f.Code, Subject: f.Subject, Problem: f.Problem}, r)
	})
	return err
}
