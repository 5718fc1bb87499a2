package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/gateway/snapshots"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/sigv4"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
)

func openNode(t *testing.T, dir string) *Node {
	t.Helper()
	n, err := Open(t.Context(), Options{Dir: dir, Key: func() (sigv4.Credentials, error) { return sigv4.Credentials{}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSnapshotsOneAtATime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := openNode(t, dir)
	defer n.Close()
	s := n.snapshotter
	snap, release, err := s.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantOpenable(t, snap)
	s.wait = 0
	if _, _, err := s.take(t.Context()); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second snapshot: %v, want Conflict", err)
	}
	release()
	if _, err := os.Stat(snap.Path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory of a released snapshot: %v, want none", err)
	}
	again, release, err := s.take(t.Context())
	if err != nil {
		t.Fatalf("a snapshot after the end of the first: %v", err)
	}
	release()
	if again.Store != snap.Store || again.Path == snap.Path {
		t.Errorf("two snapshots: %+v and %+v, want the same store at two paths", snap, again)
	}
	s.end()
	if _, _, err := s.take(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a snapshot of a stopping server: %v, want Unavailable", err)
	}
}

// TestSnapshotFollowsAnother: a snapshot that is taken when the one before is about to be
// released waits for that.
func TestSnapshotFollowsAnother(t *testing.T) {
	t.Parallel()
	n := openNode(t, t.TempDir())
	defer n.Close()
	n.snapshotter.wait = time.Minute
	_, release, err := n.snapshotter.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	taken := make(chan error, 1)
	go func() {
		_, release, err := n.snapshotter.take(t.Context())
		if err == nil {
			release()
		}
		taken <- err
	}()
	release()
	if err := <-taken; err != nil {
		t.Errorf("a snapshot behind another one: %v, want none", err)
	}
}

// wantOpenable opens the two directories of a snapshot as a server would.
func wantOpenable(t *testing.T, snap snapshots.Snapshot) {
	t.Helper()
	s, err := pebblestore.Open(filepath.Join(snap.Path, "store"), pebblestore.Options{})
	if err != nil {
		t.Fatalf("open the store of a snapshot: %v", err)
	}
	o, err := diskobject.Open(snap.Path, diskobject.Options{}) // index/ is where it expects it
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatalf("open the index of a snapshot: %v", err)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestStartRemovesSnapshots: a process that was killed leaves its snapshots behind.
func TestStartRemovesSnapshots(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := openNode(t, dir)
	if _, _, err := n.snapshotter.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, snapshotsDir)); err != nil || len(left) != 1 {
		t.Fatalf("snapshots before the start: %v, %v; want one", left, err)
	}
	n = openNode(t, dir)
	defer n.Close()
	if left, err := os.ReadDir(filepath.Join(dir, snapshotsDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("snapshots after the start: %v, %v; want none", left, err)
	}
}

// TestSnapshotOfStoreThatDoesNotOpen returns the error of a directory that cannot be
// opened, and one that is not said to have no store when nobody may look.
func TestSnapshotOfStoreThatDoesNotOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "store"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "store", "000004.sst"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := SnapshotStopped(t.Context(), dir, "test", nil); err == nil || errors.Is(err, ErrNoStore) {
		t.Errorf("got %v, want the error of opening the store", err)
	}
	if _, _, err := SnapshotStopped(t.Context(), filepath.Join(dir, "store", "000004.sst"), "test", nil); err == nil || errors.Is(err, ErrNoStore) {
		t.Errorf("got %v, want the error of looking for the store", err)
	}
}
