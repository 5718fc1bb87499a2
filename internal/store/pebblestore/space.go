package pebblestore

import (
	"context"
	"time"
)

// Space says whether there is disk space for a write. It is asked before Pebble is,
// which ends the process when its log cannot be written.
type Space interface {
	// Write returns an error of kind fault.StorageFull if nothing may be written.
	Write() error
}

// mayWrite is asked before every write to Pebble and to scratch files.
func (s *Store) mayWrite() error {
	if s.space == nil {
		return nil
	}
	return s.space.Write()
}

// spaceEvery is how often the sweep, which nobody waits for, looks whether there is
// disk space again.
const spaceEvery = time.Second

// awaitSpace waits until something may be written.
func (s *Store) awaitSpace(ctx context.Context) error {
	for s.mayWrite() != nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(spaceEvery):
		}
	}
	return nil
}
