package pebblestore

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// Claim implements store.Work.
func (s *Store) Claim(ctx context.Context, w store.Wanted) (job.Job, bool, error) {
	for {
		if err := ctx.Err(); err != nil {
			return job.Job{}, false, err
		}
		k, ok := s.queue.pick(w, time.Now())
		if !ok {
			return job.Job{}, false, nil
		}
		j, ok, err := s.claim(k, w)
		if err != nil || ok {
			return j, ok, err
		}
	}
}

// claim takes a job that pick has marked. It is not ok if the job was ended, its expired
// lease's last commit was still under way and somebody was faster, or its rows are damaged.
func (s *Store) claim(k jobKey, w store.Wanted) (job.Job, bool, error) {
	defer s.queue.picked(k)
	defer s.jobs.lock(k)()
	now := time.Now()
	if !s.queue.free(k, now) {
		return job.Job{}, false, nil
	}
	row, p, err := s.rows(k)
	if isDamaged(err) {
		s.leaveOut(k, err)
		return job.Job{}, false, nil
	}
	if err != nil {
		return job.Job{}, false, err
	}
	until := now.Add(w.Lease)
	row.Job.Lease = job.Lease{
		Owner: k.owner, Job: k.id, Term: row.Job.Lease.Term + 1, Holder: w.Holder, Until: stamp(until),
	}
	if err := s.saveJob(row); err != nil {
		return job.Job{}, false, err
	}
	s.queue.grant(row.Job.Lease, until)
	return s.with(row, p), true, nil
}

// rows reads what is stored of a job, but for its rejects.
func (s *Store) rows(k jobKey) (*jobRow, progress, error) {
	row, err := s.jobRow(s.db, k)
	if err != nil {
		return nil, progress{}, err
	}
	p, err := s.progress(s.db, row.Number)
	return row, p, err
}

// leaveOut takes a damaged job out of the queue, so that the others go on. Its rows stay
// as they are, for a check to find.
func (s *Store) leaveOut(k jobKey, err error) {
	s.queue.leaveOut(k)
	s.logDamaged(k, err)
}

// logDamaged logs that a job is damaged, once.
func (s *Store) logDamaged(k jobKey, err error) {
	if _, logged := s.damaged.LoadOrStore(k, true); !logged {
		s.log.Error("job is damaged and will not run: run sluice check, and restore a backup",
			slog.String("job", string(k.id)), slog.Any("error", err))
	}
}

// Waiting implements store.Work.
func (s *Store) Waiting(ctx context.Context, w store.Wanted) (bool, error) {
	return s.queue.waiting(w, time.Now()), ctx.Err()
}

// Begin implements store.Work.
func (s *Store) Begin(ctx context.Context, l job.Lease, src job.Source) (job.Job, error) {
	return s.underLease(ctx, l, func(row *jobRow, now time.Time) error {
		src.Bucket, src.Key = row.Job.Source.Bucket, row.Job.Source.Key
		row.Job.Source = src
		if row.Job.State == job.Processing {
			return nil
		}
		return row.Job.Become(job.Processing, stamp(now))
	})
}

// Finish implements store.Work.
func (s *Store) Finish(ctx context.Context, l job.Lease, o store.Outcome) (job.Job, error) {
	return s.underLease(ctx, l, func(row *jobRow, now time.Time) error {
		if err := row.Job.Become(o.State, stamp(now)); err != nil {
			return err
		}
		row.Job.Error, row.Job.Report = o.Error, o.Report
		endLease(&row.Job, now)
		return nil
	})
}

// Release implements store.Work.
func (s *Store) Release(ctx context.Context, l job.Lease) error {
	_, err := s.underLease(ctx, l, func(row *jobRow, now time.Time) error {
		endLease(&row.Job, now)
		return s.enqueue(row)
	})
	return err
}

// Postpone implements store.Work.
func (s *Store) Postpone(ctx context.Context, l job.Lease, p store.Pause) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	k := jobKey{owner: l.Owner, id: l.Job}
	defer s.jobs.lock(k)()
	now := time.Now()
	if _, err := s.queue.held(l, now); err != nil {
		return err
	}
	row, progress, err := s.rows(k)
	if err != nil {
		return err
	}
	if err := s.enqueue(row); err != nil {
		return err
	}
	row.Job.Lease, _ = s.queue.lease(k)
	endLease(&row.Job, now)
	row.Job.LastError = p.Error
	row.Pause = pause{Until: now.Add(p.For), Holder: row.Job.Lease.Holder, Avoid: now.Add(p.For + p.Avoid)}
	progress.postpone(p, now)
	if err := s.savePostponed(row, progress); err != nil {
		return err
	}
	s.queue.follow(row)
	s.queue.noteAttempts(k, progress, row.Pause)
	s.queue.grant(row.Job.Lease, now)
	return nil
}

// postpone counts an attempt that ended early.
func (p *progress) postpone(why store.Pause, now time.Time) {
	p.Attempts++
	if why.Failed {
		p.Failures++
	}
	if p.Waiting.Reason != why.Reason {
		p.Waiting.Since = stamp(now)
	}
	p.Waiting.Reason, p.Waiting.Until = why.Reason, stamp(now.Add(why.For))
}

// savePostponed stores a row and its progress in one step.
func (s *Store) savePostponed(row *jobRow, p progress) error {
	v, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("store progress: %w", err)
	}
	b := s.db.NewBatch()
	defer b.Close()
	b.Set(keyOfProgress(row.Number), v, nil)
	if err := setJob(b, row, false); err != nil {
		return err
	}
	return s.apply(b)
}

// underLease changes the row of a job whose lease is held, and tells the queue.
func (s *Store) underLease(ctx context.Context, l job.Lease, change func(*jobRow, time.Time) error) (job.Job, error) {
	if err := ctx.Err(); err != nil {
		return job.Job{}, err
	}
	k := jobKey{owner: l.Owner, id: l.Job}
	defer s.jobs.lock(k)()
	now := time.Now()
	if _, err := s.queue.held(l, now); err != nil {
		return job.Job{}, err
	}
	row, err := s.jobRow(s.db, k)
	if err != nil {
		return job.Job{}, err
	}
	// The row remembers the lease as it was claimed.
	lease, _ := s.queue.lease(k)
	row.Job.Lease = lease
	if err := change(row, now); err != nil {
		return job.Job{}, err
	}
	if err := s.saveJob(row); err != nil {
		return job.Job{}, err
	}
	if row.Job.Lease.Until != lease.Until { // it was ended
		s.queue.grant(row.Job.Lease, now)
	}
	return s.whole(s.db, row)
}

// Renew implements store.Work. It writes nothing: a lease does not outlive the process.
func (s *Store) Renew(ctx context.Context, l job.Lease, d time.Duration) (job.Lease, error) {
	if err := ctx.Err(); err != nil {
		return job.Lease{}, err
	}
	return s.queue.renew(l, time.Now(), d)
}
