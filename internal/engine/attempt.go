package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/guard"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/store"
)

// errGrace ends what is still in flight some time after Run was asked to end.
var errGrace = errors.New("the grace period is over")

// attempt is the work on one job, from its claim until its lease is given up.
type attempt struct {
	engine    *Engine
	slot      *slot
	lease     *lease
	heartbeat *heartbeat
	log       *slog.Logger
	began     time.Time
	logged    bool // that it began

	job   job.Job // as far as this engine knows: counts and checkpoint move with its commits
	stale bool    // the store may know more of the job, because a call to it failed

	stopping <-chan struct{} // closed when Run is to end
}

// attempt works on a claimed job until it is done or has to be given up. The lease was
// asked for at asked.
func (e *Engine) attempt(ctx context.Context, s *slot, j job.Job, asked time.Time) {
	e.metrics.running.Inc()
	defer e.metrics.running.Dec()

	// What is in flight goes on when ctx ends; only reading stops with it.
	holding, lose := context.WithCancelCause(context.WithoutCancel(ctx))
	l := newLease(j.Lease, e.options.Lease, asked, func() { lose(errLeaseOver) })
	a := &attempt{
		engine: e, slot: s, job: j, began: time.Now(), stopping: ctx.Done(), lease: l,
		heartbeat: &heartbeat{engine: e, slot: s, lease: l},
		log:       withoutKey(e.log, j.Source.Key).With("job", string(j.ID), "account", j.Owner.Account, "wire", string(j.Wire)),
	}

	var background sync.WaitGroup
	background.Go(func() { a.heartbeat.run(holding, lose) })
	background.Go(func() { a.limitGrace(ctx, holding, lose) })
	out := a.runWithRetry(holding)
	lose(nil)
	background.Wait()
	l.over.Stop()

	// The end gets a little time of its own, since holding is over: a lease that is given
	// up lets others go on at once.
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.options.Grace)
	defer cancel()
	a.end(ending, out)
}

// limitGrace cuts off what is still in flight when the grace after the end of ctx is
// over.
func (a *attempt) limitGrace(ctx, holding context.Context, lose context.CancelCauseFunc) {
	select {
	case <-holding.Done():
		return
	case <-ctx.Done():
	}
	grace := time.NewTimer(a.engine.options.Grace)
	defer grace.Stop()
	select {
	case <-holding.Done():
	case <-grace.C:
		lose(errGrace)
	}
}

// How long trouble with a store is borne in the slot, before the slot is given to
// another job: about three seconds.
const (
	maxTries   = 6
	firstPause = 100 * time.Millisecond
)

// runWithRetry tries the job until it is done, lost or has failed too often in a row
// without progress.
func (a *attempt) runWithRetry(ctx context.Context) outcome {
	pause, left := firstPause, maxTries
	for {
		from := a.job.Checkpoint.Record
		out, err := a.try(ctx)
		switch {
		case err == nil:
			return out
		case context.Cause(ctx) == errGrace: //nolint:errorlint // the cause itself
			return released
		case ctx.Err() != nil || !isTransient(err):
			return lost
		case fault.Is(err, fault.StorageFull) && a.engine.options.Waits() != "":
			return released
		}
		if a.job.Checkpoint.Record > from {
			pause, left = firstPause, maxTries
		}
		a.stale = true
		a.engine.metrics.retries.Inc()
		left--
		if left == 0 {
			a.log.ErrorContext(ctx, "job abandoned for a while", "error", err)
			return abandoned
		}
		a.log.WarnContext(ctx, "job interrupted", "error", err)
		select {
		case <-time.After(pause):
			pause *= 2
		case <-ctx.Done():
		case <-a.stopping: // one more try would only lengthen the end
			return released
		}
	}
}

// isTransient reports whether err may be gone the next time.
func isTransient(err error) bool {
	switch fault.KindOf(err) {
	case fault.Internal, fault.Unavailable, fault.Throttled, fault.StorageFull:
		return true
	}
	return false
}

// isPermanent reports whether err, met while importing, is the job's own and fails it.
func isPermanent(err error) bool { return !isTransient(err) && !fault.Is(err, fault.LeaseLost) }

// try takes the job from its checkpoint to its end, if nothing comes between. An
// error that is not permanent is returned.
func (a *attempt) try(ctx context.Context) (out outcome, err error) {
	defer a.engine.options.Guard.Recover(guard.Attempt, &err)
	if err := a.reload(ctx); err != nil {
		return "", err
	}
	err = a.bind(ctx)
	if err == nil {
		if a.slot.maxSource > 0 && a.job.Source.Size > a.slot.maxSource {
			return released, nil // the size was not known before
		}
		a.logStart(ctx)
		var eof bool
		if eof, err = a.importRecords(ctx); err == nil && !eof {
			return released, nil
		}
	}
	if err != nil && !isPermanent(err) {
		return "", err
	}
	return a.finish(ctx, err)
}

// reload asks the store how far the job is, if a failed call may have done its work
// all the same.
func (a *attempt) reload(ctx context.Context) error {
	if !a.stale {
		return nil
	}
	j, err := a.engine.store.Job(ctx, a.job.Owner, a.job.ID)
	if err != nil {
		return err
	}
	if err := a.lease.check(j); err != nil {
		return err
	}
	a.engine.metrics.committed(j.Destination.Kind, a.job.Counts, j.Counts)
	a.job, a.stale = j, false
	return nil
}

// bind binds the job to the bytes that are at its source now, unless it is bound
// already.
func (a *attempt) bind(ctx context.Context) error {
	src := a.job.Source
	if src.Version == "" {
		name := sourceName(a.job)
		info, err := a.engine.objects.Hold(ctx, name, string(a.job.ID))
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.NotFound, "%s does not exist", name.URL())
		}
		if err != nil {
			return err
		}
		src.Version, src.ETag, src.Size = info.Version, info.ETag, info.Size
	} else if a.job.State == job.Processing {
		return nil
	}
	j, err := a.engine.store.Begin(ctx, a.lease.current(), src)
	if err != nil {
		return err
	}
	a.job = j
	return nil
}

func sourceName(j job.Job) object.Name {
	return object.Name{Account: j.Owner.Account, Bucket: j.Source.Bucket, Key: j.Source.Key}
}

// finish ends the job: completed, or failed for cause, which its caller can read. If it
// is interrupted after the report, the report is written again.
func (a *attempt) finish(ctx context.Context, cause error) (outcome, error) {
	o := store.Outcome{State: job.Completed}
	if cause != nil {
		o = store.Outcome{State: job.Failed, Error: fault.Message(cause)}
	}
	if remark := a.remark(cause); remark != "" || a.job.Counts.Rejected > 0 {
		name, err := a.writeReport(ctx, remark)
		switch {
		case err == nil:
			o.Report = name.Key
		case !isPermanent(err):
			return "", err
		default: // it cannot be written, now or later: the job ends all the same
			a.log.ErrorContext(ctx, "report not written", "error", err)
		}
	}
	j, err := a.engine.store.Finish(ctx, a.lease.current(), o)
	if err != nil {
		return "", err
	}
	a.job = j
	return outcome(j.State), nil
}
