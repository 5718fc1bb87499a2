package engine

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

// buffer is a batch that is used again and again.
type buffer struct {
	store.Batch
	home chan *buffer // where it goes when it is free
}

// piece is a batch on its way from the reader to the commit.
type piece struct {
	through  record.Position
	ready    chan struct{} // closed when the rest is set
	prepared store.Prepared
	err      error
}

// discard waits for the piece and throws it away.
func (p *piece) discard() {
	<-p.ready
	if p.prepared != nil {
		p.prepared.Discard()
	}
}

// A batch of fewer records is prepared at once. It costs next to nothing, and a small
// job shall not wait behind a large one's batches.
const fewRecords = 4096

// pump reads from the checkpoint and commits batch after batch. It returns true at
// the end of the source and false when the reading was only interrupted; either way
// and whatever broke, all that was read before has been committed, unless the error
// is that of a commit.
func (r *run) pump(ctx context.Context) (through bool, err error) {
	rule, err := r.rule(ctx)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	in := &reader{run: r, rule: rule, out: make(chan *piece, cap(r.engine.preparing))}
	var working sync.WaitGroup
	working.Go(func() {
		defer close(in.out)
		through, err = in.read(ctx, &working)
	})
	broke := r.commitAll(ctx, in.out)
	if broke != nil {
		cancel(broke)
		for p := range in.out {
			p.discard()
		}
	}
	working.Wait()
	if broke != nil {
		return false, broke
	}
	return through, err
}

// rule returns what decides the job's records, by the list as it is now.
func (r *run) rule(ctx context.Context) (destination.Rule, error) {
	d := r.job.Destination
	list, err := r.engine.store.List(ctx, store.ListRef{Owner: r.job.Owner, Kind: d.Kind, ID: d.List})
	if err != nil {
		return nil, err
	}
	return destination.NewRule(destination.Target{Kind: d.Kind, Action: d.Action, Job: string(r.job.ID), Config: list.Config})
}

// commitAll commits the pieces in their order.
func (r *run) commitAll(ctx context.Context, pieces <-chan *piece) error {
	for p := range pieces {
		if err := r.commit(ctx, p); err != nil {
			p.discard()
			return err
		}
	}
	return nil
}

func (r *run) commit(ctx context.Context, p *piece) error {
	select {
	case <-p.ready:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if p.err != nil {
		return p.err
	}
	began := time.Now()
	counts, err := r.engine.store.Commit(ctx, r.lease.now(), p.prepared)
	if err != nil {
		return err
	}
	m := r.engine.metrics
	m.commit.Observe(time.Since(began).Seconds())
	m.batches.Inc()
	m.committed(r.job.Destination.Kind, r.job.Counts, counts)
	r.job.Counts, r.job.Checkpoint = counts, p.through
	return nil
}

// reader is the serial part of the work: it turns the source into batches and sends
// them on, each with a goroutine that prepares it.
type reader struct {
	*run
	rule  destination.Rule
	dec   *record.Decoder
	batch *buffer     // being filled; nil if the next record needs one
	born  int64       // the beat at which batch was taken
	sent  bool        // a batch of this reading has been
	halt  atomic.Bool // read no more, for a look per record
	out   chan *piece
}

// read reads until the source ends, breaks, or reading is to end. What was read is
// sent on, whatever came behind it.
func (in *reader) read(ctx context.Context, working *sync.WaitGroup) (through bool, err error) {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	working.Go(func() {
		select {
		case <-in.ending:
		case <-reading.Done():
		}
		in.halt.Store(true)
		stop()
	})

	began := time.Now()
	from := func(offset int64) (io.ReadCloser, error) { return in.open(reading, offset) }
	in.dec, err = record.Open(from, in.job.Source.Format, in.rule.Schema(in.job.Source.Format), in.job.Checkpoint)
	if err != nil {
		return false, in.why(ctx, err)
	}
	defer func() { _ = in.dec.Close() }() // all that it could tell has been told
	in.startSlice(began)

	through, err = in.fill(ctx, working)
	if err != nil {
		err = in.why(ctx, err)
	}
	if in.batch != nil {
		in.send(ctx, working)
	}
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	return through, err
}

// fill puts records into batches until the source ends or breaks, or no more is to be
// read. It leaves the last batch, if there is one, to be sent.
func (in *reader) fill(ctx context.Context, working *sync.WaitGroup) (through bool, err error) {
	d := in.job.Destination
	most := in.engine.options.Limits.Records[Target{d.Kind, d.Action}]
	for rec, err := range in.dec.Records() {
		if err != nil {
			return false, err
		}
		if most > 0 && rec.Number > most {
			return false, fault.New(fault.LimitExceeded, "the source holds more than %d records, the most that one job may import", most)
		}
		if in.batch == nil && !in.take(ctx) {
			return false, nil
		}
		in.batch.Add(rec, in.rule)
		// The decoder's position is behind rec now. A batch goes on with that
		// position, so nothing may come between the two.
		if in.full() || rec.Number == most {
			in.send(ctx, working)
			if in.yield.Load() {
				return false, nil
			}
		}
		if in.halt.Load() {
			return false, nil
		}
	}
	return true, nil
}

// why tells what ended the reading early: nil if it was told to end.
func (in *reader) why(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case in.halt.Load():
		return nil
	}
	return err
}

// startSlice sets how long the job has its place while others wait. What must be read
// again each time before the first record comes shall not be most of the work.
func (in *reader) startSlice(began time.Time) {
	now := time.Now()
	until := now.Add(max(in.place.slice, 4*now.Sub(began)))
	in.sliceEnd.Store(&until)
}

// take waits for a free batch.
func (in *reader) take(ctx context.Context) bool {
	select {
	case in.batch = <-in.place.own:
	case in.batch = <-in.engine.spare:
	case <-ctx.Done():
		return false
	case <-in.ending:
		return false
	}
	in.born = in.beats.Load()
	if in.job.Destination.Action == destination.Put {
		in.batch.MaxMembers = in.engine.options.Limits.Members[in.job.Destination.Kind]
	}
	in.batch.Claims = destination.Claims(in.job.Destination.Kind)
	return true
}

// full reports whether the batch should be sent: it holds enough, or has waited for
// more records so long that counts would stand still. The first of all is not given
// time to fill, so that a caller soon sees how it goes.
func (in *reader) full() bool {
	patience := int64(2)
	if !in.sent {
		patience = 1
	}
	most := in.engine.options.BatchRecords
	return in.batch.Full() || in.beats.Load()-in.born >= patience || (most > 0 && in.batch.size() >= most)
}

func (b *buffer) size() int { return b.Changes() + b.Rejects() }

// send passes the batch on, to be prepared at once and committed in its turn.
func (in *reader) send(ctx context.Context, working *sync.WaitGroup) {
	b := in.batch
	in.batch, in.sent = nil, true
	b.Through, b.At = in.dec.Position(), time.Now()
	p := &piece{through: b.Through, ready: make(chan struct{})}
	working.Go(func() { in.prepare(ctx, b, p) })
	select {
	case in.out <- p:
	case <-ctx.Done():
		p.discard()
	}
}

func (in *reader) prepare(ctx context.Context, b *buffer, p *piece) {
	defer close(p.ready)
	defer func() {
		b.Reset()
		b.home <- b
	}()
	if b.size() >= fewRecords {
		select {
		case in.engine.preparing <- struct{}{}:
			defer func() { <-in.engine.preparing }()
		case <-ctx.Done():
			p.err = context.Cause(ctx)
			return
		}
	}
	p.prepared, p.err = in.engine.store.Prepare(ctx, in.lease.now(), &b.Batch)
}
