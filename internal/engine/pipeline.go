package engine

import (
	"context"
	"sync"
	"time"

	"github.com/sluicehq/sluice/internal/guard"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

// buffer is a batch that is used again and again.
type buffer struct {
	store.Batch
	pool   chan *buffer // where it goes when it is free
	memory *memory
	room   int64 // how many bytes its memory may take
}

func newBuffer(pool chan *buffer, m *memory) *buffer {
	return &buffer{pool: pool, memory: m, room: batchBase}
}

func (b *buffer) size() int { return b.Changes() + b.Rejects() }

// hasRoom reports whether the batch may take another record, and makes room for it.
func (b *buffer) hasRoom() bool {
	return int64(b.Bytes()) < b.room-lastRecord || !b.Full() && b.memory.grow(b)
}

func (b *buffer) free() {
	b.Reset()
	b.memory.settle(b)
	b.pool <- b
}

// inflight is a batch on its way from the reader to the commit.
type inflight struct {
	through  record.Position
	release  func()        // gives its memory back
	ready    chan struct{} // closed when the rest is set
	prepared store.Prepared
	held     *buffer // that prepared needs until it is committed; nil if it needs none
	err      error
}

// discard waits for the batch to be prepared, throws it away unless it was committed, and
// gives its memory back.
func (f *inflight) discard() {
	<-f.ready
	if f.prepared != nil {
		f.prepared.Discard()
	}
	if f.held != nil {
		f.held.free()
	}
	f.release()
}

// A batch of fewer records is prepared at once. It costs next to nothing, and a small
// job should not wait behind a large one's batches.
const fewRecords = 4096

// pipeline takes a job's records from its checkpoint to the store: a reader fills
// batches, several are prepared at once, and they are committed in order.
type pipeline struct {
	*attempt
	decider  decider
	toCommit chan *inflight
}

// importRecords reads from the checkpoint and commits batch after batch. It returns true at
// the end of the source and false when the reading was only interrupted; either way
// and whatever broke, all that was read before has been committed, unless the error
// is that of a commit.
func (a *attempt) importRecords(ctx context.Context) (eof bool, err error) {
	d, err := a.newDecider(ctx)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p := &pipeline{attempt: a, decider: d, toCommit: make(chan *inflight, cap(a.engine.preparing))}
	r := &reader{pipeline: p, heartbeat: a.heartbeat, job: a.job}
	var working sync.WaitGroup
	working.Go(func() {
		defer close(p.toCommit)
		eof, err = r.read(ctx, &working)
	})
	commitErr := p.commitAll(ctx)
	if commitErr != nil {
		cancel(commitErr)
		for f := range p.toCommit {
			f.discard()
		}
	}
	working.Wait()
	if commitErr != nil {
		return false, commitErr
	}
	return eof, err
}

func (p *pipeline) prepare(ctx context.Context, b *buffer, f *inflight) {
	defer close(f.ready)
	defer func() {
		if f.prepared != nil && b.NeedsCheck() {
			f.held = b
			return
		}
		b.free()
	}()
	defer p.engine.options.Guard.Recover(guard.Prepare, &f.err)
	if b.size() >= fewRecords {
		select {
		case p.engine.preparing <- struct{}{}:
			defer func() { <-p.engine.preparing }()
		case <-ctx.Done():
			f.err = context.Cause(ctx)
			return
		}
	}
	f.prepared, f.err = p.engine.store.Prepare(ctx, p.lease.current(), &b.Batch)
}

// commitAll commits the batches in their order.
func (p *pipeline) commitAll(ctx context.Context) error {
	for f := range p.toCommit {
		err := p.commit(ctx, f)
		f.discard()
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *pipeline) commit(ctx context.Context, f *inflight) (err error) {
	defer p.engine.options.Guard.Recover(guard.Commit, &err)
	select {
	case <-f.ready:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if f.err != nil {
		return f.err
	}
	began := time.Now()
	counts, err := p.engine.store.Commit(ctx, p.lease.current(), f.prepared)
	if err != nil {
		return err
	}
	m := p.engine.metrics
	m.commit.Observe(time.Since(began).Seconds())
	m.batches.Inc()
	p.progress(counts, f.through)
	return p.checkRejections(counts.Rejected)
}

// progress notes what a commit made of the job.
func (a *attempt) progress(counts job.Counts, through record.Position) {
	a.engine.metrics.committed(a.job.Destination.Kind, a.job.Counts, counts)
	a.job.Counts, a.job.Checkpoint = counts, through
	a.job.Attempts, a.job.Failures, a.job.Waiting = 0, 0, job.Wait{}
	a.engine.cutOff.Store(false)
	if a.slot.retries {
		a.heartbeat.yield.Store(true) // it goes on in a slot for all jobs
	}
}
