package diskobject

import (
	"errors"
	"io/fs"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// remove removes blobs that nothing refers to. What cannot be removed now has its
// tombstone, and is removed by the next Open.
func (s *Store) remove(segments []segment) {
	if s.kept.add(segments) {
		return
	}
	var removed []string
	for _, seg := range segments {
		if seg.Blob == "" {
			continue
		}
		err := findBlob(s.path(seg.Blob), s.fs.Remove)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.log.Warn("blob not removed", "blob", seg.Blob, "error", err)
			continue
		}
		removed = append(removed, seg.Blob)
	}
	if s.tombstones.add(removed) < maxTombstones {
		return
	}
	if err := s.syncDir(); err != nil && !errors.Is(err, errClosed) {
		s.log.Warn("blobs not synced", "error", err)
	}
}

// maxTombstones is how many tombstones may wait for the next sync of the folder.
const maxTombstones = 256

// removals are the blobs whose files are removed but whose tombstones are not: that has
// to wait until the folder is synced, or a power cut could bring a file back without
// its tombstone.
type removals struct {
	mu    sync.Mutex
	blobs []string
}

// add adds blobs and returns how many there are.
func (r *removals) add(blobs []string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blobs = append(r.blobs, blobs...)
	return len(r.blobs)
}

func (r *removals) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	blobs := r.blobs
	r.blobs = nil
	return blobs
}

// syncDir makes the names in the folder durable, and then removes the tombstones of
// the files that had been removed before.
func (s *Store) syncDir() error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.life.RUnlock()
	gone := s.tombstones.take()
	if err := s.blobsDir.Sync(); err != nil {
		s.tombstones.add(gone)
		return err
	}
	if err := s.dropTombstones(gone); err != nil {
		s.log.Warn("tombstones not removed", "error", err)
	}
	return nil
}

// dropTombstones removes the tombstones of blobs whose files are gone for good. One that
// comes back after a crash does no harm.
func (s *Store) dropTombstones(blobs []string) error {
	if len(blobs) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := s.db.NewBatch()
	for _, id := range blobs {
		if err := batch.Delete(tombstoneKey(id), nil); err != nil {
			return errors.Join(err, batch.Close())
		}
	}
	return errors.Join(s.db.Apply(batch, pebble.NoSync), batch.Close())
}

// pin keeps the blobs of a content while someone reads them. s.mu is held.
func (s *Store) pin(id string) { s.pins[id]++ }

func (s *Store) unpin(id string) {
	s.mu.Lock()
	var free []segment
	if s.pins[id]--; s.pins[id] == 0 {
		delete(s.pins, id)
		free = s.doomed[id]
		delete(s.doomed, id)
	}
	s.mu.Unlock()
	s.remove(free)
}
