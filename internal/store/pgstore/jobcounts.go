package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// The condition on the state is that of the index jobs_unfinished.
const sqlJobCounts = `SELECT wait_reason, count(*) FILTER (WHERE state = 'created'), count(*) FILTER (WHERE state = 'processing'),
		count(*) FILTER (WHERE waits), min(waiting_since) FILTER (WHERE waits)
	FROM (
		SELECT wait_reason, state, waiting_since,
			ready AND claimable_at <= coalesce($1::timestamptz, statement_timestamp()) AS waits
		FROM jobs WHERE state IN ('created', 'processing')
	) AS unfinished GROUP BY wait_reason`

// The condition on the states is that of the index jobs_unfinished_of_list.
const sqlUnfinishedOfList = `SELECT ` + jobColumns + ` FROM jobs
	WHERE account = $1 AND region = $2 AND kind = $3 AND list = $4 AND state = ANY ($5::text[])
	AND state IN ('created', 'processing') LIMIT 1`

// UnfinishedJob implements store.Jobs.
func (s *Store) UnfinishedJob(ctx context.Context, r store.ListRef, states ...job.State) (j job.Job, ok bool, err error) {
	err = s.statement(ctx, func(ctx context.Context, a *attempt) error {
		var row jobRow
		err := row.scan(a.QueryRow(ctx, sqlUnfinishedOfList, append(refArgs(r), texts(states))...))
		if none(err) {
			return nil
		}
		j, ok = row.Job, err == nil
		return err
	})
	return j, ok, err
}

func texts(states []job.State) []string {
	all := make([]string, len(states))
	for i, s := range states {
		all[i] = string(s)
	}
	return all
}

// JobCounts implements store.Work.
func (s *Store) JobCounts(ctx context.Context) (store.JobCounts, error) {
	var c store.JobCounts
	err := s.statement(ctx, func(ctx context.Context, a *attempt) error {
		c = store.JobCounts{}
		rows, err := a.Query(ctx, sqlJobCounts, s.now())
		if err != nil {
			return err
		}
		return eachRow(rows, func(r pgx.Row) error { return addCounts(&c, r) })
	})
	if err != nil {
		return store.JobCounts{}, err
	}
	return c, nil
}

// addCounts adds a row of sqlJobCounts.
func addCounts(c *store.JobCounts, row pgx.Row) error {
	var reason job.Reason
	var created, processing, waiting int64
	var oldest *time.Time
	if err := row.Scan(&reason, &created, &processing, &waiting, &oldest); err != nil {
		return err
	}
	c.Created, c.Processing, c.Waiting = c.Created+created, c.Processing+processing, c.Waiting+waiting
	if since := timeOf(oldest); oldest != nil && (c.WaitingSince.IsZero() || since.Before(c.WaitingSince)) {
		c.WaitingSince = since
	}
	if reason != "" {
		if c.Reasons == nil {
			c.Reasons = map[job.Reason]int64{}
		}
		c.Reasons[reason] = created + processing
	}
	return nil
}
