package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/sluicehq/sluice/internal/backoff"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/guard"
	"github.com/sluicehq/sluice/internal/job"
)

// class is what an error means for a job.
type class uint8

const (
	permanent  class = iota // the job's own: it fails
	transient               // something is away or full: the job waits for it
	unexpected              // a bug, or nobody knows: a few more attempts are made
	taken                   // the job is not this engine's any more
)

// classify consults the kind that the backend gave the error, see toFault in pgstore and
// s3object, and ToFault in diskspace.
func classify(err error) class {
	switch fault.KindOf(err) {
	case fault.LeaseLost:
		return taken
	case fault.Internal:
		return unexpected
	case fault.Unavailable, fault.Throttled, fault.StorageFull, fault.DeadlineExceeded, fault.Canceled:
		return transient
	}
	return permanent
}

// maxFailures is how many attempts may end for an unexpected error before a job fails, if
// there is no progress between them.
const maxFailures = 5

// failure is why an attempt ended early.
type failure struct {
	err    error
	reason job.Reason
	id     string // of the log line about an unexpected error; empty for others
}

func newFailure(err error) *failure {
	f := &failure{err: err, reason: reasonOf(err)}
	if classify(err) == unexpected {
		var p *guard.Panic
		if f.id = rand.Text()[:12]; errors.As(err, &p) {
			f.id = p.ID // its stack is in the log already
		}
	}
	return f
}

func reasonOf(err error) job.Reason {
	var o *objectsError
	switch {
	case classify(err) == unexpected:
		return job.UnexpectedError
	case fault.Is(err, fault.StorageFull):
		return job.DiskFull
	case errors.As(err, &o):
		return job.StorageUnavailable
	}
	return job.DatabaseUnavailable
}

// summary is what the job keeps of the error, without what callers named.
func (f *failure) summary() string {
	if f.id != "" {
		return "internal error (id " + f.id + ")"
	}
	return fault.Message(f.err)
}

// cause is the error of a job that fails for an unexpected one.
func (f *failure) cause() error {
	return fault.New(fault.Broken, "internal error: the log of the server has the cause under id %s", f.id)
}

// firstPause is the pause after a first attempt.
const firstPause = time.Second / 2

// How long a job waits after attempts in a row. An unexpected error has few attempts, so
// they are further apart.
var (
	usualPauses      = backoff.Policy{First: firstPause, Max: time.Minute}
	unexpectedPauses = backoff.Policy{First: time.Second, Max: time.Minute, Factor: 4}
)

// pauseAfter is how long a job waits after so many attempts in a row.
func pauseAfter(attempts int, unexpected bool) time.Duration {
	if unexpected {
		return unexpectedPauses.Pause(attempts)
	}
	return usualPauses.Pause(attempts)
}

// objectsError is an error of the object store.
type objectsError struct{ error }

func (e *objectsError) Unwrap() error { return e.error }

func fromObjects(err error) error {
	if err == nil {
		return nil
	}
	return &objectsError{err}
}

// endEarly decides what becomes of the job when an attempt has ended with err.
func (a *attempt) endEarly(ctx context.Context, err error) (outcome, *failure) {
	var p *guard.Panic
	if cause := context.Cause(ctx); errors.As(cause, &p) {
		err = cause
	} else if errors.Is(cause, errSourceSilent) {
		return postponed, newFailure(cause)
	} else if errors.Is(cause, errGrace) {
		return released, nil
	} else if cause != nil {
		return lost, nil
	}
	switch c := classify(err); {
	case c == taken || c == permanent: // also the job or the list is gone
		return lost, nil
	case fault.Is(err, fault.StorageFull) && a.engine.options.Waits() != "":
		return released, nil // nothing is claimed for as long as it lasts
	case c == transient && a.isStopping():
		return released, nil
	}
	f := newFailure(err)
	if f.id == "" || a.job.Failures+1 < maxFailures || ctx.Err() != nil {
		return postponed, f
	}
	a.log.ErrorContext(ctx, "job failed after unexpected errors", "id", f.id, "error", err)
	out, err := a.fail(ctx, f)
	switch {
	case err == nil:
		return out, nil
	case classify(err) == taken:
		return lost, nil
	}
	return postponed, newFailure(err)
}

func (a *attempt) fail(ctx context.Context, f *failure) (out outcome, err error) {
	defer a.engine.options.Guard.Recover(guard.Attempt, &err)
	a.lastAttempt = true
	return a.finish(ctx, f.cause())
}

func (a *attempt) isStopping() bool {
	select {
	case <-a.stopping:
		return true
	default:
		return false
	}
}
