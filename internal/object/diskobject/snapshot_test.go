package diskobject

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestSnapshotIsOneMoment takes snapshots while objects are put, replaced and deleted.
// In each, the objects are those that there were while "during" ran, and every one of
// their blobs can be read until the snapshot is released, whatever happens meanwhile.
func TestSnapshotIsOneMoment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir).Store
	var mu sync.Mutex // held by a change and what is noted of it
	now := map[string]string{}
	for round := range 8 {
		var changing sync.WaitGroup
		for w := range 3 {
			changing.Go(func() {
				for i := range 5 {
					mu.Lock()
					key, text := fmt.Sprint("k", (w+i)%4), fmt.Sprint("text ", round, w, i)
					put(t, s, key, text)
					now[key] = text
					if i%3 == 2 {
						if err := s.Delete(t.Context(), at(key)); err != nil {
							t.Errorf("Delete: %v", err)
						}
						delete(now, key)
					}
					mu.Unlock()
				}
			})
		}
		snap := filepath.Join(dir, fmt.Sprint("snapshot", round))
		mu.Lock()
		want := map[string]string{}
		release, err := s.Snapshot(t.Context(), snap, func() error {
			for k, v := range now {
				want[k] = v
			}
			return nil
		})
		mu.Unlock()
		if err != nil {
			t.Fatalf("Snapshot: %v", err)
		}
		changing.Wait()
		checkSnapshot(t, dir, snap, want)
		release()
		release() // a second call does nothing
	}
	wantBlobs(t, dir, len(now), "after the last snapshot")
}

// checkSnapshot opens a copy of the index with links to the blobs, which would remove
// blobs that the index does not know.
func checkSnapshot(t *testing.T, dir, snap string, want map[string]string) {
	t.Helper()
	copied := t.TempDir()
	if err := os.Rename(snap, filepath.Join(copied, "index")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(copied, "blobs"), 0o700); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.Link(filepath.Join(dir, "blobs", f.Name()), filepath.Join(copied, "blobs", f.Name())); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(copied, Options{AcceptLoss: true}) // with blobs of later objects
	if err != nil {
		t.Fatalf("open the snapshot: %v", err)
	}
	defer s.Close()
	for i := range 4 {
		key := fmt.Sprint("k", i)
		got, err := text(t.Context(), s, at(key), "")
		if w, ok := want[key]; ok && (err != nil || got != w) || !ok && err == nil {
			t.Errorf("%s in the snapshot: %q, %v; want %q, there %t", key, got, err, w, ok)
		}
	}
}

// TestSnapshotThatFails leaves nothing and keeps nothing.
func TestSnapshotThatFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir).Store
	put(t, s, "k", "text")
	broken := errors.New("broken")
	snap := filepath.Join(dir, "snapshot")
	if _, err := s.Snapshot(t.Context(), snap, func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("Snapshot: %v, want the error of during", err)
	}
	if _, err := os.Stat(snap); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory of a failed snapshot: %v, want none", err)
	}
	if _, err := s.Snapshot(t.Context(), filepath.Join(dir, "blobs"), func() error { return nil }); err == nil || !strings.Contains(err.Error(), "exist") {
		t.Errorf("Snapshot over a directory that exists: %v, want an error", err)
	}
	if err := s.Delete(t.Context(), at("k")); err != nil {
		t.Fatal(err)
	}
	wantBlobs(t, dir, 0, "after a failed snapshot and a deletion")
}
