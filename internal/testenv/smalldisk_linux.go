package testenv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// SmallDisk is a file system of its own, in memory, that a test can fill.
type SmallDisk struct {
	tb  testing.TB
	dir string
}

// NewSmallDisk mounts a file system of a size for as long as the test runs. Where that is
// not permitted the test is skipped.
func NewSmallDisk(tb testing.TB, mib int) *SmallDisk {
	tb.Helper()
	dir, err := os.MkdirTemp("", "smalldisk") // a test's TempDir is closed to other users
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.Remove(dir) })
	err = syscall.Mount("none", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mib))
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		tb.Skipf("a full disk is not tested: mounting a tmpfs is not permitted here (%v)", err)
	}
	if err != nil {
		tb.Fatalf("mount a tmpfs: %v", err)
	}
	tb.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			tb.Errorf("unmount the tmpfs: %v", err)
		}
	})
	return &SmallDisk{tb: tb, dir: dir}
}

// Dir returns the root directory of the disk.
func (d *SmallDisk) Dir() string { return d.dir }

// Free returns how many bytes of the disk are free.
func (d *SmallDisk) Free() uint64 {
	d.tb.Helper()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &fs); err != nil {
		d.tb.Fatal(err)
	}
	return fs.Bavail * uint64(fs.Bsize)
}

func (d *SmallDisk) ballast() string { return filepath.Join(d.dir, "ballast") }

// Fill leaves so many bytes free at most, by a file that Clear removes.
func (d *SmallDisk) Fill(leave uint64) {
	d.tb.Helper()
	f, err := os.OpenFile(d.ballast(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		d.tb.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 64<<10)
	for {
		free := d.Free()
		if free <= leave {
			return
		}
		_, err := f.Write(block[:min(uint64(len(block)), free-leave)])
		if errors.Is(err, syscall.ENOSPC) {
			return
		}
		if err != nil {
			d.tb.Fatal(err)
		}
	}
}

// Clear gives the space back that Fill has taken.
func (d *SmallDisk) Clear() {
	d.tb.Helper()
	if err := os.Remove(d.ballast()); err != nil {
		d.tb.Fatal(err)
	}
}
