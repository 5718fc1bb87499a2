package engine

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/guard"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

// reader is the serial part of the pipeline: it turns the source into batches and
// sends them on, each with a goroutine that prepares it.
type reader struct {
	pipeline    *pipeline
	heartbeat   *heartbeat // of the attempt
	job         job.Job    // as it was when the reading began
	dec         *record.Decoder
	mostRecords int         // of a batch
	batch       *buffer     // being filled; nil if the next record needs one
	dueTick     int64       // the heartbeat's tick at which batch is sent, however little it holds
	through     int64       // the offset of the checkpoint with all that was sent
	sent        bool        // a batch of this reading has been sent
	rejected    int64       // records of the job that were refused, without those of batch
	halted      atomic.Bool // read no more, for a look per record
	cut         atomic.Bool // read no more from the source
}

// read reads until the source ends, breaks, or reading is to end. What was read is
// sent on, whatever came behind it, except after a panic: a batch may hold half a record
// then.
func (r *reader) read(ctx context.Context, working *sync.WaitGroup) (eof bool, err error) {
	defer r.dropBatch()
	defer r.pipeline.engine.options.Guard.Recover(guard.Reader, &err)
	reading, stop := context.WithCancel(ctx)
	defer stop()
	working.Go(func() {
		select {
		case <-r.heartbeat.cut:
			r.cut.Store(true)
			stop()
			return
		case <-r.pipeline.stopping:
		case <-r.heartbeat.halted:
		case <-reading.Done():
		}
		r.halted.Store(true)
		stop()
	})

	began := time.Now()
	from := func(offset int64) (io.ReadCloser, error) { return r.open(ctx, reading, offset) }
	r.dec, err = record.Open(from, r.job.Source.Format, r.pipeline.decider.rule.Schema(r.job.Source.Format), r.job.Checkpoint, r.pipeline.engine.options.maxText(r.job.Source.Size))
	if err != nil {
		return false, r.readError(ctx, err)
	}
	defer func() { _ = r.dec.Close() }() // its errors have been returned by Records
	r.heartbeat.startSlice(began)
	r.rejected, r.through = r.job.Counts.Rejected, r.job.Checkpoint.Offset
	if err := r.pipeline.checkRejections(r.rejected); err != nil {
		return false, err
	}

	eof, err = r.fillBatches(ctx, working)
	if err != nil {
		err = r.readError(ctx, err)
	}
	if r.batch != nil {
		if sendErr := r.send(ctx, working); err == nil {
			err = sendErr
		}
	}
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	return eof, err
}

// fillBatches puts records into batches until the source ends or breaks, or no more is
// to be read. It leaves the last batch, if there is one, to be sent.
func (r *reader) fillBatches(ctx context.Context, working *sync.WaitGroup) (eof bool, err error) {
	d := r.job.Destination
	most := r.pipeline.engine.options.Limits.Records(d)
	r.mostRecords = store.MaxRecords
	if n := r.pipeline.engine.options.BatchRecords; n > 0 {
		r.mostRecords = min(n, store.MaxRecords)
	}
	for rec, err := range r.dec.Records() {
		if err != nil {
			return false, err
		}
		if rec == nil {
			if more, err := r.pause(ctx, working); err != nil || !more {
				return false, err
			}
			continue
		}
		if most > 0 && rec.Number > most {
			r.dropBatch() // it is empty, and the decoder is behind a record that does not count
			return false, fault.New(fault.LimitExceeded, "the source holds more than %d records, the most that one job may import", most)
		}
		if r.batch == nil && !r.takeBatch(ctx) {
			return false, nil
		}
		r.pipeline.decider.add(&r.batch.Batch, rec)
		// The decoder's position is behind rec now. A batch goes on with that
		// position, so nothing may come between the two.
		var tooMany error
		if n := r.batch.Rejects(); n > 0 {
			tooMany = r.pipeline.checkRejections(r.rejected + int64(n))
		}
		if r.batchIsDue() || rec.Number == most || tooMany != nil {
			if err := r.send(ctx, working); err != nil || tooMany != nil {
				return false, errors.Join(err, tooMany)
			}
			if r.heartbeat.yield.Load() {
				return false, nil
			}
		}
		if r.halted.Load() {
			return false, nil
		}
	}
	return r.batch != nil || !r.hasMoved() || r.takeBatch(ctx), nil
}

// pause is called where the source was read and no record is whole, which may be so for
// gigabytes. A batch moves the checkpoint, with the records that came before or with none,
// and other jobs get their turn. It reports whether the reading goes on.
func (r *reader) pause(ctx context.Context, working *sync.WaitGroup) (more bool, err error) {
	switch {
	case r.halted.Load():
		return false, nil
	case r.batch == nil && !r.hasMoved():
		return true, nil
	case r.batch == nil && !r.takeBatch(ctx), r.heartbeat.yield.Load():
		return false, nil
	case r.batchIsDue():
		return true, r.send(ctx, working)
	}
	return true, nil
}

// hasMoved reports whether the decoder is behind all that was sent. Only then is there
// progress: an attempt that fails without it counts.
func (r *reader) hasMoved() bool { return r.dec.Position().Offset > r.through }

// readError returns what ended the reading early: nil if it was asked to end.
func (r *reader) readError(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case r.halted.Load(), r.cut.Load(), errors.Is(err, errHalted):
		return nil
	}
	return err
}

// takeBatch waits for a free batch.
func (r *reader) takeBatch(ctx context.Context) bool {
	p := r.pipeline
	select {
	case r.batch = <-p.slot.batches:
	case r.batch = <-p.engine.batches:
	case <-ctx.Done():
		return false
	case <-p.stopping:
		return false
	}
	r.dueTick = r.heartbeat.ticks.Load() + 2
	if !r.sent {
		r.dueTick--
	}
	if r.job.Destination.Action == destination.Put {
		r.batch.MaxMembers = p.engine.options.Limits.Members(r.job.Destination.Kind)
	}
	r.batch.UniqueKeys = p.decider.uniqueKeys
	return true
}

// dropBatch gives the batch back without what it holds.
func (r *reader) dropBatch() {
	if r.batch != nil {
		r.batch.free()
		r.batch = nil
	}
}

// batchIsDue reports whether the batch should be sent: it holds enough, or has waited
// for more records so long that counts would stand still. The first of all is not given
// time to fill, so that a caller soon sees progress.
func (r *reader) batchIsDue() bool {
	b := r.batch
	return b.size() >= r.mostRecords || !b.hasRoom() || r.heartbeat.ticks.Load() >= r.dueTick
}

// send passes the batch on, to be prepared at once and committed in its turn.
func (r *reader) send(ctx context.Context, working *sync.WaitGroup) error {
	b := r.batch
	r.batch, r.sent = nil, true
	r.rejected += int64(b.Rejects())
	release, err := r.pipeline.engine.memory.send(ctx, b)
	if err != nil {
		b.free()
		return err
	}
	b.Through, b.At = r.dec.Position(), time.Now()
	r.through = b.Through.Offset
	f := &inflight{through: b.Through, release: release, ready: make(chan struct{})}
	working.Go(func() { r.pipeline.prepare(ctx, b, f) })
	select {
	case r.pipeline.toCommit <- f:
	case <-ctx.Done():
		f.discard()
	}
	return nil
}

// errHalted ends a read of the source that was asked to end; it is not returned to anybody.
var errHalted = errors.New("reading was asked to end")

// open opens the job's source at an offset, until reading is done. A retry then waits for
// its turn.
func (r *reader) open(ctx, reading context.Context, offset int64) (io.ReadCloser, error) {
	source := &r.heartbeat.source
	if r.pipeline.slot.retries {
		reading = object.WithFirstByteTimeout(reading, longPatience)
	}
	source.begin()
	rc, err := OpenSource(reading, r.pipeline.engine.objects, r.job, offset)
	source.end(0)
	if err != nil {
		return nil, err
	}
	b := &body{ReadCloser: rc, reader: r, source: source}
	if r.pipeline.slot.retries && !r.heartbeat.hasTurn() {
		if err = b.readFirst(); err == nil {
			err = r.pipeline.takeTurn(ctx)
		}
		if err != nil {
			_ = rc.Close() // it was only read from
			return nil, err
		}
	}
	if r.job.Checkpoint.Offset == 0 { // else it may take long to come to the checkpoint
		r.heartbeat.startSlice(time.Now())
	}
	return b, nil
}

// body is an open source that is read until the reading is to end.
type body struct {
	io.ReadCloser
	reader *reader
	source *pace
	first  []byte // was read already
	err    error  // comes after first
}

func (b *body) Read(p []byte) (int, error) {
	if b.reader.halted.Load() {
		return 0, errHalted
	}
	if len(b.first) > 0 {
		n := copy(p, b.first)
		b.first = b.first[n:]
		return n, nil
	}
	if b.err != nil {
		return 0, b.err
	}
	return b.read(p)
}

func (b *body) read(p []byte) (int, error) {
	if b.reader.cut.Load() {
		return 0, errHalted
	}
	b.source.begin()
	n, err := b.ReadCloser.Read(p)
	b.source.end(n)
	b.reader.pipeline.engine.metrics.read.Add(float64(n))
	return n, err
}
