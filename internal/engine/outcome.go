package engine

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/guard"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/store"
)

// outcome is how an attempt ended: the job's final state, or one of these.
type outcome string

const (
	released  outcome = "released"  // to go on later: others wait, or Run is to end
	postponed outcome = "postponed" // the attempt ended early, and another is made after a pause
	lost      outcome = "lost"      // another engine has it, or it was stopped
)

// logStart logs that the work begins, once.
func (a *attempt) logStart(ctx context.Context) {
	if a.logged {
		return
	}
	a.logged = true
	level := slog.LevelInfo
	if a.job.Attempts > 0 {
		level = slog.LevelDebug // that it waits was logged
	}
	if c := a.job.Checkpoint; c.Offset > 0 {
		a.log.Log(ctx, level, "job resumed", "record", c.Record)
		return
	}
	a.log.Log(ctx, level, "job started", "bytes", a.job.Source.Size)
}

// end gives up what the attempt held of the job, and logs how it ended.
func (a *attempt) end(ctx context.Context, out outcome, f *failure) {
	var err error
	switch out {
	case released:
		err = a.engine.store.Release(ctx, a.lease.current())
	case postponed:
		if err = a.postpone(ctx, f); fault.Is(err, fault.LeaseLost) {
			out = lost
		}
	}
	if err != nil && !fault.Is(err, fault.LeaseLost) && !fault.Is(err, fault.StorageFull) {
		a.log.WarnContext(ctx, "lease left to run out", "error", err)
	}
	if out == lost {
		// If nobody has had it since, the caller stopped it, or our Finish was not answered.
		j, err := a.engine.store.Job(ctx, a.job.Owner, a.job.ID)
		if err == nil && j.State.Final() && j.Lease.Term == a.lease.current().Term {
			out, a.job = outcome(j.State), j
		}
	}
	if a.job.State.Final() { // nobody will read the source again
		if err := a.engine.objects.Release(ctx, string(a.job.ID)); err != nil {
			a.log.DebugContext(ctx, "source not released, maintenance will", "error", err)
		}
	}
	a.dropReport(ctx)
	a.engine.metrics.jobs.WithLabelValues(string(out)).Inc()
	a.logEnd(ctx, out)
}

// dropReport deletes the report that this attempt wrote if the job does not name it: the
// job was stopped meanwhile, or the lease was lost. What it leaves, maintenance deletes.
func (a *attempt) dropReport(ctx context.Context) {
	if a.report == (object.Name{}) || a.job.Report == a.report.Key {
		return
	}
	j, err := a.engine.store.Job(ctx, a.job.Owner, a.job.ID)
	switch {
	case err == nil && j.Report == a.report.Key: // Finish was done and not answered
		return
	case err == nil && !j.State.Final() && j.Lease.Term == a.lease.current().Term: // it may yet be done
		return
	case err == nil || fault.Is(err, fault.NotFound):
		err = a.engine.objects.Delete(ctx, a.report)
	}
	if err != nil {
		a.log.DebugContext(ctx, "report without a job not deleted, maintenance will", "error", err)
	}
}

func (a *attempt) logEnd(ctx context.Context, out outcome) {
	level := slog.LevelInfo
	if out == released && !a.logged || out == postponed {
		level = slog.LevelDebug // it was only looked at, or that it waits was logged
	}
	attrs := []slog.Attr{
		slog.Int64("imported", a.job.Counts.Imported), slog.Int64("rejected", a.job.Counts.Rejected),
		slog.Float64("duration_seconds", time.Since(a.began).Seconds()),
	}
	if a.job.Error != "" {
		attrs = append(attrs, slog.String("reason", a.job.Error))
	}
	a.log.LogAttrs(ctx, level, "job "+string(out), attrs...)
}

// postpone gives the job up until a pause is over, and logs why it waits, once for each
// reason.
func (a *attempt) postpone(ctx context.Context, f *failure) error {
	e, isUnexpected := a.engine, f.id != ""
	pause := store.Pause{
		Reason: f.reason, Error: f.summary(), Failed: isUnexpected,
		For: pauseAfter(a.job.Attempts+1, isUnexpected),
	}
	if !isUnexpected { // an attempt that has waited for its source was a pause too
		pause.For = max(pause.For-time.Since(a.began), firstPause)
	}
	if e.options.Shared { // it may be this engine alone that is cut off
		pause.Avoid = e.options.Lease
		if f.reason == job.StorageUnavailable {
			e.suspectObjects()
			defer e.checkObjects(ctx) // after the job has been given up, because it takes time
		}
	}
	e.metrics.retries.Inc()
	if isUnexpected {
		a.log.ErrorContext(ctx, "job attempt failed", "id", f.id, "attempt", a.job.Attempts+1, "error", f.err)
	} else if a.job.Waiting.Reason != f.reason {
		a.log.WarnContext(ctx, "job waits", "reason", string(f.reason), "error", f.err)
	}
	return e.store.Postpone(ctx, a.lease.current(), pause)
}

// objectsCheck is when the object storage was last asked whether it answers.
type objectsCheck struct {
	mu   sync.Mutex // held while it is asked
	last atomic.Pointer[time.Time]
}

func (c *objectsCheck) isRecent() bool {
	last := c.last.Load()
	return last != nil && time.Since(*last) < pingAgain
}

const (
	pingTime  = 2 * time.Second // how long the object storage may take to answer
	pingAgain = time.Second     // how old an answer may be
)

// suspectObjects takes the engine for cut off until checkObjects has found out, so that it
// does not claim the job again meanwhile.
func (e *Engine) suspectObjects() {
	if !e.objectsUp.isRecent() {
		e.cutOff.Store(true)
	}
}

// checkObjects finds out whether this engine is cut off from the object storage, after a
// source was not available: one bucket of a caller can be away while all others answer.
func (e *Engine) checkObjects(ctx context.Context) {
	e.objectsUp.mu.Lock()
	defer e.objectsUp.mu.Unlock()
	e.pingObjects(ctx)
}

// recheckObjects is checkObjects unless another goroutine is about it. No source need fail
// for it: an engine that is cut off has none where jobs are left to others.
func (e *Engine) recheckObjects(ctx context.Context) {
	var panicked error // it was logged
	defer e.options.Guard.Recover(guard.Claim, &panicked)
	if e.objectsUp.mu.TryLock() {
		defer e.objectsUp.mu.Unlock()
		e.pingObjects(ctx)
	}
}

// pingObjects asks for the server's own bucket. The caller holds the lock of objectsUp.
func (e *Engine) pingObjects(ctx context.Context) {
	c := &e.objectsUp
	if e.options.PingObjects == nil || c.isRecent() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	err := e.options.PingObjects(ctx)
	now := time.Now()
	c.last.Store(&now)
	if e.cutOff.Store(err != nil); err == nil {
		e.Wake() // for jobs that were left to others
	}
}
