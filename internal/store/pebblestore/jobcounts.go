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
	err := s.eachRow(ctx, s.db, []byte{tableUnfinished}, func(_, state []byte) error {
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
	s.queue.countWaiting(&c, time.Now())
	return c, nil
}

// countWaiting counts the jobs that can be claimed now, and the reasons of those that wait.
func (q *queue) countWaiting(c *store.JobCounts, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.settle(now, false)
	for _, e := range q.jobs {
		if e.reason != "" {
			if c.Reasons == nil {
				c.Reasons = map[job.Reason]int64{}
			}
			c.Reasons[e.reason]++
		}
		if e.set != claimable {
			continue
		}
		if c.Waiting++; c.Waiting == 1 || e.since.Before(c.WaitingSince) {
			c.WaitingSince = e.since
		}
	}
}
