package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
)

// repair is how one finding is repaired: at most one of its members is set.
type repair struct {
	finding  Finding
	setAside [][]byte    // rows of the store
	remove   string      // a file
	release  string      // a holder
	delete   object.Name // a report
}

func (r *repair) isNothing() bool {
	return len(r.setAside) == 0 && r.remove == "" && r.release == "" && r.delete == (object.Name{})
}

// ErrUnsafe says that nothing was repaired.
var ErrUnsafe = errors.New("nothing was repaired: some files cannot be read, and what refers to them cannot be judged; restore a backup")

// Repairable returns how many findings a repair would deal with.
func (c *Check) Repairable() int { return len(c.repairs) }

// Repair does what is safe about the findings, and calls report with each that is
// repaired. The directory is opened as a server would open it; it fails if one has
// started since.
func (c *Check) Repair(ctx context.Context, report func(Finding)) (err error) {
	switch {
	case c.o.Snapshot != "":
		return ErrRunning
	case c.unlocked:
		return fmt.Errorf("nothing was repaired: %s cannot be written", c.o.Dir)
	case c.incomplete:
		return ErrUnsafe
	case len(c.repairs) == 0:
		return nil
	}
	var store *pebblestore.Store
	if c.store != nil {
		if store, err = pebblestore.Open(c.dir("store"), pebblestore.Options{FS: c.o.FS}); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, store.Close()) }()
	}
	var objects *diskobject.Store
	if c.objects != nil {
		if objects, err = diskobject.Open(c.dir("objects"), diskobject.Options{FS: c.o.FS}); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, objects.Close()) }()
	}
	for _, r := range c.repairs {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.do(ctx, r, store, objects); err != nil {
			return fmt.Errorf("repair %s, %s: %w", r.finding.Code, r.finding.Subject, err)
		}
		report(r.finding)
	}
	return nil
}

func (c *Check) do(ctx context.Context, r repair, store *pebblestore.Store, objects *diskobject.Store) error {
	switch {
	case len(r.setAside) > 0:
		return store.SetAside(r.setAside)
	case r.release != "":
		return objects.Release(ctx, r.release)
	case r.delete != (object.Name{}):
		return objects.Delete(ctx, r.delete)
	}
	err := c.o.FS.Remove(r.remove)
	if errors.Is(err, fs.ErrNotExist) { // opening the directory was enough
		return nil
	}
	if err != nil {
		return err
	}
	dir, err := c.o.FS.OpenDir(filepath.Dir(r.remove))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
