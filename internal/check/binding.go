package check

import (
	"github.com/sluicehq/sluice/internal/pebbledb"
)

// checkBinding looks whether the store and the object index are there, and belong
// together.
func (c *Check) checkBinding(hasStore, hasIndex bool) error {
	var binding pebbledb.Binding
	var id string
	var err error
	if c.store != nil {
		if binding, err = c.store.Binding(); err != nil {
			c.incomplete = true
			return nil // which the check of the rows reports
		}
	}
	if c.objects != nil {
		if id, err = c.objects.ID(); err != nil {
			c.incomplete = true
			return nil
		}
	}
	switch {
	case !hasStore && c.isLinkBroken("store"):
	case !hasStore && (c.exists(c.dir("store.state")) || id != ""):
		c.reportMissing(StoreMissing, "store", "the directory is missing")
	case !hasStore:
		c.totals.NoStore = true
	case binding.Elsewhere: // what is in the index is out of use
		return c.dropObjects()
	case !hasIndex && c.isLinkBroken("objects/index"):
	case c.isLinkBroken("objects/blobs"):
		return c.dropObjects() // rather than name each file that is not there
	case !hasIndex && (binding.NeedsIndex() || c.exists(c.dir("objects"))):
		c.reportMissing(IndexMissing, "objects/index", "the directory is missing")
	case c.store != nil && c.objects != nil && !binding.Matches(id):
		c.reportMissing(Mismatch, "store and objects/index", "they do not have the same id: one of them is of another data directory, or new")
	}
	return nil
}

// isLinkBroken reports a directory that cannot be reached because a symbolic link leads
// nowhere.
func (c *Check) isLinkBroken(name string) bool {
	err := pebbledb.CheckLinks(c.o.FS, c.dir(name))
	if err != nil {
		c.reportMissing(LinkBroken, name, "%v", err)
	}
	return err != nil
}

func (c *Check) dropObjects() error {
	if c.objects == nil {
		return nil
	}
	err := c.objects.Close()
	c.objects = nil
	return err
}

// reportMissing reports that something cannot be read at all: what refers to it cannot be judged.
func (c *Check) reportMissing(code, subject, format string, args ...any) {
	c.found(code, subject, format, args...)
	c.incomplete = true
}
