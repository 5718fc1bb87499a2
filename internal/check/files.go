package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/pebbledb"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
)

// checkCredentials reads the root key. There may be none: the environment may give it.
func (c *Check) checkCredentials(context.Context) error {
	if c.o.Credentials == nil {
		return nil
	}
	if err := c.o.Credentials(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.found(Credentials, "credentials", "%v", err)
	}
	return nil
}

// checkPebble looks at every file of a database of Pebble's.
func (c *Check) checkPebble(what, dir string, merger *pebble.Merger) error {
	if !c.exists(dir) {
		return nil
	}
	c.o.Progress("files of "+what, 0, 0)
	all, err := pebbledb.Inspect(c.o.FS, dir, merger)
	if err != nil {
		return err
	}
	for _, f := range all {
		subject := path.Join(what, f.File)
		if f.Offset >= 0 {
			subject += fmt.Sprintf(" at byte %d", f.Offset)
		}
		if f.Torn {
			c.found(TornEnd, subject, "%s", f.Problem)
			continue
		}
		c.incomplete = true
		c.found(FileDamaged, subject, "%s", f.Problem)
	}
	return nil
}

// checkFiles looks at files below the level of rows.
func (c *Check) checkFiles(context.Context) error {
	if err := c.checkPebble("store", c.storeDir(), pebblestore.Merger()); err != nil {
		return err
	}
	if err := c.checkPebble("objects/index", c.indexDir(), nil); err != nil {
		return err
	}
	if c.o.Snapshot != "" {
		return nil
	}
	for _, left := range []string{"store/scratch", "snapshots"} {
		names, err := c.o.FS.List(c.dir(left))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("list %s: %w", left, err)
		}
		for _, name := range names {
			c.found(Leftover, path.Join(left, name), "a crash has left it")
		}
	}
	names, err := c.o.FS.List(c.o.Dir)
	if err != nil {
		return fmt.Errorf("list %s: %w", c.o.Dir, err)
	}
	for _, name := range names {
		if name == "endpoint.json" || strings.HasSuffix(name, ".new") || strings.HasPrefix(name, ".credentials-") || strings.HasPrefix(name, ".endpoint.json-") {
			c.found(Leftover, name, "a crash has left it")
		}
	}
	return nil
}
