package pgstore

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

const (
	sqlUnfinished = `SELECT count(*) FROM (SELECT 1 FROM jobs
		WHERE account = $1 AND region = $2 AND wire = $3 AND state IN ('created', 'processing') LIMIT $4) AS unfinished`

	sqlDeleteJob = `DELETE FROM jobs WHERE account = $1 AND region = $2 AND id = $3`
	sqlGarbage   = `INSERT INTO garbage (part, number, since) VALUES ($1, $2, clock_timestamp())`

	sqlNow = `SELECT coalesce($1::timestamptz, clock_timestamp())`
)

// CreateJob implements store.Jobs.
func (s *Store) CreateJob(ctx context.Context, j job.Job, once store.Once, unfinished int) (job.Job, error) {
	var made job.Job
	err := s.transact(ctx, func(ctx context.Context, a *attempt) error {
		if err := a.lock(ctx, "jobs", j.Owner, string(j.Wire)); err != nil {
			return err
		}
		// The list must not be deleted with its jobs before this one is there.
		if err := a.lock(ctx, "lists", j.Owner, string(j.Destination.Kind)); err != nil {
			return err
		}
		t := clientToken{owner: j.Owner, thing: "job", kind: string(j.Wire), Once: once}
		id, ok, err := t.find(ctx, a)
		if ok || fault.Is(err, fault.Conflict) {
			purged, failed := a.purgeDeleted(ctx, j.Owner, job.ID(id))
			if failed != nil {
				return failed
			}
			if purged {
				ok, err = false, nil
			}
		}
		if err != nil {
			return err
		}
		if ok {
			row, err := jobBy(ctx, a, sqlJob, j.Owner, job.ID(id))
			if err == nil {
				made = row.Job
				return nil
			}
			if !fault.Is(err, fault.NotFound) {
				return err
			}
			// Since the token was read it has been deleted, together with its job.
		}
		switch row, err := storedJob(ctx, a, sqlJob, j.Owner, j.ID); {
		case err == nil && row.deleted:
			if err := a.removeJob(ctx, row); err != nil {
				return err
			}
		case err == nil && row.callerOp != nil && *row.callerOp == a.id:
			made = row.Job
			return nil
		case err == nil:
			return fault.New(fault.AlreadyExists, "there is a job %s already", j.ID)
		case !fault.Is(err, fault.NotFound):
			return err
		}
		if err := mayCreateJob(ctx, a, &j, unfinished); err != nil {
			return err
		}
		if err := t.keep(ctx, a, string(j.ID)); err != nil {
			return err
		}
		row := &jobRow{Job: j}
		row.Counts, row.Checkpoint, row.Lease = job.Counts{}, record.Position{}, job.Lease{}
		err = row.insert(ctx, a)
		made = row.Job
		return err
	})
	if err != nil {
		return job.Job{}, err
	}
	return made, nil
}

func mayCreateJob(ctx context.Context, a *attempt, j *job.Job, unfinished int) error {
	if unfinished <= 0 {
		return nil
	}
	n := 0
	err := a.QueryRow(ctx, sqlUnfinished, j.Owner.Account, j.Owner.Region, j.Wire, unfinished).Scan(&n)
	if err == nil && n >= unfinished {
		err = fault.New(fault.LimitExceeded, "there are %d unfinished jobs already", n)
	}
	return err
}

// Job implements store.Jobs.
func (s *Store) Job(ctx context.Context, o job.Owner, id job.ID) (job.Job, error) {
	var j job.Job
	err := s.statement(ctx, func(ctx context.Context, a *attempt) error {
		row, err := jobBy(ctx, a, sqlJob, o, id)
		if err == nil {
			j = row.Job
		}
		return err
	})
	return j, err
}

// ChangeJob implements store.Jobs.
func (s *Store) ChangeJob(ctx context.Context, o job.Owner, id job.ID, change func(*job.Job) error) (job.Job, error) {
	var j job.Job
	err := s.transact(ctx, func(ctx context.Context, a *attempt) error {
		row, err := lockedJob(ctx, a, o, id)
		if err != nil {
			return err
		}
		j = row.Job
		if row.callerOp != nil && *row.callerOp == a.id {
			return nil // an attempt before this one was committed after all
		}
		was := row.Job
		if err := change(&row.Job); err != nil {
			return err
		}
		row.ID, row.Owner, row.Wire, row.Destination, row.Created = was.ID, was.Owner, was.Wire, was.Destination, was.Created
		row.Source.Bucket, row.Source.Key = was.Source.Bucket, was.Source.Key
		row.Counts, row.Checkpoint, row.Lease = was.Counts, was.Checkpoint, was.Lease
		row.Started, row.Finished = stamp(row.Started), stamp(row.Finished)
		if row.State.Final() && !was.State.Final() {
			now, err := s.timeNow(ctx, a)
			if err != nil {
				return err
			}
			row.endLease(now)
		}
		row.callerOp = &a.id
		if err := row.update(ctx, a); err != nil {
			return err
		}
		again, err := jobBy(ctx, a, sqlJob, o, id) // shares nothing with what change was given
		if err == nil {
			j = again.Job
		}
		return err
	})
	if err != nil {
		return job.Job{}, err
	}
	return j, nil
}

// DeleteJob implements store.Jobs. Nobody finds the rejects without the job; Run
// removes them.
func (s *Store) DeleteJob(ctx context.Context, o job.Owner, id job.ID) error {
	var number int64
	err := s.transact(ctx, func(ctx context.Context, a *attempt) error {
		row, err := lockedJob(ctx, a, o, id)
		if a.commitUnknown && (fault.Is(err, fault.NotFound) || err == nil && row.number != number) {
			return nil // an attempt before this one was committed after all
		}
		if err != nil {
			return err
		}
		if !row.State.Final() {
			return fault.New(fault.Conflict, "job %s is %s", id, row.State)
		}
		number = row.number
		return a.removeJob(ctx, row)
	})
	if err == nil {
		s.wakeRun()
	}
	return err
}

// removeJob removes a job's row and its token, and leaves its rejects to Run.
func (a *attempt) removeJob(ctx context.Context, row *jobRow) error {
	if _, err := a.Exec(ctx, sqlDeleteJob, row.Owner.Account, row.Owner.Region, row.ID); err != nil {
		return err
	}
	if _, err := a.Exec(ctx, sqlForgetToken, row.Owner.Account, row.Owner.Region, "job", row.Wire, row.ID); err != nil {
		return err
	}
	_, err := a.Exec(ctx, sqlGarbage, partRejects, row.number)
	return err
}

// purgeDeleted removes the row of a job that was deleted together with its list. It is
// not ok if the job was not.
func (a *attempt) purgeDeleted(ctx context.Context, o job.Owner, id job.ID) (ok bool, err error) {
	row, err := storedJob(ctx, a, sqlJob, o, id)
	switch {
	case fault.Is(err, fault.NotFound):
		return false, nil
	case err != nil || !row.deleted:
		return false, err
	}
	return true, a.removeJob(ctx, row)
}

// timeNow asks what time it is, for leases.
func (s *Store) timeNow(ctx context.Context, a *attempt) (now time.Time, err error) {
	err = a.QueryRow(ctx, sqlNow, s.now()).Scan(&now)
	return stamp(now), err
}

// endLease makes a lease that may still be live one that is over.
func (j *jobRow) endLease(now time.Time) {
	if now.Before(j.Lease.Until) {
		j.Lease.Until = now
	}
}

// text makes a database's text of a sentence that may quote anything.
func text(s string) string {
	if utf8.ValidString(s) && !strings.Contains(s, "\x00") {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
