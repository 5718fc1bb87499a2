package pebblestore

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// leads holds the rights to tasks. They need not outlive the process: no other has the
// store open.
type leads struct {
	mu sync.Mutex
	of map[string]lead
}

type lead struct {
	holder string
	term   uint64
	until  time.Time
}

// Lead implements store.Upkeep.
func (s *Store) Lead(ctx context.Context, task, holder string, d time.Duration) (term uint64, ok bool, err error) {
	if err := ctx.Err(); err != nil {
		return 0, false, err
	}
	s.leads.mu.Lock()
	defer s.leads.mu.Unlock()
	now := time.Now()
	l := s.leads.of[task]
	if l.holder != holder {
		if now.Before(l.until) {
			return 0, false, nil
		}
		l.term++
	}
	l.holder, l.until = holder, now.Add(d)
	if s.leads.of == nil {
		s.leads.of = map[string]lead{}
	}
	s.leads.of[task] = l
	return l.term, true, nil
}

// UnfinishedIDs implements store.Upkeep.
func (s *Store) UnfinishedIDs(ctx context.Context) iter.Seq2[job.ID, error] {
	return func(yield func(job.ID, error) bool) {
		snap := s.db.NewSnapshot()
		defer snap.Close()
		err := each(ctx, snap, []byte{tableUnfinishedOrder}, func(key, _ []byte) error {
			k, ok := unfinishedInOrder.split(key)
			if ok && !yield(k.id, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil {
			yield("", err)
		}
	}
}

// EndedJobs implements store.Upkeep. Of each owner it reads the jobs that were created
// before the time: none became final earlier.
func (s *Store) EndedJobs(ctx context.Context, before time.Time, limit int) ([]job.Job, error) {
	snap := s.db.NewSnapshot()
	defer snap.Close()
	table := []byte{tableJobOrder}
	it, err := snap.NewIter(&pebble.IterOptions{LowerBound: table, UpperBound: after(table)})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var ended []job.Job
	for ok := it.First(); ok && len(ended) < limit; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		k, valid := allJobs.split(it.Key())
		if !valid { // check reports it
			ok = it.Next()
			continue
		}
		row, err := s.jobRow(snap, k)
		switch {
		case isDamaged(err):
		case err != nil:
			return nil, err
		case !row.Job.Created.Before(before):
			ok = it.SeekGE(after(allJobs.prefix(k.owner)))
			continue
		case row.Job.State.Final() && row.Job.Finished.Before(before):
			j, err := s.whole(snap, row)
			if err != nil {
				return nil, err
			}
			ended = append(ended, j)
		}
		ok = it.Next()
	}
	return ended, it.Error()
}

// SourceUse implements store.Upkeep.
func (s *Store) SourceUse(ctx context.Context, account, bucket, key string) (store.SourceUse, error) {
	snap := s.db.NewSnapshot()
	defer snap.Close()
	regions, err := regionsOf(snap, account)
	if err != nil {
		return store.SourceUse{}, err
	}
	var use store.SourceUse
	for _, o := range regions {
		err := each(ctx, snap, jobsOfSource.prefix(o, bucket, key), func(k, _ []byte) error {
			found, ok := jobsOfSource.split(k)
			if !ok {
				return nil
			}
			row, err := s.jobRow(snap, found)
			if fault.Is(err, fault.NotFound) { // deleted together with its list
				return nil
			}
			if err != nil {
				return err
			}
			use.Jobs++
			if !row.Job.State.Final() {
				use.Unfinished++
			} else if row.Job.Finished.After(use.Ended) {
				use.Ended = row.Job.Finished
			}
			return nil
		})
		if err != nil {
			return store.SourceUse{}, err
		}
	}
	return use, nil
}

// regionsOf returns an account with each region in which it has jobs.
func regionsOf(r pebble.Reader, account string) ([]job.Owner, error) {
	prefix := appendField([]byte{tableJobsOfSource}, account)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var owners []job.Owner
	for ok := it.First(); ok; {
		o, _, err := splitOwner(it.Key())
		if err != nil {
			ok = it.Next()
			continue
		}
		owners = append(owners, o)
		ok = it.SeekGE(after(ownerPrefix(tableJobsOfSource, o)))
	}
	return owners, it.Error()
}
