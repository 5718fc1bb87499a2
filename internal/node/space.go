package node

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicehq/sluice/internal/diskspace"
)

// watchSpace begins to watch the free space of the data directory, if something is kept
// there and the options do not say otherwise. Without it n.space is nil, which has no
// limits.
func (n *Node) watchSpace(registry prometheus.Registerer) error {
	local := n.o.Store == nil || n.o.Objects == nil
	if !local || n.o.Memory || n.o.MinFree < 0 {
		return nil
	}
	usage := usageOf(n.fs, n.o.Dir, filepath.Join(n.o.Dir, "store"), filepath.Join(n.o.Dir, "objects"))
	if _, _, err := usage(); errors.Is(err, vfs.ErrUnsupported) {
		return nil
	}
	n.space = diskspace.New(usage, diskspace.Options{
		MinFree: uint64(n.o.MinFree), Logger: n.o.Logger, Registry: registry,
	})
	n.run = append(n.run, n.space.Run)
	return nil
}

// usageOf returns a function that reads the free space of the data directory. Its parts
// may be on file systems of their own: then it is that of the one with the least.
func usageOf(disk vfs.FS, dirs ...string) diskspace.Usage {
	return func() (free, total uint64, err error) {
		for i, dir := range dirs {
			u, err := disk.GetDiskUsage(dir)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return 0, 0, err
			}
			if i == 0 || u.AvailBytes < free {
				free, total = u.AvailBytes, u.TotalBytes
			}
		}
		return free, total, nil
	}
}
