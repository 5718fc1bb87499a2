package pebblestore

import (
	"context"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// JobCounts implements store.Work.
func (s *Store) JobCounts(ctx context.Context) (store.JobCounts, error) {
	var c store.JobCounts
	err := each(ctx, s.db, []byte{tableUnfinished}, func(_, state []byte) error {
		switch job.State(state) {
		case job.Created:
			c.Created++
		case job.Processing:
			c.Processing++
		}
		return nil
	})
	if err != nil {
		return store.JobCounts{}, fmt.Errorf("count unfinished jobs: %w", err)
	}
	c.Waiting, c.WaitingSince = s.queue.countWaiting(time.Now())
	return c, nil
}

// countWaiting counts the jobs that pick could choose now. since is when the first of
// them got its turn.
func (q *queue) countWaiting(now time.Time) (n int64, since time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.jobs {
		if !e.waits(store.Wanted{}, now) {
			continue
		}
		if n++; n == 1 || e.since.Before(since) {
			since = e.since
		}
	}
	return n, since
}
