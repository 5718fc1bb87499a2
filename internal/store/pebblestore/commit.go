package pebblestore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// Commit implements store.Work.
//
// The job's lock keeps out whoever could end the lease or move the checkpoint, the
// list's lock whoever could delete the list or change a member between a look at it
// and the write.
func (s *Store) Commit(ctx context.Context, l job.Lease, pr store.Prepared) (job.Counts, error) {
	p, ok := pr.(*prepared)
	if !ok || p.s != s || p.used || p.lease.Owner != l.Owner || p.lease.Job != l.Job {
		return job.Counts{}, errUsed
	}
	defer p.Discard()
	if err := ctx.Err(); err != nil {
		return job.Counts{}, err
	}
	defer s.jobs.lock(jobKey{owner: l.Owner, id: l.Job})()
	if p.lease.Term != l.Term {
		return job.Counts{}, fault.New(fault.LeaseLost, "term %d of job %s is over", p.lease.Term, l.Job)
	}
	if number, err := s.queue.held(l, time.Now()); err != nil {
		return job.Counts{}, err
	} else if number != p.job { // the job was deleted, and made again under its ID
		return job.Counts{}, fault.New(fault.LeaseLost, "job %s is another one", l.Job)
	}
	defer s.listsIn.lock(p.ref)()
	list, err := s.listIDLocked(p.ref)
	if err != nil {
		return job.Counts{}, err
	}
	if list != p.list {
		return job.Counts{}, store.NoList(p.ref)
	}
	if p.batch != nil {
		return s.commitChecked(ctx, p)
	}
	counts, err := s.store(p)
	if p.work.counts.Imported > 0 {
		s.counts.forget(p.list.number) // to know how many were new would cost a look at each
	}
	return counts, err
}

// store makes a written batch and the job's new progress one step.
func (s *Store) store(p *prepared) (counts job.Counts, err error) {
	now, err := s.progress(s.db, p.job)
	if err != nil {
		return job.Counts{}, err
	}
	now.Counts.Imported += p.work.counts.Imported
	now.Counts.Rejected += p.work.counts.Rejected
	now.Checkpoint = p.through
	tried := now.Attempts > 0
	now.Attempts, now.Failures, now.Waiting = 0, 0, job.Wait{}
	if tried {
		defer func() { s.noteProgress(p, err) }()
	}
	v, err := json.Marshal(now)
	if err != nil {
		return job.Counts{}, fmt.Errorf("store progress: %w", err)
	}
	if p.work.batch != nil {
		p.work.batch.Set(keyOfProgress(p.job), v, nil)
		return now.Counts, s.apply(p.work.batch)
	}
	path, err := s.writeFile(func(to sink) error { return to.Set(keyOfProgress(p.job), v) })
	if err != nil {
		return job.Counts{}, err
	}
	p.work.files = append(p.work.files, path)
	// From here on there is no way back: a caller who gives up must not make half of it.
	if err := s.mayWrite(); err != nil {
		return job.Counts{}, err
	}
	defer s.writes.enter()()
	if err := s.db.Ingest(context.Background(), p.work.files); err != nil {
		return job.Counts{}, fmt.Errorf("ingest batch: %w", err)
	}
	p.work.files = nil // they are the database's now
	return now.Counts, nil
}

// noteProgress marks in the queue that a job has made progress after failed attempts.
func (s *Store) noteProgress(p *prepared, err error) {
	if err == nil {
		s.queue.noteAttempts(jobKey{owner: p.lease.Owner, id: p.lease.Job}, progress{}, pause{})
	}
}
