package pgstore

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

// A batch is one transaction:
//
//	members deleted, rejects, members put    sorted arrays, a statement for some thousands each; unique keys
//	the list is there, and stays             a shared lock on its row
//	the lease is held: counts, checkpoint    an update of the job's row that finds it only then
//
// The two rows that others want come last, so that they are locked for a moment only.
// A batch that needs a check locks the list FOR UPDATE first, see conflicts.go.

const (
	sqlListStays     = `SELECT number FROM lists WHERE number = $1 FOR KEY SHARE`
	sqlListExclusive = `SELECT number FROM lists WHERE number = $1 FOR UPDATE`

	sqlProgress = `UPDATE jobs SET imported = imported + $6, rejected = rejected + $7,
		at_record = $8, at_line = $9, at_byte = $10, layout = $11, worker_op = $12,
		attempts = 0, failures = 0, wait_reason = '', wait_since = NULL, wait_until = NULL,
		avoid_holder = '', avoid_until = NULL` + whereHeld + `
		AND number = $13 RETURNING imported, rejected`
)

// prepared is a batch that is sorted, coalesced and in the database's form.
type prepared struct {
	s       *Store
	lease   job.Lease
	job     int64 // number of the job
	ref     store.ListRef
	list    int64 // number of the list that it was prepared for
	at      time.Time
	through record.Position
	work    work
	checked *checkedBatch // not nil: it is planned when Commit knows what the list allows
	used    bool
}

var errUsed = fault.New(fault.Internal, "a prepared batch is committed once, by the store and for the job that prepared it")

// Prepare implements store.Work. It asks the database for no more than whether it is
// worth while.
func (s *Store) Prepare(ctx context.Context, l job.Lease, b *store.Batch) (store.Prepared, error) {
	of, err := s.held(ctx, l)
	if err != nil {
		return nil, err
	}
	p := &prepared{s: s, lease: l, job: of.number, ref: of.ref, at: b.At, through: b.Through}
	var uniqueKeys bool
	if p.list, uniqueKeys, err = s.listNumber(ctx, p.ref); err != nil {
		return nil, err
	}
	if of.list != 0 && of.list != p.list {
		return nil, store.NoList(p.ref)
	}
	if uniqueKeys != b.UniqueKeys {
		return nil, errUniqueKeys
	}
	order := sorted(b)
	if b.NeedsCheck() {
		p.checked = newCheckedBatch(b, order)
		return p, nil
	}
	p.work = p.plan(b, order, nil)
	return p, nil
}

// Discard implements store.Prepared.
func (p *prepared) Discard() {
	p.used = true
	p.work, p.checked = work{}, nil
}

// Commit implements store.Work.
func (s *Store) Commit(ctx context.Context, l job.Lease, pr store.Prepared) (job.Counts, error) {
	p, ok := pr.(*prepared)
	if !ok || p.s != s || p.used || p.lease.Owner != l.Owner || p.lease.Job != l.Job {
		return job.Counts{}, errUsed
	}
	defer p.Discard()
	if p.lease.Term != l.Term {
		return job.Counts{}, leaseLost(p.lease)
	}
	// Spare the work if it is clear already that it is for nothing.
	switch of, err := s.held(ctx, l); {
	case err != nil:
		return job.Counts{}, err
	case of.number != p.job: // there is another one under its ID
		return job.Counts{}, leaseLost(l)
	}
	var counts job.Counts
	err := s.transactLong(ctx, func(ctx context.Context, a *attempt) error {
		if a.commitUnknown {
			row, err := lockedJob(ctx, a, l.Owner, l.Job)
			if err == nil && row.workerOp != nil && *row.workerOp == a.id {
				counts = row.Counts
				return nil
			}
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
		}
		more, err := p.apply(ctx, a)
		if err != nil {
			return err
		}
		counts, err = p.progress(ctx, a, more)
		return err
	})
	if err != nil {
		return job.Counts{}, err
	}
	return counts, nil
}

// apply does all that a batch does but to its job, and returns what the job's counts
// grow by.
func (p *prepared) apply(ctx context.Context, a *attempt) (job.Counts, error) {
	work := p.work
	if p.checked != nil {
		if err := p.lockList(ctx, a, sqlListExclusive); err != nil {
			return job.Counts{}, err
		}
		list, err := p.checked.loadExisting(ctx, a, p.list)
		if err != nil {
			return job.Counts{}, err
		}
		work = p.plan(p.checked.batch, p.checked.order, p.checked.resolve(list))
		work.uniqueKeys = list.planUniqueKeys(p.list)
	}
	if err := a.run(ctx, work.deletes, work.rejects, work.uniqueKeys); err != nil {
		return job.Counts{}, err
	}
	if err := a.put(ctx, work.puts); err != nil {
		return job.Counts{}, err
	}
	if p.checked != nil {
		return work.counts, nil
	}
	return work.counts, p.lockList(ctx, a, sqlListStays)
}

func (p *prepared) lockList(ctx context.Context, a *attempt, sql string) error {
	var number int64
	err := a.QueryRow(ctx, sql, p.list).Scan(&number)
	if none(err) {
		return store.NoList(p.ref)
	}
	return err
}

// progress moves the job's counts and checkpoint, if the lease is held.
func (p *prepared) progress(ctx context.Context, a *attempt, more job.Counts) (now job.Counts, err error) {
	to := p.through
	args := append(
		p.s.leaseArgs(p.lease),
		more.Imported, more.Rejected, to.Record, to.Line, to.Offset, to.Layout, a.id, p.job,
	)
	err = a.QueryRow(ctx, sqlProgress, args...).Scan(&now.Imported, &now.Rejected)
	if none(err) {
		err = leaseLost(p.lease)
	}
	return now, err
}

// put runs commands that put members. As long as all have been new, it expects the next
// ones to be new too.
func (a *attempt) put(ctx context.Context, commands []command) error {
	connection := a.tx.Conn().PgConn()
	exec := func(sql string, c command) (rows int64, err error) {
		done := connection.ExecParams(ctx, sql, c.args, c.types, []int16{binaryForm}, nil).Read()
		return done.CommandTag.RowsAffected(), done.Err
	}
	expectNew := !a.retry
	for _, whole := range commands {
		for _, c := range a.pieces(whole) {
			if expectNew {
				added, err := exec(sqlAddMembers, c)
				if err != nil {
					return err
				}
				if added == c.rows {
					continue
				}
				expectNew = false
			}
			if _, err := exec(c.sql, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// run runs commands one after the other. They are sent as fast as they are taken, and
// the first that fails ends them.
func (a *attempt) run(ctx context.Context, parts ...[]command) error {
	p := a.tx.Conn().PgConn().StartPipeline(ctx)
	for _, part := range parts {
		for _, whole := range part {
			for _, c := range a.pieces(whole) {
				p.SendQueryParams(c.sql, c.args, c.types, []int16{binaryForm}, nil)
				if err := p.Flush(); err != nil {
					return errors.Join(err, p.Close())
				}
			}
		}
	}
	if err := p.Sync(); err != nil {
		return errors.Join(err, p.Close())
	}
	err := answers(p)
	if last := p.Close(); err == nil {
		err = last
	}
	return err
}

// answers reads the commands' answers and returns the first that is an error.
func answers(p *pgconn.Pipeline) (first error) {
	for {
		answer, err := p.GetResults()
		if r, ok := answer.(*pgconn.ResultReader); ok && err == nil {
			_, err = r.Close()
		}
		if first == nil {
			first = err
		}
		var said *pgconn.PgError
		if err != nil && !errors.As(err, &said) {
			return first
		}
		if _, end := answer.(*pgconn.PipelineSync); end || answer == nil && err == nil {
			return first
		}
	}
}
