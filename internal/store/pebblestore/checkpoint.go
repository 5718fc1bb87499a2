package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/sync/semaphore"

	"github.com/sluicehq/sluice/internal/fault"
)

// A checkpoint must show one moment. Pebble links the sorted files of a version and
// copies its log afterwards; a batch that is ingested in between would be missing while
// a later write to the log, say "job completed", is there. So every write passes the
// write gate, and a checkpoint closes it.

const (
	// flushWait is how long the memtable may take to reach disk before a checkpoint.
	flushWait = 30 * time.Second
	// gateWait is how long writes in progress may take to end. Those that come
	// meanwhile wait too.
	gateWait = 5 * time.Second
)

// gate lets writers in together, or one checkpoint alone.
type gate struct{ *semaphore.Weighted }

const wholeGate = math.MaxInt64

func newGate() gate { return gate{semaphore.NewWeighted(wholeGate)} }

// enter waits while a checkpoint is made. Call leave when the write has been made.
func (g gate) enter() (leave func()) {
	_ = g.Acquire(context.Background(), 1) // fails only with its context
	return g.leave
}

func (g gate) leave() { g.Release(1) }

// close waits for the writes in progress and keeps others out until open is called.
func (g gate) close(ctx context.Context) (open func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, gateWait)
	defer cancel()
	if err := g.Acquire(ctx, wholeGate); err != nil {
		return nil, fault.New(fault.Unavailable, "the store is too busy: writes in progress did not end within %v", gateWait)
	}
	return func() { g.Release(wholeGate) }, nil
}

// Checkpoint makes a directory that Open opens, with all that the store holds at one
// moment between the call and its return: every write that was acknowledged before the
// call, none that begins after the return. dir must not exist, and should be on the
// store's file system: the sorted files are then links, which cost no space until the
// store has merged the originals away. Writes wait while the links are made and the log
// is copied, which is short after a Flush.
//
// On an error nothing is left at dir. Nothing in it is synced: a power cut may leave any
// part of it.
func (s *Store) Checkpoint(ctx context.Context, dir string) error {
	if err := s.mayWrite(); err != nil { // links and a copy of the log
		return err
	}
	open, err := s.writes.close(ctx)
	if err != nil {
		return err
	}
	defer open()
	if err := s.db.Checkpoint(dir, pebble.WithFlushedWAL()); err != nil {
		return fmt.Errorf("checkpoint store: %w", err)
	}
	return nil
}

// Flush writes to sorted files what is only in memory and in the log.
func (s *Store) Flush(ctx context.Context) error {
	if err := s.mayWrite(); err != nil {
		return err
	}
	flushed, err := s.db.AsyncFlush()
	if err != nil {
		return fmt.Errorf("flush store: %w", err)
	}
	if flushed == nil { // there was nothing to flush
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, flushWait)
	defer cancel()
	select {
	case <-flushed:
		return nil
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fault.New(fault.Unavailable, "the store did not write its memory to disk within %v", flushWait)
		}
		return ctx.Err()
	}
}
