package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
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

// checkFiles looks at files below the level of rows.
func (c *Check) checkFiles(context.Context) error {
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
