package pebbledb_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// mount mounts a file system of its own on a new directory.
func mount(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	err := syscall.Mount("none", dir, "tmpfs", 0, "size=16m")
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skipf("a mount point is not tested: mounting a tmpfs is not permitted here (%v)", err)
	}
	if err != nil {
		t.Fatalf("mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount the tmpfs: %v", err)
		}
	})
}

// TestCreateOnMountPoint: a database cannot replace a mount point, and says what can be
// done instead; a link into the volume is.
func TestCreateOnMountPoint(t *testing.T) {
	t.Parallel()
	for _, empty := range []bool{true, false} {
		dir := t.TempDir()
		store := filepath.Join(dir, "store")
		mount(t, store)
		if !empty {
			if err := os.Mkdir(filepath.Join(store, "lost+found"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		err := openOnDisk(store)
		if err == nil || !strings.Contains(err.Error(), store+" is a mount point") || !strings.Contains(err.Error(), "symbolic link") {
			t.Errorf("open on a mount point: %v, want a sentence that says what to do", err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*.new")); len(left) > 0 {
			t.Errorf("%v are left", left)
		}
		linked := filepath.Join(dir, "linked")
		link(t, filepath.Join(store, "database"), linked)
		if err := os.Mkdir(filepath.Join(store, "database"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := openOnDisk(linked); err != nil {
			t.Errorf("open behind a link into a mounted volume: %v", err)
		}
	}
}
