package pgstore

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/internal/store"
)

// The condition on the state is that of the index jobs_unfinished.
const sqlJobCounts = `SELECT count(*) FILTER (WHERE state = 'created'), count(*) FILTER (WHERE state = 'processing'),
		count(*) FILTER (WHERE waits), min(waiting_since) FILTER (WHERE waits)
	FROM (
		SELECT state, waiting_since,
			ready AND (leased_until IS NULL OR leased_until <= coalesce($1::timestamptz, clock_timestamp())) AS waits
		FROM jobs WHERE state IN ('created', 'processing')
	) AS unfinished`

// JobCounts implements store.Work.
func (s *Store) JobCounts(ctx context.Context) (store.JobCounts, error) {
	var c store.JobCounts
	err := s.statement(ctx, func(ctx context.Context, a *attempt) error {
		var since *time.Time
		err := a.QueryRow(ctx, sqlJobCounts, s.now()).Scan(&c.Created, &c.Processing, &c.Waiting, &since)
		c.WaitingSince = timeOf(since)
		return err
	})
	if err != nil {
		return store.JobCounts{}, err
	}
	return c, nil
}
