package pgstore

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

const (
	// isClaimable is the condition on a job that can be claimed; $1 is the time in tests,
	// $2 the largest size, $3 the holder and $4 whether attempts ended early. The time is
	// that of the statement, for an index can be searched only for what does not change.
	// A job that is ready has not ended; a condition on the state would have the planner
	// read an index of all unfinished jobs as well. The size is compared in a form for which
	// the index is asked, and not the row.
	isClaimable = ` WHERE j.ready AND j.size <= coalesce(nullif($2::bigint, 0), 9223372036854775807)
			AND least(j.attempts, 1) = $4::boolean::int AND j.claimable_at <= coalesce($1::timestamptz, statement_timestamp())
			AND NOT (j.avoid_holder = $3::text AND coalesce(j.avoid_until > coalesce($1::timestamptz, statement_timestamp()), false))`

	// queues finds the accounts with jobs that wait, one after the other.
	queues = `queues AS (
			(SELECT account FROM jobs WHERE ready AND least(attempts, 1) = $4::boolean::int
				ORDER BY least(attempts, 1), account LIMIT 1)
			UNION ALL
			SELECT next.account FROM queues AS q CROSS JOIN LATERAL (
				SELECT j.account FROM jobs AS j WHERE j.ready AND least(j.attempts, 1) = $4::boolean::int AND j.account > q.account
				ORDER BY least(j.attempts, 1), j.account LIMIT 1) AS next
		)`

	// firstInQueue is the condition on the first job of an account that can be claimed, in
	// the order of the index jobs_claims.
	firstInQueue = isClaimable + ` AND j.account = q.account
			ORDER BY least(j.attempts, 1), j.account, j.waiting_since, j.number LIMIT 1`

	// A claim reads one job of each account, however many wait. Those who claim at the same
	// moment pass over each other's choice, and do not see it in the numbers of leases. The
	// leases are counted once: where statistics say that nothing waits, since nearly all
	// jobs have ended, the planner would count them again for each job that does.
	sqlClaim = `WITH RECURSIVE busy AS MATERIALIZED (
			SELECT account, count(*) AS leases FROM jobs
			WHERE ready AND leased_until > coalesce($1::timestamptz, statement_timestamp()) AND least(attempts, 1) = $4::boolean::int
			GROUP BY account
		), ` + queues + `, firsts AS MATERIALIZED (
			SELECT q.account FROM queues AS q LEFT JOIN busy AS b ON b.account = q.account
			CROSS JOIN LATERAL (SELECT j.waiting_since, j.number FROM jobs AS j` + firstInQueue + `) AS f
			ORDER BY coalesce(b.leases, 0), f.waiting_since, f.number
		), chosen AS (
			SELECT j.* FROM firsts AS q
			CROSS JOIN LATERAL (SELECT j.account, j.region, j.id FROM jobs AS j` + firstInQueue + ` FOR UPDATE OF j SKIP LOCKED) AS j
			LIMIT 1
		)
		UPDATE jobs AS j SET term = j.term + 1, holder = $3, node = $5,
			leased_until = coalesce($1::timestamptz, clock_timestamp()) + $6::interval
		FROM chosen AS c WHERE j.account = c.account AND j.region = c.region AND j.id = c.id
		RETURNING j.account, j.region, j.id`

	sqlWaiting = `WITH RECURSIVE ` + queues + `
		SELECT coalesce((SELECT true FROM queues AS q CROSS JOIN LATERAL (SELECT FROM jobs AS j` + firstInQueue + `) AS f LIMIT 1), false)`

	// whereHeld is the condition of all that needs a lease.
	whereHeld = ` WHERE account = $1 AND region = $2 AND id = $3 AND term = $4
		AND state IN ('created', 'processing') AND leased_until > coalesce($5::timestamptz, clock_timestamp())`

	sqlHeld     = `SELECT kind, list, number, coalesce(list_number, 0) FROM jobs` + whereHeld
	sqlLockHeld = `SELECT ` + jobColumns + ` FROM jobs` + whereHeld + ` FOR UPDATE`

	sqlRenew = `UPDATE jobs SET leased_until = coalesce($5::timestamptz, clock_timestamp()) + $6::interval` + whereHeld +
		` RETURNING holder, leased_until`
	sqlRelease = `UPDATE jobs SET leased_until = coalesce($5::timestamptz, clock_timestamp()),
		waiting_since = clock_timestamp(), worker_op = $6` + whereHeld
	sqlPostpone = `UPDATE jobs SET leased_until = coalesce($5::timestamptz, clock_timestamp()),
		waiting_since = clock_timestamp(), worker_op = $6,
		attempts = attempts + 1, failures = failures + $7, last_error = $8,
		wait_since = CASE WHEN wait_reason = $9 THEN wait_since ELSE coalesce($5::timestamptz, clock_timestamp()) END,
		wait_reason = $9, wait_until = coalesce($5::timestamptz, clock_timestamp()) + $10::interval,
		avoid_holder = holder, avoid_until = coalesce($5::timestamptz, clock_timestamp()) + $11::interval` + whereHeld
	sqlWorkerOp = `SELECT worker_op FROM jobs WHERE account = $1 AND region = $2 AND id = $3`
)

// Claim implements store.Work. A claim whose answer was lost is a lease that runs out.
func (s *Store) Claim(ctx context.Context, w store.Wanted) (j job.Job, ok bool, err error) {
	err = s.statement(ctx, func(ctx context.Context, a *attempt) error {
		var o job.Owner
		var id job.ID
		err := a.QueryRow(ctx, sqlClaim, s.now(), w.MaxSize, text(w.Holder), w.Retries, s.node, w.Lease).Scan(&o.Account, &o.Region, &id)
		if none(err) {
			return nil
		}
		if err != nil {
			return err
		}
		row, err := jobBy(ctx, a, sqlJob, o, id)
		if err == nil {
			j, ok = row.Job, true
		}
		return err
	})
	return j, ok, err
}

// Waiting implements store.Work.
func (s *Store) Waiting(ctx context.Context, w store.Wanted) (waits bool, err error) {
	err = s.statement(ctx, func(ctx context.Context, a *attempt) error {
		return a.QueryRow(ctx, sqlWaiting, s.now(), w.MaxSize, text(w.Holder), w.Retries).Scan(&waits)
	})
	return waits, err
}

func leaseLost(l job.Lease) error {
	return fault.New(fault.LeaseLost, "term %d of job %s is over", l.Term, l.Job)
}

// Begin implements store.Work.
func (s *Store) Begin(ctx context.Context, l job.Lease, src job.Source) (job.Job, error) {
	return s.underLease(ctx, l, func(row *jobRow, now time.Time) error {
		src.Bucket, src.Key = row.Source.Bucket, row.Source.Key
		row.Source = src
		if row.State == job.Processing {
			return nil
		}
		return row.Become(job.Processing, now)
	})
}

// Finish implements store.Work.
func (s *Store) Finish(ctx context.Context, l job.Lease, o store.Outcome) (job.Job, error) {
	return s.underLease(ctx, l, func(row *jobRow, now time.Time) error {
		if err := row.Become(o.State, now); err != nil {
			return err
		}
		row.Error, row.Report = text(o.Error), o.Report
		row.endLease(now)
		return nil
	})
}

// underLease changes the row of a job whose lease is held.
func (s *Store) underLease(ctx context.Context, l job.Lease, change func(*jobRow, time.Time) error) (job.Job, error) {
	var j job.Job
	err := s.transact(ctx, func(ctx context.Context, a *attempt) error {
		if a.commitUnknown {
			row, err := lockedJob(ctx, a, l.Owner, l.Job)
			if err == nil && row.workerOp != nil && *row.workerOp == a.id {
				j = row.Job
				return nil
			}
		}
		row := new(jobRow)
		err := row.scan(a.QueryRow(ctx, sqlLockHeld, s.leaseArgs(l)...))
		if none(err) {
			return leaseLost(l)
		}
		if err != nil {
			return err
		}
		now, err := s.timeNow(ctx, a)
		if err != nil {
			return err
		}
		if err := change(row, now); err != nil {
			return err
		}
		row.workerOp = &a.id
		j = row.Job
		return row.update(ctx, a)
	})
	if err != nil {
		return job.Job{}, err
	}
	return j, nil
}

// leaseArgs are $1 to $5 of whereHeld.
func (s *Store) leaseArgs(l job.Lease) []any {
	return []any{l.Owner.Account, l.Owner.Region, l.Job, int64(l.Term), s.now()}
}

// Renew implements store.Work.
func (s *Store) Renew(ctx context.Context, l job.Lease, d time.Duration) (job.Lease, error) {
	err := s.statement(ctx, func(ctx context.Context, a *attempt) error {
		err := a.QueryRow(ctx, sqlRenew, append(s.leaseArgs(l), d)...).Scan(&l.Holder, &l.Until)
		if none(err) {
			return leaseLost(l)
		}
		return err
	})
	if err != nil {
		return job.Lease{}, err
	}
	l.Until = stamp(l.Until)
	return l, nil
}

// Release implements store.Work.
func (s *Store) Release(ctx context.Context, l job.Lease) error {
	return s.giveUp(ctx, l, sqlRelease)
}

// Postpone implements store.Work.
func (s *Store) Postpone(ctx context.Context, l job.Lease, p store.Pause) error {
	failures := 0
	if p.Failed {
		failures = 1
	}
	return s.giveUp(ctx, l, sqlPostpone, failures, text(p.Error), string(p.Reason), p.For, p.For+p.Avoid)
}

// giveUp runs a statement that ends a lease; more are its arguments after the step.
func (s *Store) giveUp(ctx context.Context, l job.Lease, sql string, more ...any) error {
	return s.statement(ctx, func(ctx context.Context, a *attempt) error {
		done, err := a.Exec(ctx, sql, append(append(s.leaseArgs(l), a.id), more...)...)
		if err != nil || done.RowsAffected() == 1 {
			return err
		}
		if a.commitUnknown {
			var by *opID
			err := a.QueryRow(ctx, sqlWorkerOp, l.Owner.Account, l.Owner.Region, l.Job).Scan(&by)
			if err != nil && !none(err) || err == nil && by != nil && *by == a.id {
				return err
			}
		}
		return leaseLost(l)
	})
}

// heldJob is what a commit wants to know of its job.
type heldJob struct {
	number int64
	ref    store.ListRef // of what it imports into
	list   int64         // number of the list that it is for, 0 for any
}

// held returns the job of a lease that is held. It locks nothing, so that it is worth a
// look only.
func (s *Store) held(ctx context.Context, l job.Lease) (h heldJob, err error) {
	h.ref.Owner = l.Owner
	err = s.statement(ctx, func(ctx context.Context, a *attempt) error {
		err := a.QueryRow(ctx, sqlHeld, s.leaseArgs(l)...).Scan(&h.ref.Kind, &h.ref.ID, &h.number, &h.list)
		if none(err) {
			return leaseLost(l)
		}
		return err
	})
	return h, err
}
