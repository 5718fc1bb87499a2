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
	"github.com/sluicehq/sluice/internal/redact"
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

	job         job.Job // as far as this engine knows: counts and checkpoint move with its commits
	lastAttempt bool    // the job fails, also if its report cannot be written

	report object.Name // that it began to write; zero if none

	stopping <-chan struct{} // closed when Run is to end
}

// guardedAttempt is attempt for a goroutine of its own. After a panic outside of what
// recovers its own the lease runs out, and the job is claimed again.
func (e *Engine) guardedAttempt(ctx context.Context, s *slot, j job.Job, asked time.Time) {
	var panicked error // it was logged
	defer e.options.Guard.Recover(guard.Attempt, &panicked)
	e.attempt(ctx, s, j, asked)
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
		heartbeat: newHeartbeat(e, s, l),
		log:       redact.New(j.Source.Key).Logger(e.log).With("job", string(j.ID), "account", j.Owner.Account, "api", string(j.Wire)),
	}

	var background sync.WaitGroup
	background.Go(func() { a.heartbeat.run(holding, lose) })
	background.Go(func() { a.limitGrace(ctx, holding, lose) })
	defer a.leaveRetries()
	letGo := func() {
		lose(nil)
		background.Wait()
		l.over.Stop()
	}
	defer letGo() // also after a panic
	out, err := a.try(holding)
	var f *failure
	if err != nil {
		out, f = a.endEarly(holding, err)
	}
	letGo()

	// The end gets a little time of its own, since holding is over: a lease that is given
	// up lets others go on at once.
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.options.Grace)
	defer cancel()
	a.end(ending, out, f)
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

// try takes the job from its checkpoint to its end, if nothing comes between. An
// error that does not fail the job is returned.
func (a *attempt) try(ctx context.Context) (out outcome, err error) {
	defer a.engine.options.Guard.Recover(guard.Attempt, &err)
	err = a.bind(ctx)
	if err == nil {
		if a.slot.maxSource > 0 && a.job.Source.Size > a.slot.maxSource {
			return released, nil // the size was not known before
		}
		a.logStart(ctx)
		var eof bool
		before := a.job.Checkpoint
		if eof, err = a.importRecords(ctx); err == nil && !eof {
			return a.endReading(a.job.Checkpoint != before)
		}
	}
	if err != nil && classify(err) != permanent {
		return "", err
	}
	return a.finish(ctx, err)
}

// endReading decides what becomes of the job when its reading was asked to end. A source
// that is slow is no reason to try at once again, and neither is a turn without progress.
func (a *attempt) endReading(progress bool) (outcome, error) {
	why, isCut := a.heartbeat.isCut()
	if isCut && (!progress || errors.Is(why, errSourceSlow)) {
		return "", why
	}
	return released, nil
}

// bind binds the job to the bytes that are at its source now, unless it is bound
// already.
func (a *attempt) bind(ctx context.Context) error {
	src := a.job.Source
	if src.Version == "" {
		name := sourceName(a.job)
		holding, stop := a.untilStopping(ctx)
		a.heartbeat.source.begin()
		info, err := a.engine.objects.Hold(holding, name, string(a.job.ID))
		a.heartbeat.source.end(0)
		stop()
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.NotFound, "%s does not exist", name.URL())
		}
		if err != nil {
			return fromObjects(err)
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

// untilStopping returns a context that ends when Run is to end, for what need not come to an
// end then.
func (a *attempt) untilStopping(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		select {
		case <-a.stopping:
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

func sourceName(j job.Job) object.Name {
	return object.Name{Account: j.Owner.Account, Bucket: j.Source.Bucket, Key: j.Source.Key}
}

// finish ends the job: completed, or failed for cause, which its caller can read. If it
// is interrupted after the report, the report is written again.
func (a *attempt) finish(ctx context.Context, cause error) (outcome, error) {
	if err := a.takeTurn(ctx); errors.Is(err, errHalted) {
		return released, nil
	} else if err != nil {
		return "", err
	}
	o := store.Outcome{State: job.Completed}
	if cause != nil {
		o = store.Outcome{State: job.Failed, Error: fault.Message(cause)}
	}
	if remark := a.remark(cause); remark != "" || a.job.Counts.Rejected > 0 {
		name, err := a.writeReport(ctx, remark)
		switch {
		case err == nil:
			o.Report = name.Key
		case classify(err) != permanent && !(a.lastAttempt && classify(err) == unexpected):
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
