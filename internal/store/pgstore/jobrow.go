package pgstore

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
)

// jobRow is a row of jobs: a job, and what the store knows besides.
type jobRow struct {
	job.Job
	number       int64
	waitingSince *time.Time
	callerOp     *opID
	workerOp     *opID
	deleted      bool // together with its list; the row is still to be removed
}

// jobDeleted is true of a job that was deleted together with its list.
const jobDeleted = `(list_number IS NOT NULL AND EXISTS (SELECT 1 FROM garbage AS l WHERE l.part = 'jobs' AND l.number = jobs.list_number))`

// Every statement that reads jobs reads these, see jobRow.scan.
const jobColumns = `number, account, region, id, wire, name, kind, list, action,
	bucket, object, version, etag, size, format, state, ready, waiting_since, imported, rejected,
	created, started, finished, error, report, tags, config,
	at_record, at_line, at_byte, layout, term, holder, leased_until, caller_op, worker_op,
	attempts, failures, last_error, wait_reason, wait_since, wait_until,
	` + jobDeleted

const (
	sqlJob     = `SELECT ` + jobColumns + ` FROM jobs WHERE account = $1 AND region = $2 AND id = $3`
	sqlLockJob = sqlJob + ` FOR UPDATE`

	// A new job is ready at once, or has no place among those that wait.
	sqlInsertJob = `INSERT INTO jobs (account, region, id, wire, name, kind, list, action,
		bucket, object, version, etag, size, format, state, ready, started, finished, error, report, tags,
		config, caller_op, created, waiting_since, list_number)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
		$22, $23, $24, CASE WHEN $16 THEN clock_timestamp() END,
		(SELECT number FROM lists WHERE account = $1 AND region = $2 AND kind = $6 AND id = $7))
		RETURNING ` + jobColumns

	// What is ready for the first time waits from now on. Counts, checkpoint, term and
	// holder are changed elsewhere.
	sqlUpdateJob = `UPDATE jobs SET wire = $4, name = $5, kind = $6, list = $7, action = $8,
		bucket = $9, object = $10, version = $11, etag = $12, size = $13, format = $14,
		waiting_since = CASE WHEN $16 AND NOT ready THEN clock_timestamp() ELSE waiting_since END,
		state = $15, ready = $16, started = $17, finished = $18, error = $19, report = $20, tags = $21,
		config = $22, caller_op = $23, leased_until = $24, worker_op = $25
		WHERE account = $1 AND region = $2 AND id = $3`
)

// scan reads jobColumns.
func (j *jobRow) scan(row pgx.Row) error {
	var started, finished, until, waitSince, waitUntil *time.Time
	var tags []byte
	var term int64
	err := row.Scan(
		&j.number, &j.Owner.Account, &j.Owner.Region, &j.ID, &j.Wire, &j.Name,
		&j.Destination.Kind, &j.Destination.List, &j.Destination.Action,
		&j.Source.Bucket, &j.Source.Key, &j.Source.Version, &j.Source.ETag, &j.Source.Size, &j.Source.Format,
		&j.State, &j.Ready, &j.waitingSince, &j.Counts.Imported, &j.Counts.Rejected,
		&j.Created, &started, &finished, &j.Error, &j.Report, &tags, &j.Config,
		&j.Checkpoint.Record, &j.Checkpoint.Line, &j.Checkpoint.Offset, &j.Checkpoint.Layout,
		&term, &j.Lease.Holder, &until, &j.callerOp, &j.workerOp,
		&j.Attempts, &j.Failures, &j.LastError, &j.Waiting.Reason, &waitSince, &waitUntil, &j.deleted,
	)
	if err != nil {
		return err
	}
	j.Created, j.Started, j.Finished = stamp(j.Created), timeOf(started), timeOf(finished)
	if j.Waiting.Since, j.Waiting.Until = timeOf(waitSince), timeOf(waitUntil); j.State.Final() || j.Waiting.Reason == "" {
		j.Waiting = job.Wait{}
	}
	if j.Lease.Term = uint64(term); term > 0 {
		j.Lease.Owner, j.Lease.Job, j.Lease.Until = j.Owner, j.ID, timeOf(until)
	}
	j.Tags, err = tagsOf(tags)
	return err
}

// insert stores a new row and reads it back.
func (j *jobRow) insert(ctx context.Context, a *attempt) error {
	args := append(j.arguments(), a.id, j.Created)
	return j.scan(a.QueryRow(ctx, sqlInsertJob, args...))
}

// update stores a row that is locked.
func (j *jobRow) update(ctx context.Context, a *attempt) error {
	args := append(j.arguments(), j.callerOp, timeOrNull(j.Lease.Until), j.workerOp)
	_, err := a.Exec(ctx, sqlUpdateJob, args...)
	return err
}

// arguments are $1 to $22 of insert and update.
func (j *jobRow) arguments() []any {
	return []any{
		j.Owner.Account, j.Owner.Region, j.ID, j.Wire, j.Name,
		j.Destination.Kind, j.Destination.List, j.Destination.Action,
		j.Source.Bucket, j.Source.Key, j.Source.Version, j.Source.ETag, j.Source.Size, j.Source.Format,
		j.State, j.Ready, timeOrNull(j.Started), timeOrNull(j.Finished), text(j.Error), j.Report, tagsOrNull(j.Tags),
		j.Config,
	}
}

// lockedJob reads and locks a row; fault.NotFound.
func lockedJob(ctx context.Context, a *attempt, o job.Owner, id job.ID) (*jobRow, error) {
	return jobBy(ctx, a, sqlLockJob, o, id)
}

func jobBy(ctx context.Context, a *attempt, sql string, o job.Owner, id job.ID) (*jobRow, error) {
	row, err := storedJob(ctx, a, sql, o, id)
	if err == nil && row.deleted {
		return nil, noJob(id)
	}
	return row, err
}

// storedJob is jobBy for those who want to see the jobs of deleted lists too.
func storedJob(ctx context.Context, a *attempt, sql string, o job.Owner, id job.ID) (*jobRow, error) {
	row := new(jobRow)
	err := row.scan(a.QueryRow(ctx, sql, o.Account, o.Region, id))
	if none(err) {
		return nil, noJob(id)
	}
	return row, err
}

func noJob(id job.ID) error { return fault.New(fault.NotFound, "there is no job %s", id) }

// stamp is a time as the store keeps it.
func stamp(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return stamp(*t)
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Tags that are nil come back nil, and empty ones empty.
func tagsOf(b []byte) (tags map[string]string, err error) {
	if b != nil {
		err = json.Unmarshal(b, &tags)
	}
	return tags, err
}

func tagsOrNull(tags map[string]string) *string {
	if tags == nil {
		return nil
	}
	b, err := json.Marshal(tags)
	if err != nil {
		panic(err) // of strings there is always JSON
	}
	text := string(b)
	return &text
}
