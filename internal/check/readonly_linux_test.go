package check

import (
	"errors"
	"slices"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
)

// TestReadOnly checks a directory that is mounted read-only, as a snapshot of a volume is.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	err := syscall.Mount("none", dir, "tmpfs", 0, "size=64m")
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skipf("a read-only file system is not tested: mounting a tmpfs is not permitted here (%v)", err)
	}
	d := &data{T: t, fs: vfs.Default}
	d.ok(err)
	t.Cleanup(func() { d.ok(syscall.Unmount(dir, syscall.MNT_DETACH)) })
	d.store, err = pebblestore.Open(dir+"/store", pebblestore.Options{})
	d.ok(err)
	d.objects, err = diskobject.Open(dir+"/objects", diskobject.Options{})
	d.ok(err)
	_, err = d.objects.Hold(t.Context(), d.put("uploads/a", "").Name, goneID)
	d.ok(err)
	d.close()
	d.ok(syscall.Mount("none", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))

	var got []string
	c, err := Run(t.Context(), Options{Dir: dir, Deep: true}, func(f Finding) { got = append(got, f.Code) })
	d.ok(err)
	if want := []string{NotLocked, HoldNoJob}; !slices.Equal(got, want) {
		t.Errorf("findings of a read-only directory: %q, want %q", got, want)
	}
	if c.Totals().Objects.Objects != 1 {
		t.Errorf("totals: %+v, want one object", c.Totals())
	}
	if err := c.Repair(t.Context(), func(Finding) {}); err == nil {
		t.Error("repair of a read-only directory: no error, want one")
	}
}
