package pgstore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// A listing of jobs reads one index in its order or against it, and leaves out here what
// the filter does not select. Where an index begins with a field beside the owner, the field
// is compared by order and is part of it: the planner would otherwise take jobs_created
// for as good, and pass over all that have another.
const (
	jobsFrom          = `SELECT ` + jobColumns + ` FROM jobs WHERE account = $1 AND region = $2 AND `
	sqlJobsFrom       = jobsFrom + `(created, id) > ($3, $4) ORDER BY created, id LIMIT $5`
	sqlUnfinishedFrom = jobsFrom + `(created, id) > ($3, $4) AND ` + isUnfinished + ` ORDER BY created, id LIMIT $5`
	sqlJobsOfListFrom = jobsFrom + `(list COLLATE "C", created, id) > ($6, $3, $4) AND list COLLATE "C" <= $6
		ORDER BY list COLLATE "C", created, id LIMIT $5`
	sqlJobsOfWireFrom  = jobsFrom + `(wire, created, id) > ($6, $3, $4) AND wire <= $6 ORDER BY wire, created, id LIMIT $5`
	sqlJobsInStateFrom = jobsFrom + `(state COLLATE "C", created, id) > ($6, $3, $4) AND state COLLATE "C" <= $6 AND ` + isEnded + `
		ORDER BY state COLLATE "C", created, id LIMIT $5`
	sqlJobsOfListInStateFrom = jobsFrom + `(list COLLATE "C", state COLLATE "C", created, id) > ($6, $7, $3, $4)
		AND list COLLATE "C" = $6 AND state COLLATE "C" <= $7 AND ` + isEnded + `
		ORDER BY list COLLATE "C", state COLLATE "C", created, id LIMIT $5`

	sqlJobsBefore       = jobsFrom + `(created, id) < ($3, $4) ORDER BY created DESC, id DESC LIMIT $5`
	sqlUnfinishedBefore = jobsFrom + `(created, id) < ($3, $4) AND ` + isUnfinished + ` ORDER BY created DESC, id DESC LIMIT $5`
	sqlJobsOfListBefore = jobsFrom + `(list COLLATE "C", created, id) < ($6, $3, $4) AND list COLLATE "C" >= $6
		ORDER BY list COLLATE "C" DESC, created DESC, id DESC LIMIT $5`
	sqlJobsOfWireBefore = jobsFrom + `(wire, created, id) < ($6, $3, $4) AND wire >= $6
		ORDER BY wire DESC, created DESC, id DESC LIMIT $5`
	sqlJobsInStateBefore = jobsFrom + `(state COLLATE "C", created, id) < ($6, $3, $4) AND state COLLATE "C" >= $6 AND ` + isEnded + `
		ORDER BY state COLLATE "C" DESC, created DESC, id DESC LIMIT $5`
	sqlJobsOfListInStateBefore = jobsFrom + `(list COLLATE "C", state COLLATE "C", created, id) < ($6, $7, $3, $4)
		AND list COLLATE "C" = $6 AND state COLLATE "C" >= $7 AND ` + isEnded + `
		ORDER BY list COLLATE "C" DESC, state COLLATE "C" DESC, created DESC, id DESC LIMIT $5`

	// As the partial indexes say it.
	isUnfinished = `state IN ('created', 'processing')`
	isEnded      = `state IN ('completed', 'failed', 'stopped')`
)

// firstJobs is how many jobs are read at first where a filter may pass over some.
const firstJobs = 64

// ListJobs implements store.Jobs.
func (s *Store) ListJobs(ctx context.Context, o job.Owner, f store.JobFilter, p store.Page) ([]job.Job, string, error) {
	from, err := cursorOf(p)
	if err != nil {
		return nil, "", err
	}
	if p.After == "" && f.NewestFirst {
		from.created = dusk
	}
	l := jobListing{
		owner: o, filter: f, created: from.created, id: from.id, limit: from.limit,
		budget: cmp.Or(p.Budget, store.JobBudget),
	}
	for ask := max(firstJobs, l.limit+1); !l.full && !l.ended; ask *= 2 {
		if err := s.lookAtJobs(ctx, &l, min(ask, l.budget+1)); err != nil {
			return nil, "", err
		}
	}
	if l.ended {
		return l.page, "", nil
	}
	return l.page, cursorText(l.created, l.id), nil
}

// jobListing is a page of jobs that is being made.
type jobListing struct {
	owner   job.Owner
	filter  store.JobFilter
	created time.Time // of the last job that was examined
	id      string
	limit   int
	budget  int // how many more jobs may be examined
	page    []job.Job
	full    bool // and there are more: the page cannot take them, or the budget ran out
	ended   bool // there are no more
}

// statement returns what reads up to ask jobs behind the last one.
func (l *jobListing) statement(ask int) (sql string, args []any) {
	args = []any{l.owner.Account, l.owner.Region, l.created, l.id, ask}
	f := &l.filter
	ordered := func(ascending, descending string) string {
		if f.NewestFirst {
			return descending
		}
		return ascending
	}
	switch {
	case len(f.States) > 0 && !slices.ContainsFunc(f.States, job.State.Final):
		return ordered(sqlUnfinishedFrom, sqlUnfinishedBefore), args
	case f.List != "" && len(f.States) == 1:
		return ordered(sqlJobsOfListInStateFrom, sqlJobsOfListInStateBefore), append(args, f.List, f.States[0])
	case f.List != "":
		return ordered(sqlJobsOfListFrom, sqlJobsOfListBefore), append(args, f.List)
	case len(f.States) == 1:
		return ordered(sqlJobsInStateFrom, sqlJobsInStateBefore), append(args, f.States[0])
	case f.Wire != "":
		return ordered(sqlJobsOfWireFrom, sqlJobsOfWireBefore), append(args, f.Wire)
	}
	return ordered(sqlJobsFrom, sqlJobsBefore), args
}

// lookAtJobs goes on with a listing, by up to ask jobs. When it is tried again it goes on
// behind those that came in.
func (s *Store) lookAtJobs(ctx context.Context, l *jobListing, ask int) error {
	return s.statement(ctx, func(ctx context.Context, a *attempt) error {
		sql, args := l.statement(ask)
		rows, err := a.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		n := 0
		err = eachRow(rows, func(r pgx.Row) error {
			var row jobRow
			if err := row.scan(r); err != nil {
				return err
			}
			n++
			return l.add(&row)
		})
		if errors.Is(err, errFull) {
			return nil
		}
		l.ended = err == nil && n < ask
		return err
	})
}

// add puts a job on the page if the filter selects it.
func (l *jobListing) add(row *jobRow) error {
	if l.budget <= 0 {
		l.full = true
		return errFull
	}
	l.budget--
	selected := !row.deleted && selects(&l.filter, &row.Job)
	if selected && len(l.page) == l.limit {
		l.full = true
		return errFull
	}
	if selected {
		l.page = append(l.page, row.Job)
	}
	l.created, l.id = row.Created, string(row.ID)
	return nil
}

func selects(f *store.JobFilter, j *job.Job) bool {
	return (f.Wire == "" || f.Wire == j.Wire) &&
		(f.Kind == "" || f.Kind == j.Destination.Kind) &&
		(f.List == "" || f.List == j.Destination.List) &&
		(len(f.States) == 0 || slices.Contains(f.States, j.State))
}

func eachRow(rows pgx.Rows, read func(pgx.Row) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := read(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
