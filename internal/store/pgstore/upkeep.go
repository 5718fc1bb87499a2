package pgstore

import (
	"context"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

const (
	sqlLead = `INSERT INTO leads AS l (task, holder, term, until)
		VALUES ($2, $3, 1, coalesce($1::timestamptz, clock_timestamp()) + $4::interval)
		ON CONFLICT (task) DO UPDATE SET holder = excluded.holder, until = excluded.until,
			term = l.term + CASE WHEN l.holder = excluded.holder THEN 0 ELSE 1 END
		WHERE l.holder = excluded.holder OR l.until <= coalesce($1::timestamptz, clock_timestamp())
		RETURNING term`

	// The order is that of the index jobs_unfinished_created.
	sqlUnfinishedIDs = `SELECT account, region, created, id FROM jobs
		WHERE (account, region, created, id) > ($1, $2, $3, $4) AND state IN ('created', 'processing')
		ORDER BY account, region, created, id LIMIT $5`

	sqlEndedJobs = `SELECT ` + jobColumns + ` FROM jobs
		WHERE finished < $1 AND state NOT IN ('created', 'processing') AND NOT ` + jobDeleted + ` ORDER BY finished LIMIT $2`

	sqlSourceUse = `SELECT count(*), count(*) FILTER (WHERE state IN ('created', 'processing')), max(finished) FROM jobs
		WHERE account = $1 AND md5(object) = md5($3::text) AND bucket = $2 AND object = $3 AND NOT ` + jobDeleted
)

// Lead implements store.Upkeep. A connection that is lost on the way is asked again by
// the same holder, which gets the same answer.
func (s *Store) Lead(ctx context.Context, task, holder string, d time.Duration) (term uint64, ok bool, err error) {
	err = s.statement(ctx, func(ctx context.Context, a *attempt) error {
		err := a.QueryRow(ctx, sqlLead, s.now(), task, text(holder), d).Scan(&term)
		if ok = err == nil; none(err) {
			return nil
		}
		return err
	})
	return term, ok, err
}

// UnfinishedIDs implements store.Upkeep.
func (s *Store) UnfinishedIDs(ctx context.Context) iter.Seq2[job.ID, error] {
	const page = 1000
	return func(yield func(job.ID, error) bool) {
		var last struct {
			account, region string
			created         time.Time
			id              job.ID
		}
		for n := page; n == page; {
			var ids []job.ID
			from := last
			err := s.statement(ctx, func(ctx context.Context, a *attempt) error {
				ids = ids[:0]
				rows, err := a.Query(ctx, sqlUnfinishedIDs, from.account, from.region, from.created, from.id, page)
				if err != nil {
					return err
				}
				return eachRow(rows, func(r pgx.Row) error {
					err := r.Scan(&last.account, &last.region, &last.created, &last.id)
					ids = append(ids, last.id)
					return err
				})
			})
			if err != nil {
				yield("", err)
				return
			}
			for _, id := range ids {
				if !yield(id, nil) {
					return
				}
			}
			n = len(ids)
		}
	}
}

// EndedJobs implements store.Upkeep.
func (s *Store) EndedJobs(ctx context.Context, before time.Time, limit int) ([]job.Job, error) {
	var ended []job.Job
	err := s.statement(ctx, func(ctx context.Context, a *attempt) error {
		ended = nil
		rows, err := a.Query(ctx, sqlEndedJobs, before, limit)
		if err != nil {
			return err
		}
		return eachRow(rows, func(r pgx.Row) error {
			var row jobRow
			err := row.scan(r)
			ended = append(ended, row.Job)
			return err
		})
	})
	return ended, err
}

// SourceUse implements store.Upkeep.
func (s *Store) SourceUse(ctx context.Context, account, bucket, key string) (store.SourceUse, error) {
	var use store.SourceUse
	err := s.statement(ctx, func(ctx context.Context, a *attempt) error {
		var ended *time.Time
		err := a.QueryRow(ctx, sqlSourceUse, account, text(bucket), text(key)).Scan(&use.Jobs, &use.Unfinished, &ended)
		use.Ended = timeOf(ended)
		return err
	})
	return use, err
}
