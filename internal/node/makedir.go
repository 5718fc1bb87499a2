package node

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/pebbledb"
)

// MakeDir makes a data directory if it is not there, and the directories above it, so
// that they outlive a power cut: what is synced in a directory is lost with it. A nil
// disk is that of the machine.
func MakeDir(disk vfs.FS, dir string) error {
	if disk == nil {
		disk = vfs.Default
	}
	var missing []string
	for at := dir; ; at = disk.PathDir(at) {
		_, err := disk.Stat(at)
		if err == nil {
			break
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = pebbledb.CheckLinks(disk, at)
		}
		if err != nil {
			return fmt.Errorf("make the data directory: %w", err)
		}
		missing = append(missing, at)
		if disk.PathDir(at) == at {
			break
		}
	}
	if err := disk.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	for _, made := range missing {
		parent, err := disk.OpenDir(disk.PathDir(made))
		if err == nil {
			err = errors.Join(parent.Sync(), parent.Close())
		}
		if err != nil {
			return fmt.Errorf("make the data directory: %w", err)
		}
	}
	return nil
}
