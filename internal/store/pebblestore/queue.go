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
//
// A job is in one of three sets, and a claim looks at no more than it needs of them:
//
//	claimable   by account, in order of their turns; jobs to be tried again by themselves
//	leased      the few that are being worked on, or claimed
//	paused      a heap by the end of the pause
type queue struct {
	mu        sync.Mutex
	jobs      map[jobKey]*queued
	claimable map[string]*turns // by account; no account without jobs
	leased    map[*queued]struct{}
	paused    pausedHeap
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

	retry  bool       // an attempt ended early, without progress since
	reason job.Reason // why it waits
	pause  pause

	set     set
	place   int  // in the heap of paused jobs
	retries bool // that it is among, if it is claimable
}

func (q *queued) live(now time.Time) bool { return q.lease.Holder != "" && now.Before(q.until) }

// openQueue finds the jobs that wait.
func (s *Store) openQueue() error {
	s.queue.init()
	prefix := []byte{tableUnfinished}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return fmt.Errorf("look for unfinished jobs: %w", err)
	}
	defer it.Close()
	defer s.tidy(it, tableUnfinished)
	for ok := it.First(); ok; ok = it.Next() {
		k, ok := unfinishedJobs.split(it.Key())
		if !ok {
			s.log.Error("index of unfinished jobs has a damaged row: run sluice check, and restore a backup")
			continue
		}
		row, p, err := s.rows(k)
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
		if p.Attempts > 0 {
			s.queue.noteAttempts(k, p, row.Pause)
		}
	}
	return it.Error()
}

// leaveOut forgets a job.
func (q *queue) leaveOut(k jobKey) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.forget(k)
}

func (q *queue) forget(k jobKey) {
	if e := q.jobs[k]; e != nil {
		q.take(e)
		delete(q.jobs, k)
	}
}

// follow makes the queue know a job as it now is.
func (q *queue) follow(row *jobRow) {
	q.mu.Lock()
	defer q.mu.Unlock()
	k := keyFor(&row.Job)
	if !row.Job.Ready || row.Job.State.Final() {
		q.forget(k)
		return
	}
	e := q.jobs[k]
	if e == nil {
		e = &queued{key: k, number: row.Number, lease: row.Job.Lease}
		q.jobs[k] = e
	}
	q.take(e)
	e.turn, e.since, e.size = row.Turn, row.Since, row.Job.Source.Size
	if e.since.IsZero() {
		e.since = row.Job.Created
	}
	q.put(e, time.Now())
}

// noteAttempts makes the queue know what is kept of a job's attempts.
func (q *queue) noteAttempts(k jobKey, p progress, pause pause) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.jobs[k]
	if e == nil {
		return
	}
	q.take(e)
	e.retry, e.reason, e.pause = p.Attempts > 0, p.Waiting.Reason, pause
	q.put(e, time.Now())
}

// pick marks the job that is to be claimed next, if there is one. Whoever gets it
// calls picked at the end.
func (q *queue) pick(w store.Wanted, now time.Time) (jobKey, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.next(w, now)
	if e == nil {
		return jobKey{}, false
	}
	q.take(e)
	e.claimed = true
	q.put(e, now)
	return e.key, true
}

func (q *queue) picked(k jobKey) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.jobs[k]; e != nil {
		q.take(e)
		e.claimed = false
		q.put(e, time.Now())
	}
}

// waiting reports whether pick would find a job.
func (q *queue) waiting(w store.Wanted, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.next(w, now) != nil
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
		q.take(e)
		e.lease, e.until = l, until
		q.put(e, time.Now())
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
