package engine

import (
	"context"
	"log/slog"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
)

// outcome is how an attempt ended: the job's final state, or one of these.
type outcome string

const (
	released  outcome = "released"  // to go on later: others wait, or Run is to end
	abandoned outcome = "abandoned" // a store does not answer; the lease is left to run out, which is the pause before the next attempt
	lost      outcome = "lost"      // another engine has it, or it was stopped
)

// logStart logs that the work begins, once.
func (a *attempt) logStart(ctx context.Context) {
	if a.logged {
		return
	}
	a.logged = true
	if c := a.job.Checkpoint; c.Record > 0 {
		a.log.InfoContext(ctx, "job resumed", "record", c.Record)
		return
	}
	a.log.InfoContext(ctx, "job started", "bytes", a.job.Source.Size)
}

// end gives up what the attempt held of the job, and logs how it ended.
func (a *attempt) end(ctx context.Context, out outcome) {
	switch out {
	case released:
		if err := a.engine.store.Release(ctx, a.lease.current()); err != nil && !fault.Is(err, fault.LeaseLost) && !fault.Is(err, fault.StorageFull) {
			a.log.WarnContext(ctx, "lease left to run out", "error", err)
		}
	case lost:
		// If nobody has had it since, the caller stopped it, or our Finish was not answered.
		j, err := a.engine.store.Job(ctx, a.job.Owner, a.job.ID)
		if err == nil && j.State.Final() && j.Lease.Term == a.lease.current().Term {
			out, a.job = outcome(j.State), j
		}
	}
	if a.job.State.Final() { // nobody will read the source again
		if err := a.engine.objects.Release(ctx, string(a.job.ID)); err != nil {
			a.log.WarnContext(ctx, "source still held", "error", err)
		}
	}
	a.engine.metrics.jobs.WithLabelValues(string(out)).Inc()
	a.logEnd(ctx, out)
}

func (a *attempt) logEnd(ctx context.Context, out outcome) {
	level := slog.LevelInfo
	if out == released && !a.logged {
		level = slog.LevelDebug // it was only looked at
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
