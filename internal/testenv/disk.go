package testenv

import (
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// CrashDisk is a disk in memory that can be copied as a power cut would leave it. It is
// Pebble's, but that a copy can be made while a file is linked: vfs.MemFS locks itself
// for reading twice there, and a copy that waits between the two stops both for ever.
type CrashDisk struct {
	*vfs.MemFS
	links sync.RWMutex // held by links for reading, by copies for writing
}

// NewCrashDisk returns an empty disk.
func NewCrashDisk() *CrashDisk { return &CrashDisk{MemFS: vfs.NewCrashableMem()} }

// Link implements vfs.FS.
func (d *CrashDisk) Link(from, to string) error {
	d.links.RLock()
	defer d.links.RUnlock()
	return d.MemFS.Link(from, to)
}

// CrashClone returns the disk as it would be found if the power went now.
func (d *CrashDisk) CrashClone(cfg vfs.CrashCloneCfg) *CrashDisk {
	d.links.Lock()
	defer d.links.Unlock()
	return &CrashDisk{MemFS: d.MemFS.CrashClone(cfg)}
}
