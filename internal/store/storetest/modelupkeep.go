package storetest

import (
	"context"
	"iter"
	"time"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

type modelLead struct {
	holder string
	term   uint64
	until  time.Time
}

// Lead implements store.Upkeep.
func (m *Model) Lead(ctx context.Context, task, holder string, d time.Duration) (uint64, bool, error) {
	unlock, err := m.open(ctx)
	if err != nil {
		return 0, false, err
	}
	defer unlock()
	l := m.leads[task]
	if l.holder != holder {
		if time.Now().Before(l.until) {
			return 0, false, nil
		}
		l.term++
	}
	l.holder, l.until = holder, time.Now().Add(d)
	m.leads[task] = l
	return l.term, true, nil
}

// UnfinishedIDs implements store.Upkeep.
func (m *Model) UnfinishedIDs(ctx context.Context) iter.Seq2[job.ID, error] {
	return func(yield func(job.ID, error) bool) {
		unlock, err := m.open(ctx)
		if err != nil {
			yield("", err)
			return
		}
		var ids []job.ID
		for _, j := range m.jobs {
			if !j.State.Final() {
				ids = append(ids, j.ID)
			}
		}
		unlock()
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
	}
}

// EndedJobs implements store.Upkeep.
func (m *Model) EndedJobs(ctx context.Context, before time.Time, limit int) ([]job.Job, error) {
	unlock, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var ended []job.Job
	for _, j := range m.jobs {
		if j.State.Final() && j.Finished.Before(before) && len(ended) < limit {
			ended = append(ended, copyJob(j.Job))
		}
	}
	return ended, nil
}

// SourceUse implements store.Upkeep.
func (m *Model) SourceUse(ctx context.Context, account, bucket, key string) (store.SourceUse, error) {
	var use store.SourceUse
	unlock, err := m.open(ctx)
	if err != nil {
		return use, err
	}
	defer unlock()
	for _, j := range m.jobs {
		if j.Owner.Account != account || j.Source.Bucket != bucket || j.Source.Key != key {
			continue
		}
		use.Jobs++
		if !j.State.Final() {
			use.Unfinished++
		} else if j.Finished.After(use.Ended) {
			use.Ended = j.Finished
		}
	}
	return use, nil
}
