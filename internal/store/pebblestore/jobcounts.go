package pebblestore

import (
	"context"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// JobCounts implements store.Work.
func (s *Store) JobCounts(ctx context.Context) (store.JobCounts, error) {
	var c store.JobCounts
	err := s.eachUnfinished(ctx, func(k jobKey, state job.State) error {
		if state == "" { // the row is from before states were stored here
			row, err := s.jobRow(s.db, k)
			if isDamaged(err) {
				return nil
			}
			if err != nil {
				return err
			}
			state = row.Job.State
		}
		switch state {
		case job.Created:
			c.Created++
		case job.Processing:
			c.Processing++
		}
		return nil
	})
	if err != nil {
		return store.JobCounts{}, err
	}
	c.Waiting, c.WaitingSince = s.queue.countWaiting(time.Now())
	return c, nil
}

// eachUnfinished calls do with each row of the index of unfinished jobs.
func (s *Store) eachUnfinished(ctx context.Context, do func(jobKey, job.State) error) error {
	prefix := []byte{tableUnfinished}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return fmt.Errorf("count unfinished jobs: %w", err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		k, ok := splitUnfinished(it.Key())
		if !ok {
			continue // openQueue reports it
		}
		state, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("count unfinished jobs: %w", err)
		}
		if err := do(k, job.State(state)); err != nil {
			return err
		}
	}
	return it.Error()
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
