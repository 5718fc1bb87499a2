package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// directory is a Target on a file system. Its files can be read by their owner only:
// they hold members and the root key.
type directory struct{ path string }

// OpenDirectory returns the target in a directory. With create it is made if it is not
// there.
func OpenDirectory(path string, create bool) (Target, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if create {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return nil, fmt.Errorf("make the target: %w", err)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open the target: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("the target %s is not a directory", path)
	}
	return directory{path}, nil
}

func (d directory) String() string { return d.path }

func (d directory) at(name string) string { return filepath.Join(d.path, filepath.FromSlash(name)) }

// lockName is the file that is locked while a backup runs. It starts with a dot: names
// that do are not listed.
const lockName = ".lock"

func (d directory) Lock() (func(), error) {
	lock, err := vfs.Default.Lock(d.at(lockName))
	if err != nil {
		return nil, fmt.Errorf("lock %s: does another backup write to it? %w", d, err)
	}
	if err := d.removeUnfinished(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return func() { _ = lock.Close() }, nil
}

// lostAndFound is a directory that a target has if it is a file system of its own. Only
// root may read it.
const lostAndFound = "lost+found"

const unfinishedPrefix = ".new-"

// removeUnfinished removes the files that were being written when a backup was killed.
func (d directory) removeUnfinished() error {
	return filepath.WalkDir(d.path, func(path string, e fs.DirEntry, err error) error {
		switch {
		case path == d.at(lostAndFound):
			return fs.SkipDir
		case err == nil && !e.IsDir() && strings.HasPrefix(e.Name(), unfinishedPrefix):
			return os.Remove(path)
		}
		return err
	})
}

func (d directory) Put(ctx context.Context, name string, text []byte) error {
	return d.PutFrom(ctx, name, bytes.NewReader(text))
}

func (d directory) PutFrom(_ context.Context, name string, r io.Reader) error {
	if err := d.put(d.at(name), r); err != nil {
		return fmt.Errorf("write %s of %s: %w", name, d, err)
	}
	return nil
}

func (d directory) put(path string, r io.Reader) (err error) {
	dir := filepath.Dir(path)
	if err := d.makeDir(dir); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, unfinishedPrefix+"*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = io.Copy(f, r)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// makeDir makes a directory of the target, durably.
func (d directory) makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil || dir == d.path {
		return err
	}
	if err := d.makeDir(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d directory) Open(_ context.Context, name string) (io.ReadCloser, error) {
	return os.Open(d.at(name))
}

// List skips names with a dot at the start: files that are being written, and the
// lock.
func (d directory) List(_ context.Context, prefix string) (map[string]int64, error) {
	names := map[string]int64{}
	err := filepath.WalkDir(d.at(prefix), func(path string, e fs.DirEntry, err error) error {
		if path == d.at(lostAndFound) {
			return fs.SkipDir
		}
		if err != nil || e.IsDir() {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		if strings.HasPrefix(e.Name(), ".") {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(d.path, path)
		names[filepath.ToSlash(rel)] = info.Size()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", d, err)
	}
	return names, nil
}

func (d directory) Delete(_ context.Context, name string) error {
	err := os.Remove(d.at(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
