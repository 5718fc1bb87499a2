package pebblestore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

// CreateJob implements store.Jobs.
func (s *Store) CreateJob(ctx context.Context, j job.Job, once store.Once, unfinished int) (job.Job, error) {
	if err := ctx.Err(); err != nil {
		return job.Job{}, err
	}
	// Jobs are numbered before the lock, so that it is held for one write only.
	row, err := s.newRow(j, once)
	if err != nil {
		return job.Job{}, err
	}
	// The lock is on the owner, not on the wire: an ID may be taken under any wire.
	defer s.lockJobs(j.Owner)()
	b := s.db.NewBatch()
	defer b.Close()
	token := keyOfToken(j.Owner, tokenOfJob, string(j.Wire), once.Token)
	if k, ok, err := s.madeJob(b, j.Owner, token, once); err != nil || ok {
		if err != nil {
			return job.Job{}, err
		}
		return s.jobNow(k)
	}
	if err := s.mayCreateJob(b, &row.Job, unfinished); err != nil {
		return job.Job{}, err
	}
	// Under the lock: the list must not be deleted with its jobs between this and the write.
	list, err := s.listID(targetOf(&j))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return job.Job{}, err
	}
	row.List = list.number
	if err := setToken(b, token, once, string(j.ID)); err != nil {
		return job.Job{}, err
	}
	if err := setJob(b, row, true); err != nil {
		return job.Job{}, err
	}
	// Others see the job before the write is done: who changes it must not tell the
	// queue before it is told here.
	defer s.jobs.lock(keyFor(&row.Job))()
	if err := s.apply(b); err != nil {
		return job.Job{}, err
	}
	s.queue.follow(row)
	return s.jobNow(keyFor(&row.Job))
}

func (s *Store) newRow(j job.Job, once store.Once) (*jobRow, error) {
	number, err := s.number()
	if err != nil {
		return nil, err
	}
	row := &jobRow{Job: j, Number: number, Token: &once.Token}
	row.Job.Lease, row.Job.Counts, row.Job.Checkpoint = job.Lease{}, job.Counts{}, record.Position{}
	row.Job.LastError = ""
	stampJob(&row.Job)
	if j.Ready {
		if err := s.enqueue(row); err != nil {
			return nil, err
		}
	}
	return row, nil
}

// madeJob returns the job that was created with a token before.
func (s *Store) madeJob(b *pebble.Batch, o job.Owner, key []byte, once store.Once) (k jobKey, ok bool, err error) {
	t, err := s.token(key, once)
	if err != nil || t == nil {
		return jobKey{}, false, err
	}
	k = jobKey{owner: o, id: job.ID(t.ID)}
	if deleted, err := s.purgeDeleted(b, k); err != nil || deleted {
		return jobKey{}, false, err
	}
	return k, true, t.mustBeFor(once)
}

// targetOf names the list that a job imports into.
func targetOf(j *job.Job) store.ListRef {
	return store.ListRef{Owner: j.Owner, Kind: j.Destination.Kind, ID: j.Destination.List}
}

func stampJob(j *job.Job) {
	j.Created, j.Started, j.Finished = stamp(j.Created), stamp(j.Started), stamp(j.Finished)
}

func (s *Store) mayCreateJob(b *pebble.Batch, j *job.Job, unfinished int) error {
	taken, err := s.has(keyOfJob(keyFor(j)))
	if err != nil {
		return err
	}
	if taken {
		if deleted, err := s.purgeDeleted(b, keyFor(j)); err != nil {
			return err
		} else if !deleted {
			return fault.New(fault.AlreadyExists, "there is a job %s already", j.ID)
		}
	}
	if unfinished <= 0 {
		return nil
	}
	n, err := s.countKeys(unfinishedJobs.prefix(j.Owner, string(j.Wire)), unfinished)
	if err == nil && n >= unfinished {
		err = fault.New(fault.LimitExceeded, "there are %d unfinished jobs already", n)
	}
	return err
}

// countKeys counts the keys with a prefix, but not beyond most.
func (s *Store) countKeys(prefix []byte, most int) (int, error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return 0, err
	}
	defer it.Close()
	defer s.tidy(it, prefix[0])
	n := 0
	for ok := it.First(); ok && n < most; ok = it.Next() {
		n++
	}
	return n, it.Error()
}

// Job implements store.Jobs.
func (s *Store) Job(ctx context.Context, o job.Owner, id job.ID) (job.Job, error) {
	if err := ctx.Err(); err != nil {
		return job.Job{}, err
	}
	return s.jobNow(jobKey{owner: o, id: id})
}

// ListJobs implements store.Jobs.
func (s *Store) ListJobs(ctx context.Context, o job.Owner, f store.JobFilter, p store.Page) ([]job.Job, string, error) {
	snap := s.db.NewSnapshot()
	defer snap.Close()
	p.Budget = cmp.Or(p.Budget, store.JobBudget)
	return inOrder(ctx, s, snap, indexFor(o, f), p, direction(f.NewestFirst), func(id string) (job.Job, bool, error) {
		k := jobKey{owner: o, id: job.ID(id)}
		row, err := s.jobRow(snap, k)
		if fault.Is(err, fault.NotFound) { // deleted with its list, and its rows are still there
			return job.Job{}, false, nil
		}
		var j job.Job
		if err == nil {
			if !selects(f, &row.Job) {
				return job.Job{}, false, nil
			}
			j, err = s.whole(snap, row)
		}
		if isDamaged(err) { // the others are listed
			s.logDamaged(k, err)
			return job.Job{}, false, nil
		}
		return j, err == nil, err
	})
}

func selects(f store.JobFilter, j *job.Job) bool {
	return (f.Wire == "" || f.Wire == j.Wire) &&
		(f.Kind == "" || f.Kind == j.Destination.Kind) &&
		(f.List == "" || f.List == j.Destination.List) &&
		(len(f.States) == 0 || slices.Contains(f.States, j.State))
}

// ChangeJob implements store.Jobs.
func (s *Store) ChangeJob(ctx context.Context, o job.Owner, id job.ID, change func(*job.Job) error) (job.Job, error) {
	if err := ctx.Err(); err != nil {
		return job.Job{}, err
	}
	k := jobKey{owner: o, id: id}
	defer s.jobs.lock(k)()
	row, err := s.jobRow(s.db, k)
	if err != nil {
		return job.Job{}, err
	}
	was, err := s.whole(s.db, row)
	if err != nil {
		return job.Job{}, err
	}
	j := was
	if err := change(&j); err != nil {
		return job.Job{}, err
	}
	j.ID, j.Owner, j.Wire, j.Destination, j.Created = was.ID, was.Owner, was.Wire, was.Destination, was.Created
	j.Source.Bucket, j.Source.Key = was.Source.Bucket, was.Source.Key
	j.Counts, j.Checkpoint, j.Lease = was.Counts, was.Checkpoint, was.Lease
	j.LastError = was.LastError
	stampJob(&j)
	if j.State.Final() && !was.State.Final() {
		endLease(&j, time.Now())
	}
	if j.Ready && !was.Ready {
		if err := s.enqueue(row); err != nil {
			return job.Job{}, err
		}
	}
	row.Job = j
	if err := s.saveJob(row); err != nil {
		return job.Job{}, err
	}
	return s.jobNow(k)
}

// endLease makes a lease that may still be live one that is over.
func endLease(j *job.Job, now time.Time) {
	if now = stamp(now); now.Before(j.Lease.Until) {
		j.Lease.Until = now
	}
}
