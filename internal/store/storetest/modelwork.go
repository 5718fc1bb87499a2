package storetest

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

type reject = record.Reject

func (j *modelJob) waits(w store.Wanted) bool {
	now := time.Now()
	return j.Ready && !j.State.Final() && !j.Lease.Live(now) && !now.Before(j.Waiting.Until) &&
		!(j.avoid == w.Holder && now.Before(j.avoided)) &&
		(w.MaxSize == 0 || j.Source.Size <= w.MaxSize) && w.Retries == (j.Attempts > 0)
}

// Claim implements store.Work.
func (m *Model) Claim(ctx context.Context, w store.Wanted) (job.Job, bool, error) {
	unlock, err := m.open(ctx)
	if err != nil {
		return job.Job{}, false, err
	}
	defer unlock()
	live := map[string]int{}
	for _, j := range m.jobs {
		if j.Ready && !j.State.Final() && j.Lease.Live(time.Now()) && w.Retries == (j.Attempts > 0) {
			live[j.Owner.Account]++
		}
	}
	var best *modelJob
	for _, j := range m.jobs {
		if !j.waits(w) {
			continue
		}
		if best == nil || live[j.Owner.Account] < live[best.Owner.Account] ||
			(live[j.Owner.Account] == live[best.Owner.Account] && j.turn < best.turn) {
			best = j
		}
	}
	if best == nil {
		return job.Job{}, false, nil
	}
	best.Lease = job.Lease{
		Owner: best.Owner, Job: best.ID, Term: best.Lease.Term + 1, Holder: w.Holder, Until: stamp(time.Now().Add(w.Lease)),
	}
	return copyJob(best.Job), true, nil
}

// Waiting implements store.Work.
func (m *Model) Waiting(ctx context.Context, w store.Wanted) (bool, error) {
	unlock, err := m.open(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	for _, j := range m.jobs {
		if j.waits(w) {
			return true, nil
		}
	}
	return false, nil
}

// JobCounts implements store.Work.
func (m *Model) JobCounts(ctx context.Context) (store.JobCounts, error) {
	unlock, err := m.open(ctx)
	if err != nil {
		return store.JobCounts{}, err
	}
	defer unlock()
	var c store.JobCounts
	for _, j := range m.jobs {
		switch j.State {
		case job.Created:
			c.Created++
		case job.Processing:
			c.Processing++
		}
		if j.Waiting != (job.Wait{}) {
			if c.Reasons == nil {
				c.Reasons = map[job.Reason]int64{}
			}
			c.Reasons[j.Waiting.Reason]++
		}
		if !j.waits(store.Wanted{Retries: j.Attempts > 0}) {
			continue
		}
		if c.Waiting++; c.Waiting == 1 || j.since.Before(c.WaitingSince) {
			c.WaitingSince = j.since
		}
	}
	return c, nil
}

// held opens the store and finds the job of a lease, if it is its last and live.
func (m *Model) held(ctx context.Context, l job.Lease) (*modelJob, func(), error) {
	unlock, err := m.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	j := m.jobs[jobKey{l.Owner, l.Job}]
	if j == nil || !j.Ready || j.State.Final() || j.Lease.Term != l.Term || !j.Lease.Live(time.Now()) {
		unlock()
		return nil, nil, fault.New(fault.LeaseLost, "the lease is lost")
	}
	return j, unlock, nil
}

// Begin implements store.Work.
func (m *Model) Begin(ctx context.Context, l job.Lease, s job.Source) (job.Job, error) {
	j, unlock, err := m.held(ctx, l)
	if err != nil {
		return job.Job{}, err
	}
	defer unlock()
	if j.State != job.Processing {
		if err := j.Become(job.Processing, stamp(time.Now())); err != nil {
			return job.Job{}, err
		}
	}
	s.Bucket, s.Key = j.Source.Bucket, j.Source.Key
	j.Source = s
	return copyJob(j.Job), nil
}

// Renew implements store.Work.
func (m *Model) Renew(ctx context.Context, l job.Lease, d time.Duration) (job.Lease, error) {
	j, unlock, err := m.held(ctx, l)
	if err != nil {
		return job.Lease{}, err
	}
	defer unlock()
	j.Lease.Until = stamp(time.Now().Add(d))
	return j.Lease, nil
}

// Release implements store.Work.
func (m *Model) Release(ctx context.Context, l job.Lease) error {
	j, unlock, err := m.held(ctx, l)
	if err != nil {
		return err
	}
	defer unlock()
	endLease(&j.Job)
	m.enqueue(j)
	return nil
}

// Postpone implements store.Work.
func (m *Model) Postpone(ctx context.Context, l job.Lease, p store.Pause) error {
	j, unlock, err := m.held(ctx, l)
	if err != nil {
		return err
	}
	defer unlock()
	now := stamp(time.Now())
	j.Attempts++
	if p.Failed {
		j.Failures++
	}
	if j.Waiting.Reason != p.Reason {
		j.Waiting.Since = now
	}
	j.LastError, j.Waiting.Reason, j.Waiting.Until = p.Error, p.Reason, now.Add(p.For)
	j.avoid, j.avoided = l.Holder, now.Add(p.For+p.Avoid)
	endLease(&j.Job)
	m.enqueue(j)
	return nil
}

// Finish implements store.Work.
func (m *Model) Finish(ctx context.Context, l job.Lease, o store.Outcome) (job.Job, error) {
	j, unlock, err := m.held(ctx, l)
	if err != nil {
		return job.Job{}, err
	}
	defer unlock()
	if err := j.Become(o.State, stamp(time.Now())); err != nil {
		return job.Job{}, err
	}
	j.Error, j.Report = o.Error, o.Report
	endLease(&j.Job)
	return copyJob(j.Job), nil
}

type modelPrepared struct {
	changes []modelChange
	rejects []reject
	at      time.Time
	through record.Position
	most    int // members that the list may have
	job     *modelJob
	list    *modelList
	used    bool
}

type modelChange struct {
	key     string
	value   []byte
	unique  []store.UniqueKey
	deletes bool
	origin  reject // what it becomes when it is refused, but for code and reason
}

func newModelPrepared(b *store.Batch) *modelPrepared {
	p := &modelPrepared{at: b.At, through: b.Through, most: b.MaxMembers}
	for i := range b.Changes() {
		c := modelChange{key: string(b.Key(i)), value: bytes.Clone(b.Value(i)), unique: copyUnique(b.AppendUnique(nil, i)), deletes: b.Deletes(i)}
		if b.NeedsCheck() {
			c.origin = copyReject(b.RejectOf(i, &record.Refusal{}))
		}
		p.changes = append(p.changes, c)
	}
	for i := range b.Rejects() {
		p.rejects = append(p.rejects, copyReject(b.RejectAt(i)))
	}
	return p
}

func (p *modelPrepared) Discard() { p.used = true }

// Prepare implements store.Work.
func (m *Model) Prepare(ctx context.Context, l job.Lease, b *store.Batch) (store.Prepared, error) {
	j, unlock, err := m.held(ctx, l)
	if err != nil {
		return nil, err
	}
	defer unlock()
	list, err := m.list(j.target())
	if err != nil {
		return nil, err
	}
	if j.list != nil && j.list != list {
		return nil, store.NoList(j.target())
	}
	if list.UniqueKeys != b.UniqueKeys {
		return nil, errors.New("the batch is not for this list")
	}
	p := newModelPrepared(b)
	p.job, p.list = j, list
	return p, nil
}

func (j *modelJob) target() store.ListRef {
	return store.ListRef{Owner: j.Owner, Kind: j.Destination.Kind, ID: j.Destination.List}
}

// Commit implements store.Work.
func (m *Model) Commit(ctx context.Context, l job.Lease, pr store.Prepared) (job.Counts, error) {
	p, ok := pr.(*modelPrepared)
	if !ok || p.used {
		return job.Counts{}, errors.New("a prepared batch is committed once")
	}
	p.used = true
	j, unlock, err := m.held(ctx, l)
	if err != nil {
		return job.Counts{}, err
	}
	defer unlock()
	if j != p.job {
		return job.Counts{}, fault.New(fault.LeaseLost, "the job is another one")
	}
	if list, err := m.list(j.target()); err != nil || list != p.list {
		return job.Counts{}, store.NoList(j.target())
	}
	for _, c := range p.changes {
		if c.deletes {
			p.list.remove(c.key)
			j.Counts.Imported++
			continue
		}
		if why := p.list.refuses(c.key, c.unique, p.most); why != nil {
			c.origin.Code, c.origin.Reason = why.Code, why.Reason
			j.reject(c.origin)
			continue
		}
		p.list.put(c.key, c.value, c.unique, p.at)
		j.Counts.Imported++
	}
	for _, r := range p.rejects {
		j.reject(r)
	}
	slices.SortStableFunc(j.rejects, func(x, y reject) int { return int(x.Record - y.Record) })
	j.Checkpoint = p.through
	j.Attempts, j.Failures, j.Waiting = 0, 0, job.Wait{}
	j.avoid, j.avoided = "", time.Time{}
	return j.Counts, nil
}

func copyReject(r reject) reject {
	r.Key, r.Raw = bytes.Clone(r.Key), bytes.Clone(r.Raw)
	return r
}

func (j *modelJob) reject(r reject) {
	j.rejects = append(j.rejects, r)
	j.Counts.Rejected++
}

// Rejects implements store.Work.
func (m *Model) Rejects(ctx context.Context, o job.Owner, id job.ID) iter.Seq2[reject, error] {
	return func(yield func(reject, error) bool) {
		unlock, err := m.open(ctx)
		if err != nil {
			yield(reject{}, err)
			return
		}
		j, err := m.find(o, id)
		var all []reject
		if err == nil {
			all = slices.Clone(j.rejects)
		}
		unlock()
		if err != nil {
			yield(reject{}, err)
			return
		}
		for _, r := range all {
			if !yield(r, nil) {
				return
			}
		}
	}
}
