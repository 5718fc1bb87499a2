package pebblestore

import (
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// queue is the jobs that are ready and not final, and who works on them. It is all in
// memory and made anew at Open; jobs that nobody may claim cost nothing here.
type queue struct {
	mu   sync.Mutex
	jobs map[jobKey]*queued
}

type jobKey struct {
	owner job.Owner
	id    job.ID
}

func keyFor(j *job.Job) jobKey { return jobKey{owner: j.Owner, id: j.ID} }

// queued is one job in the queue.
type queued struct {
	key     jobKey
	number  uint64    // of the job
	turn    uint64    // lower waits longer
	since   time.Time // when it got its turn
	size    int64
	lease   job.Lease // the last one
	until   time.Time // lease.Until, by the clock that cannot be set
	claimed bool      // Claim is at it
}

func (q *queued) live(now time.Time) bool { return q.lease.Holder != "" && now.Before(q.until) }

// openQueue finds the jobs that wait.
func (s *Store) openQueue() error {
	s.queue.jobs = make(map[jobKey]*queued)
	prefix := []byte{tableUnfinished}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return fmt.Errorf("look for unfinished jobs: %w", err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		k, ok := unfinishedJobs.split(it.Key())
		if !ok {
			s.log.Error("index of unfinished jobs has a damaged row: run sluice check, and restore a backup")
			continue
		}
		row, _, err := s.rows(k)
		if isDamaged(err) {
			s.leaveOut(k, err)
			continue
		}
		if err != nil {
			return err
		}
		// Whoever held it was in a process that is gone.
		row.Job.Lease.Until = time.Time{}
		s.queue.follow(row)
	}
	return it.Error()
}

// leaveOut forgets a job.
func (q *queue) leaveOut(k jobKey) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.jobs, k)
}

// follow makes the queue know a job as it now is.
func (q *queue) follow(row *jobRow) {
	q.mu.Lock()
	defer q.mu.Unlock()
	k := keyFor(&row.Job)
	if !row.Job.Ready || row.Job.State.Final() {
		delete(q.jobs, k)
		return
	}
	e := q.jobs[k]
	if e == nil {
		e = &queued{key: k, number: row.Number, lease: row.Job.Lease}
		q.jobs[k] = e
	}
	e.turn, e.since, e.size = row.Turn, row.Since, row.Job.Source.Size
	if e.since.IsZero() {
		e.since = row.Job.Created
	}
}

// pick marks the job that is to be claimed next, if there is one. Whoever gets it
// calls picked at the end.
func (q *queue) pick(w store.Wanted, now time.Time) (jobKey, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	working := make(map[string]int) // live leases of an account
	for _, e := range q.jobs {
		if e.claimed || e.live(now) {
			working[e.key.owner.Account]++
		}
	}
	var best *queued
	for _, e := range q.jobs {
		if e.waits(w, now) && (best == nil || before(e, best, working)) {
			best = e
		}
	}
	if best == nil {
		return jobKey{}, false
	}
	best.claimed = true
	return best.key, true
}

func before(a, b *queued, working map[string]int) bool {
	if n, m := working[a.key.owner.Account], working[b.key.owner.Account]; n != m {
		return n < m
	}
	return a.turn < b.turn
}

func (q *queued) waits(w store.Wanted, now time.Time) bool {
	return !q.claimed && !q.live(now) && (w.MaxSize == 0 || q.size <= w.MaxSize)
}

func (q *queue) picked(k jobKey) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.jobs[k]; e != nil {
		e.claimed = false
	}
}

// waiting reports whether pick would find a job.
func (q *queue) waiting(w store.Wanted, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.jobs {
		if e.waits(w, now) {
			return true
		}
	}
	return false
}

// free reports whether a job is in the queue and nobody's.
func (q *queue) free(k jobKey, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.jobs[k]
	return e != nil && !e.live(now)
}

// grant gives a job to the lease's holder.
func (q *queue) grant(l job.Lease, until time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.jobs[jobKey{owner: l.Owner, id: l.Job}]; e != nil {
		e.lease, e.until = l, until
	}
}

// held returns the number of a lease's job; fault.LeaseLost unless the lease is the
// job's last and has not run out.
func (q *queue) held(l job.Lease, now time.Time) (number uint64, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e, err := q.holds(l, now)
	if err != nil {
		return 0, err
	}
	return e.number, nil
}

func (q *queue) holds(l job.Lease, now time.Time) (*queued, error) {
	e := q.jobs[jobKey{owner: l.Owner, id: l.Job}]
	if e == nil || !e.live(now) || e.lease.Term != l.Term {
		return nil, fault.New(fault.LeaseLost, "term %d of job %s is over", l.Term, l.Job)
	}
	return e, nil
}

// renew prolongs a lease.
func (q *queue) renew(l job.Lease, now time.Time, d time.Duration) (job.Lease, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e, err := q.holds(l, now)
	if err != nil {
		return job.Lease{}, err
	}
	e.until = now.Add(d)
	e.lease.Until = stamp(e.until)
	return e.lease, nil
}

// lease returns a job's last lease, if the job is in the queue.
func (q *queue) lease(k jobKey) (job.Lease, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.jobs[k]
	if e == nil {
		return job.Lease{}, false
	}
	return e.lease, true
}
