package storetest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

// Model is the contract written down as plainly as can be: everything in maps, one
// lock over all, nothing fast. It passes Run, so it may stand in for a backend.
type Model struct {
	mu      sync.Mutex
	turns   int
	jobs    map[jobKey]*modelJob
	lists   map[store.ListRef]*modelList
	tokens  map[tokenKey]made
	secrets map[string][]byte
	leads   map[string]modelLead
	closed  bool
}

var _ store.Store = (*Model)(nil)

// New returns an empty Model.
func New() *Model {
	return &Model{
		jobs: map[jobKey]*modelJob{}, lists: map[store.ListRef]*modelList{},
		tokens: map[tokenKey]made{}, secrets: map[string][]byte{}, leads: map[string]modelLead{},
	}
}

// Reopen makes what Open makes of a store that was closed: leases are void.
func (m *Model) Reopen() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = false
	for _, j := range m.jobs {
		if !j.State.Final() {
			j.Lease.Until = time.Time{}
		}
	}
}

type jobKey struct {
	owner job.Owner
	id    job.ID
}

type modelJob struct {
	job.Job
	list    *modelList // that it is for; nil if there was none when it was created
	turn    int        // lower waits longer
	since   time.Time  // when it got its turn
	avoid   string     // a holder who may not claim it
	avoided time.Time  // until when
	token   tokenKey
	rejects []reject
}

type tokenKey struct {
	owner       job.Owner
	kind, token string
}

type made struct{ input, id string }

func (m *Model) open(ctx context.Context) (unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil, fault.New(fault.Unavailable, "the store is closed")
	}
	return m.mu.Unlock, nil
}

func stamp(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// copyJob makes what the caller may keep, and the store may.
func copyJob(j job.Job) job.Job {
	j.Tags, j.Config = maps.Clone(j.Tags), bytes.Clone(j.Config)
	j.Created, j.Started, j.Finished = stamp(j.Created), stamp(j.Started), stamp(j.Finished)
	return j
}

func (m *Model) once(k tokenKey, once store.Once) (id string, ok bool, err error) {
	t, ok := m.tokens[k]
	if once.Token == "" || !ok {
		return "", false, nil
	}
	if t.input != once.Input {
		return "", false, fault.New(fault.Conflict, "the token was used with other input")
	}
	return t.id, true, nil
}

// CreateJob implements store.Jobs.
func (m *Model) CreateJob(ctx context.Context, j job.Job, once store.Once, unfinished int) (job.Job, error) {
	unlock, err := m.open(ctx)
	if err != nil {
		return job.Job{}, err
	}
	defer unlock()
	token := tokenKey{j.Owner, "job " + string(j.Wire), once.Token}
	if id, ok, err := m.once(token, once); err != nil || ok {
		if err != nil {
			return job.Job{}, err
		}
		return copyJob(m.jobs[jobKey{j.Owner, job.ID(id)}].Job), nil
	}
	k := jobKey{j.Owner, j.ID}
	if m.jobs[k] != nil {
		return job.Job{}, fault.New(fault.AlreadyExists, "the ID is taken")
	}
	n := 0
	for _, other := range m.jobs {
		if other.Owner == j.Owner && other.Wire == j.Wire && !other.State.Final() {
			n++
		}
	}
	if unfinished > 0 && n >= unfinished {
		return job.Job{}, fault.New(fault.LimitExceeded, "too many unfinished jobs")
	}
	j.Counts, j.Checkpoint, j.Lease = job.Counts{}, record.Position{}, job.Lease{}
	j.Attempts, j.Failures, j.LastError, j.Waiting = 0, 0, "", job.Wait{}
	m.jobs[k] = &modelJob{Job: copyJob(j), token: token}
	m.enqueue(m.jobs[k])
	m.jobs[k].list = m.lists[m.jobs[k].target()]
	if once.Token != "" {
		m.tokens[token] = made{once.Input, string(j.ID)}
	}
	return copyJob(m.jobs[k].Job), nil
}

// enqueue puts a job at the end of the queue.
func (m *Model) enqueue(j *modelJob) {
	m.turns++
	j.turn, j.since = m.turns, stamp(time.Now())
}

func (m *Model) find(o job.Owner, id job.ID) (*modelJob, error) {
	if j := m.jobs[jobKey{o, id}]; j != nil {
		return j, nil
	}
	return nil, fault.New(fault.NotFound, "there is no job %s", id)
}

// Job implements store.Jobs.
func (m *Model) Job(ctx context.Context, o job.Owner, id job.ID) (job.Job, error) {
	unlock, err := m.open(ctx)
	if err != nil {
		return job.Job{}, err
	}
	defer unlock()
	j, err := m.find(o, id)
	if err != nil {
		return job.Job{}, err
	}
	return copyJob(j.Job), nil
}

// ListJobs implements store.Jobs.
func (m *Model) ListJobs(ctx context.Context, o job.Owner, f store.JobFilter, p store.Page) ([]job.Job, string, error) {
	unlock, err := m.open(ctx)
	if err != nil {
		return nil, "", err
	}
	defer unlock()
	var all []job.Job
	for _, j := range m.jobs {
		if j.Owner == o && examines(f, &j.Job) {
			all = append(all, copyJob(j.Job))
		}
	}
	budget := cmp.Or(p.Budget, store.JobBudget)
	selects := func(j job.Job) bool {
		return (f.Wire == "" || f.Wire == j.Wire) && (f.Kind == "" || f.Kind == j.Destination.Kind) &&
			(f.List == "" || f.List == j.Destination.List) && (len(f.States) == 0 || slices.Contains(f.States, j.State))
	}
	return page(all, p, budget, f.NewestFirst, selects, func(j job.Job) string { return cursorText(j.Created, string(j.ID)) })
}

// examines reports which jobs a listing with a filter looks at.
func examines(f store.JobFilter, j *job.Job) bool {
	switch {
	case len(f.States) > 0 && !slices.ContainsFunc(f.States, job.State.Final):
		return !j.State.Final()
	case f.List != "" && len(f.States) == 1:
		return j.Destination.List == f.List && j.State == f.States[0]
	case f.List != "":
		return j.Destination.List == f.List
	case len(f.States) == 1:
		return j.State == f.States[0]
	}
	return f.Wire == "" || j.Wire == f.Wire
}

// UnfinishedJob implements store.Jobs.
func (m *Model) UnfinishedJob(ctx context.Context, r store.ListRef, states ...job.State) (job.Job, bool, error) {
	unlock, err := m.open(ctx)
	if err != nil {
		return job.Job{}, false, err
	}
	defer unlock()
	for _, j := range m.jobs {
		if j.target() == r && !j.State.Final() && slices.Contains(states, j.State) {
			return copyJob(j.Job), true, nil
		}
	}
	return job.Job{}, false, nil
}

// cursorText is a page token that sorts by time, then by id, and begins as no other does.
func cursorText(t time.Time, id string) string {
	return fmt.Sprintf("model %020d %s", uint64(t.UnixMicro())^1<<63, id)
}

// page sorts what there is by its tokens, and returns the part that is asked for.
func page[T any](all []T, p store.Page, budget int, descending bool, selects func(T) bool, token func(T) string) ([]T, string, error) {
	if p.Limit < 1 {
		return nil, "", fault.New(fault.Invalid, "page size must be at least 1")
	}
	if p.After != "" && (len(p.After) < 6 || p.After[:6] != "model ") {
		return nil, "", fault.New(fault.BadToken, "not a token of this listing")
	}
	slices.SortFunc(all, func(x, y T) int { return cmp.Compare(token(x), token(y)) })
	isBefore := func(one T) bool { return token(one) <= p.After } // where the page begins
	if descending {
		slices.Reverse(all)
		isBefore = func(one T) bool { return p.After != "" && token(one) >= p.After }
	}
	var page []T
	last := ""
	for _, one := range all {
		if isBefore(one) {
			continue
		}
		if budget == 0 {
			return page, last, nil
		}
		budget--
		if selects(one) {
			if len(page) == p.Limit {
				return page, last, nil
			}
			page = append(page, one)
		}
		last = token(one)
	}
	return page, "", nil
}

// ChangeJob implements store.Jobs.
func (m *Model) ChangeJob(ctx context.Context, o job.Owner, id job.ID, change func(*job.Job) error) (job.Job, error) {
	unlock, err := m.open(ctx)
	if err != nil {
		return job.Job{}, err
	}
	defer unlock()
	was, err := m.find(o, id)
	if err != nil {
		return job.Job{}, err
	}
	j := copyJob(was.Job)
	if err := change(&j); err != nil {
		return job.Job{}, err
	}
	j.ID, j.Owner, j.Wire, j.Destination, j.Created = was.ID, was.Owner, was.Wire, was.Destination, was.Created
	j.Source.Bucket, j.Source.Key = was.Source.Bucket, was.Source.Key
	j.Counts, j.Checkpoint, j.Lease = was.Counts, was.Checkpoint, was.Lease
	j.Attempts, j.Failures, j.LastError, j.Waiting = was.Attempts, was.Failures, was.LastError, was.Waiting
	if j.State.Final() {
		j.Waiting = job.Wait{}
	}
	if j.Ready && !was.Ready {
		m.enqueue(was)
	}
	if j.State.Final() && !was.State.Final() {
		endLease(&j)
	}
	was.Job = copyJob(j)
	return copyJob(j), nil
}

// DeleteJob implements store.Jobs.
func (m *Model) DeleteJob(ctx context.Context, o job.Owner, id job.ID) error {
	unlock, err := m.open(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	j, err := m.find(o, id)
	if err != nil {
		return err
	}
	if !j.State.Final() {
		return fault.New(fault.Conflict, "the job is not final")
	}
	delete(m.jobs, jobKey{o, id})
	delete(m.tokens, j.token)
	return nil
}

func endLease(j *job.Job) {
	if now := stamp(time.Now()); now.Before(j.Lease.Until) {
		j.Lease.Until = now
	}
}

// Secret implements store.Store.
func (m *Model) Secret(ctx context.Context, name string) ([]byte, error) {
	unlock, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if m.secrets[name] == nil {
		m.secrets[name] = make([]byte, 32)
		rand.Read(m.secrets[name])
	}
	return slices.Clone(m.secrets[name]), nil
}

// Ping implements store.Store.
func (m *Model) Ping(ctx context.Context) error {
	unlock, err := m.open(ctx)
	if err == nil {
		unlock()
	}
	return err
}

// Close implements store.Store. What was stored stays, see Reopen.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}
