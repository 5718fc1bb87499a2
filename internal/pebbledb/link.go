package pebbledb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// CheckLinks returns an error if dir, or a directory above it, is a symbolic link to
// something that does not exist, as when a volume is not mounted. Only the file system of
// the machine has links.
func CheckLinks(disk vfs.FS, dir string) error {
	if vfs.Root(disk) != vfs.Default {
		return nil
	}
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Lstat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case info.Mode()&fs.ModeSymlink != 0:
			if _, err := os.Stat(at); errors.Is(err, fs.ErrNotExist) {
				to, _ := os.Readlink(at)
				return fmt.Errorf("%s is a symbolic link to %s, which does not exist: mount its volume, or create that directory if this is the first start", at, to)
			}
		}
		if parent := filepath.Dir(at); parent == at || parent == "." {
			return nil
		}
	}
}

// followLinks returns the directory that dir stands for if it, or a directory above it,
// is a symbolic link: a database is created at the end of a link, and the link stays.
func followLinks(disk vfs.FS, dir string) (string, error) {
	if vfs.Root(disk) != vfs.Default {
		return dir, nil
	}
	resolved, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return dir, nil
	}
	return resolved, err
}

// isMountPoint recognizes the errors of removing or replacing a directory on which a
// file system is mounted.
func isMountPoint(err error) bool {
	return errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.EXDEV)
}

func mountPointError(dir string, err error) error {
	return fmt.Errorf("%s is a mount point, where a database cannot be created in one step: mount the file system on the directory above, "+
		"or elsewhere and make %[1]s a symbolic link to a directory in it: %w", dir, err)
}
