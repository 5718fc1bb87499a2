package diskobject

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/fault"
)

// kept are blobs that nothing refers to any more but that snapshots may still need.
type kept struct {
	mu        sync.Mutex
	snapshots int
	blobs     []segment
}

// add notes the blobs and returns true while there is a snapshot.
func (k *kept) add(segments []segment) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.snapshots == 0 {
		return false
	}
	k.blobs = append(k.blobs, segments...)
	return true
}

func (k *kept) begin() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.snapshots++
}

// end returns the blobs that can be removed now.
func (k *kept) end() []segment {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.snapshots--; k.snapshots > 0 {
		return nil
	}
	blobs := k.blobs
	k.blobs = nil
	return blobs
}

// flushWait is how long the index may take to write its memory to disk.
const flushWait = 30 * time.Second

// Snapshot makes a copy of the index at dir, which must not exist, and calls during
// while the index cannot change: what during copies and the index show the same moment.
// Until release is called no blob file is removed, so that every blob of the copied
// index can be read.
//
// Readers and writers of objects wait while during runs. On an error nothing is left at
// dir and there is nothing to release. The copy is not synced: a power cut may leave any
// part of it.
func (s *Store) Snapshot(ctx context.Context, dir string, during func() error) (release func(), err error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.life.RUnlock()
	if err := s.flushIndex(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := during(); err != nil {
		return nil, err
	}
	if err := s.db.Checkpoint(dir, pebble.WithFlushedWAL()); err != nil {
		return nil, fmt.Errorf("checkpoint index: %w", err)
	}
	s.kept.begin()
	var once sync.Once
	return func() { once.Do(func() { s.remove(s.kept.end()) }) }, nil
}

// flushIndex empties the index's log, which a checkpoint copies while others wait.
func (s *Store) flushIndex(ctx context.Context) error {
	flushed, err := s.db.AsyncFlush()
	if err != nil {
		return fmt.Errorf("flush index: %w", err)
	}
	if flushed == nil {
		return nil
	}
	select {
	case <-flushed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(flushWait):
		return fault.New(fault.Unavailable, "the object index did not write its memory to disk within %v", flushWait)
	}
}
