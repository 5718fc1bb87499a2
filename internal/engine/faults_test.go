package engine_test

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/store"
)

// troubledStore is a store whose calls can be kept from it, or their answers from the
// caller. A hook that is nil lets all through.
type troubledStore struct {
	engine.Store
	commit  func(ctx context.Context, call func() error) error
	prepare func(ctx context.Context, call func() error) error
	renew   func(ctx context.Context, call func() error) error
	finish  func(ctx context.Context, call func() error) error

	unused atomic.Int64 // batches that were prepared, and neither committed nor discarded yet
}

// kept is a prepared batch that is counted.
type kept struct {
	store.Prepared
	gone func()
}

func (k kept) Discard() { k.gone(); k.Prepared.Discard() }

func through(ctx context.Context, hook func(context.Context, func() error) error, call func() error) error {
	if hook == nil {
		return call()
	}
	return hook(ctx, call)
}

func (s *troubledStore) Prepare(ctx context.Context, l job.Lease, b *store.Batch) (store.Prepared, error) {
	var p store.Prepared
	err := through(ctx, s.prepare, func() (err error) { p, err = s.Store.Prepare(ctx, l, b); return err })
	if err != nil {
		return nil, err
	}
	s.unused.Add(1)
	return kept{Prepared: p, gone: sync.OnceFunc(func() { s.unused.Add(-1) })}, nil
}

func (s *troubledStore) Commit(ctx context.Context, l job.Lease, p store.Prepared) (c job.Counts, err error) {
	k := p.(kept)
	err = through(ctx, s.commit, func() (err error) { c, err = s.Store.Commit(ctx, l, k.Prepared); return err })
	if err == nil {
		k.gone()
	}
	return c, err
}

func (s *troubledStore) Renew(ctx context.Context, l job.Lease, d time.Duration) (out job.Lease, err error) {
	err = through(ctx, s.renew, func() (err error) { out, err = s.Store.Renew(ctx, l, d); return err })
	return out, err
}

func (s *troubledStore) Finish(ctx context.Context, l job.Lease, o store.Outcome) (j job.Job, err error) {
	err = through(ctx, s.finish, func() (err error) { j, err = s.Store.Finish(ctx, l, o); return err })
	return j, err
}

// troubledObjects is an object store whose sources come in small pieces, before each
// of which read is asked: it may wait, or break the reading off.
type troubledObjects struct {
	engine.Objects
	piece int // 512 if 0
	read  func(ctx context.Context, n object.Name, at int64) error
	put   func(ctx context.Context, call func() error) error
	open  func(ctx context.Context, call func() error) error
}

func (o *troubledObjects) Put(ctx context.Context, n object.Name, contentType string, r io.Reader) (i object.Info, err error) {
	err = through(ctx, o.put, func() (err error) { i, err = o.Objects.Put(ctx, n, contentType, r); return err })
	return i, err
}

func (o *troubledObjects) Open(ctx context.Context, n object.Name, version string, offset int64) (rc io.ReadCloser, err error) {
	err = through(ctx, o.open, func() (err error) { rc, err = o.Objects.Open(ctx, n, version, offset); return err })
	if err != nil || o.read == nil {
		return rc, err
	}
	piece := o.piece
	if piece == 0 {
		piece = 512
	}
	return &troubledReader{ReadCloser: rc, at: offset, piece: piece, read: func(at int64) error { return o.read(ctx, n, at) }}, nil
}

type troubledReader struct {
	io.ReadCloser
	at    int64
	piece int
	read  func(at int64) error
}

func (r *troubledReader) Read(p []byte) (int, error) {
	if err := r.read(r.at); err != nil {
		return 0, err
	}
	n, err := r.ReadCloser.Read(p[:min(len(p), r.piece)])
	r.at += int64(n)
	return n, err
}

// gate lets readers through up to an offset, and the rest once it is opened.
type gate struct {
	at      int64
	key     string        // of the object that has it; empty for all
	reached chan struct{} // gets a value for each reader that stands before it
	opened  chan struct{}
}

func newGate(key string, at int64) *gate {
	return &gate{at: at, key: key, reached: make(chan struct{}, 100), opened: make(chan struct{})}
}

func (g *gate) open() { close(g.opened) }

// pass waits before the gate, as a slow connection would: until the caller gives up.
func (g *gate) pass(ctx context.Context, n object.Name, at int64) error {
	if at < g.at || (g.key != "" && g.key != n.Key) {
		return nil
	}
	select {
	case <-g.opened:
		return nil
	default:
	}
	g.reached <- struct{}{}
	select {
	case <-g.opened:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
