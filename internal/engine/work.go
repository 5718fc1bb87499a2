package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/store"
)

// errGrace ends what is still in flight some time after Run was told to end.
var errGrace = errors.New("the time to end in order is over")

// run is the work on one job, from its claim until its worker is done with it.
type run struct {
	engine *Engine
	place  *place
	lease  *lease
	log    *slog.Logger
	since  time.Time
	told   bool // that it started

	job   job.Job // as far as this worker knows: counts and checkpoint move with its commits
	stale bool    // the store may know more of the job, because a call to it failed

	ending   <-chan struct{}           // closed when Run is to end
	yield    atomic.Bool               // end with the batch: somebody waits for the place
	beats    atomic.Int64              // of the lease's keeper; the reader tells a batch's age by them
	sliceEnd atomic.Pointer[time.Time] // when to look whether somebody waits; nil until records come
}

// outcome is how a worker comes to be done with a job: the job's final state, or one
// of these.
type outcome string

const (
	released  outcome = "released"  // to go on later: others wait, or Run is to end
	abandoned outcome = "abandoned" // a store does not answer; the lease is left to run out, which is the pause before the next try
	lost      outcome = "lost"      // another worker has it, or has ended it
)

// work does a claimed job, as far as it gets. The lease was asked for at asked.
func (e *Engine) work(ctx context.Context, p *place, j job.Job, asked time.Time) {
	e.metrics.running.Inc()
	defer e.metrics.running.Dec()

	// What is in flight goes on when ctx ends; only reading stops with it.
	holding, lose := context.WithCancelCause(context.WithoutCancel(ctx))
	r := &run{
		engine: e, place: p, job: j, since: time.Now(), ending: ctx.Done(),
		lease: newLease(j.Lease, e.options.Lease, asked, func() { lose(errLeaseOver) }),
		log:   e.log.With("job", string(j.ID), "account", j.Owner.Account, "wire", string(j.Wire)),
	}

	var keepers sync.WaitGroup
	keepers.Go(func() { r.keep(holding, lose) })
	keepers.Go(func() { r.limitGrace(ctx, holding, lose) })
	out := r.persist(holding)
	lose(nil)
	keepers.Wait()
	r.lease.over.Stop()

	// A little time of its own, since holding is over: to let go is what makes ends short.
	rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.options.Grace)
	defer cancel()
	r.leave(rest, out)
}

// limitGrace cuts off what is still in flight when the grace after the end of ctx is
// over.
func (r *run) limitGrace(ctx, holding context.Context, lose context.CancelCauseFunc) {
	select {
	case <-holding.Done():
		return
	case <-ctx.Done():
	}
	grace := time.NewTimer(r.engine.options.Grace)
	defer grace.Stop()
	select {
	case <-holding.Done():
	case <-grace.C:
		lose(errGrace)
	}
}

// How long trouble with a store is borne in place, before the place is given to
// another job: about three seconds.
const (
	tries      = 6
	firstPause = 100 * time.Millisecond
)

// persist tries the job until it is done, lost or has failed too often in a row
// without getting on.
func (r *run) persist(ctx context.Context) outcome {
	pause, left := firstPause, tries
	for {
		from := r.job.Checkpoint.Record
		out, err := r.once(ctx)
		switch {
		case err == nil:
			return out
		case context.Cause(ctx) == errGrace: //nolint:errorlint // the cause itself
			return released
		case ctx.Err() != nil || !passing(err):
			return lost
		case fault.Is(err, fault.StorageFull) && r.engine.options.Waits() != "":
			return released
		}
		if r.job.Checkpoint.Record > from {
			pause, left = firstPause, tries
		}
		r.stale = true
		r.engine.metrics.retries.Inc()
		left--
		if left == 0 {
			r.log.ErrorContext(ctx, "job abandoned for a while", "error", err)
			return abandoned
		}
		r.log.WarnContext(ctx, "job interrupted", "error", err)
		select {
		case <-time.After(pause):
			pause *= 2
		case <-ctx.Done():
		case <-r.ending: // one more try would only lengthen the end
			return released
		}
	}
}

// passing reports whether err may be gone the next time.
func passing(err error) bool {
	switch fault.KindOf(err) {
	case fault.Internal, fault.Unavailable, fault.Throttled, fault.StorageFull, fault.Canceled, fault.DeadlineExceeded:
		return true
	}
	return false
}

// once takes the job from its checkpoint to its end, if nothing comes between. An
// error that is not the job's own, see ends, is returned.
func (r *run) once(ctx context.Context) (outcome, error) {
	if err := r.reload(ctx); err != nil {
		return "", err
	}
	err := r.bind(ctx)
	if err == nil {
		if r.place.max > 0 && r.job.Source.Size > r.place.max {
			return released, nil // the size was not known before
		}
		r.tell(ctx)
		var through bool
		if through, err = r.pump(ctx); err == nil && !through {
			return released, nil
		}
	}
	if err != nil && !ends(err) {
		return "", err
	}
	return r.finish(ctx, err)
}

// ends reports whether err, met while importing, is the job's own and fails it.
func ends(err error) bool { return !passing(err) && !fault.Is(err, fault.LeaseLost) }

// reload asks the store how far the job is, if a failed call may have done its work
// all the same.
func (r *run) reload(ctx context.Context) error {
	if !r.stale {
		return nil
	}
	j, err := r.engine.store.Job(ctx, r.job.Owner, r.job.ID)
	if err != nil {
		return err
	}
	if err := r.ours(j); err != nil {
		return err
	}
	r.engine.metrics.committed(j.Destination.Kind, r.job.Counts, j.Counts)
	r.job, r.stale = j, false
	return nil
}

// bind ties the job to the bytes that lie at its source now, unless it is tied
// already.
func (r *run) bind(ctx context.Context) error {
	src := r.job.Source
	if src.Version == "" {
		info, err := r.engine.objects.Hold(ctx, r.source(), string(r.job.ID))
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.NotFound, "%s does not exist", r.source().URL())
		}
		if err != nil {
			return err
		}
		src.Version, src.ETag, src.Size = info.Version, info.ETag, info.Size
	} else if r.job.State == job.Processing {
		return nil
	}
	j, err := r.engine.store.Begin(ctx, r.lease.now(), src)
	if err != nil {
		return err
	}
	r.job = j
	return nil
}

func (r *run) source() object.Name {
	return object.Name{Account: r.job.Owner.Account, Bucket: r.job.Source.Bucket, Key: r.job.Source.Key}
}

// finish ends the job: completed, or failed for cause, which is told to the caller.
// If it is interrupted after the report, the report is written again.
func (r *run) finish(ctx context.Context, cause error) (outcome, error) {
	o := store.Outcome{State: job.Completed}
	if cause != nil {
		o = store.Outcome{State: job.Failed, Error: fault.Message(cause)}
	}
	if remark := r.remark(cause); remark != "" || r.job.Counts.Rejected > 0 {
		name, err := r.report(ctx, remark)
		switch {
		case err == nil:
			o.Report = name.Key
		case !ends(err):
			return "", err
		default: // there is no place for it, now or later: the job shall end all the same
			r.log.ErrorContext(ctx, "report not written", "error", err)
		}
	}
	j, err := r.engine.store.Finish(ctx, r.lease.now(), o)
	if err != nil {
		return "", err
	}
	r.job = j
	return outcome(j.State), nil
}

// tell logs that the work begins, once.
func (r *run) tell(ctx context.Context) {
	if r.told {
		return
	}
	r.told = true
	if c := r.job.Checkpoint; c.Record > 0 {
		r.log.InfoContext(ctx, "job resumed", "record", c.Record)
		return
	}
	r.log.InfoContext(ctx, "job started", "bytes", r.job.Source.Size)
}

// leave lets go of what the worker held for the job, and says how it went.
func (r *run) leave(ctx context.Context, out outcome) {
	switch out {
	case released:
		if err := r.engine.store.Release(ctx, r.lease.now()); err != nil && !fault.Is(err, fault.LeaseLost) && !fault.Is(err, fault.StorageFull) {
			r.log.WarnContext(ctx, "lease left to run out", "error", err)
		}
	case lost:
		// Nobody has had it since: the caller stopped it, or our Finish was not answered.
		j, err := r.engine.store.Job(ctx, r.job.Owner, r.job.ID)
		if err == nil && j.State.Final() && j.Lease.Term == r.lease.now().Term {
			out, r.job = outcome(j.State), j
		}
	}
	if r.job.State.Final() { // nobody will read the source again
		if err := r.engine.objects.Release(ctx, string(r.job.ID)); err != nil {
			r.log.WarnContext(ctx, "source still held", "error", err)
		}
	}
	r.engine.metrics.jobs.WithLabelValues(string(out)).Inc()
	level := slog.LevelInfo
	if out == released && !r.told {
		level = slog.LevelDebug // it was only looked at
	}
	attrs := []slog.Attr{
		slog.Int64("imported", r.job.Counts.Imported), slog.Int64("rejected", r.job.Counts.Rejected),
		slog.Float64("seconds", time.Since(r.since).Seconds()),
	}
	if r.job.Error != "" {
		attrs = append(attrs, slog.String("reason", r.job.Error))
	}
	r.log.LogAttrs(ctx, level, "job "+string(out), attrs...)
}
