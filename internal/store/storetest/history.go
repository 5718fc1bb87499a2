package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// HistoryOwner is the account whose jobs have ended in BenchmarkHistory, and HistoryList
// the list that they imported into.
var (
	HistoryOwner = job.Owner{Account: "111111111111", Region: "eu-west-1"}
	HistoryList  = store.ListRef{Owner: HistoryOwner, Kind: job.AddressList, ID: "al-history"}
)

// EndedJobs is how many jobs BenchmarkHistory compares with none.
const EndedJobs = 200_000

// EndedJob returns the job of a number, as it is after it was imported.
func EndedJob(n int) job.Job {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Minute)
	id := fmt.Sprintf("job-%024d", n)
	return job.Job{
		ID: job.ID(id), Owner: HistoryOwner, Wire: job.MailManager, Name: "import",
		Destination: job.Destination{Kind: job.AddressList, List: HistoryList.ID, Action: job.Put},
		Source:      job.Source{Bucket: "sluice", Key: "uploads/" + id, Version: "v", ETag: "e", Size: 1 << 20, Format: "CSV"},
		State:       []job.State{job.Completed, job.Completed, job.Failed, job.Stopped}[n%4],
		Created:     at, Started: at, Finished: at.Add(time.Second), Report: "reports/" + id + ".csv",
	}
}

// BenchmarkHistory measures what an account does with its jobs beside those that have
// ended: the parts of the API's operations that the store does. It is run with none of
// them and with EndedJobs, and should take the same.
func BenchmarkHistory(b *testing.B, open func() store.Store) {
	h := &history{ctx: context.Background(), s: open(), open: open}
	defer func() { h.s.Close() }()
	for i := range 3 { // what the listings look for
		h.must(b, h.create(b, "other", job.SESv2, fmt.Sprint("few-", i), 0))
		h.must(b, h.change(fmt.Sprint("few-", i), job.Stopped))
	}
	for _, op := range []struct {
		name string
		do   func(b *testing.B, n int) error
	}{
		{"create", func(b *testing.B, n int) error {
			return h.create(b, HistoryList.ID, job.MailManager, h.id(n), 1_000_000)
		}},
		{"start", func(_ *testing.B, n int) error { return h.change(h.id(n), job.Processing) }},
		{"get", func(_ *testing.B, n int) error { _, err := h.s.Job(h.ctx, HistoryOwner, job.ID(h.id(n))); return err }},
		{"waiting", func(*testing.B, int) error { _, err := h.s.Waiting(h.ctx, store.Wanted{}); return err }},
		{"counts", func(*testing.B, int) error { _, err := h.s.JobCounts(h.ctx); return err }},
		{"claim", h.claim},
		{"list the first 50", h.list(store.JobFilter{})},
		{"list the newest 50", h.list(store.JobFilter{NewestFirst: true})},
		{"list the newest that failed", h.list(store.JobFilter{NewestFirst: true, States: []job.State{job.Failed}})},
		{"list the newest of a list that stopped", h.list(store.JobFilter{NewestFirst: true, List: "al-history", States: []job.State{job.Stopped}})},
		{"list by list", h.list(store.JobFilter{Wire: job.SESv2, Kind: job.AddressList, List: "other"})},
		{"list by API", h.list(store.JobFilter{Wire: job.SESv2})},
		{"list unfinished", h.list(store.JobFilter{States: []job.State{job.Processing}})},
		{"list of nothing", h.list(store.JobFilter{List: "none"})},
		{"stop", func(_ *testing.B, n int) error { return h.change(h.id(n), job.Stopped) }},
		{"delete list", h.deleteList},
		{"restart", h.restart},
	} {
		b.Run(op.name, func(b *testing.B) {
			n := 0
			for b.Loop() {
				h.must(b, op.do(b, n))
				n++
			}
		})
	}
}

// history is a store and the calls of one account.
type history struct {
	ctx     context.Context
	s       store.Store
	open    func() store.Store
	created int
}

func (h *history) must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// id names the jobs that the benchmarks create and then go round.
func (h *history) id(n int) string { return fmt.Sprint("new-", n%max(1, h.created)) }

func (h *history) create(_ *testing.B, list string, w job.Wire, id string, most int) error {
	if list == HistoryList.ID {
		id = fmt.Sprint("new-", h.created)
		h.created++
	}
	_, err := h.s.CreateJob(h.ctx, job.Job{
		ID: job.ID(id), Owner: HistoryOwner, Wire: w, State: job.Created, Created: time.Now(),
		Destination: job.Destination{Kind: job.AddressList, List: list, Action: job.Put},
	}, store.Once{Token: id}, most)
	return err
}

// change moves a job to a state, unless an earlier round has.
func (h *history) change(id string, to job.State) error {
	_, err := h.s.ChangeJob(h.ctx, HistoryOwner, job.ID(id), func(j *job.Job) error {
		if j.State == to {
			return nil
		}
		return j.Become(to, time.Now())
	})
	return err
}

// claim claims a job and gives it back.
func (h *history) claim(*testing.B, int) error {
	j, ok, err := h.s.Claim(h.ctx, store.Wanted{Holder: "w", Lease: time.Minute})
	if err != nil || !ok {
		return fmt.Errorf("claim: %t, %w", ok, err)
	}
	return h.s.Release(h.ctx, j.Lease)
}

func (h *history) list(f store.JobFilter) func(*testing.B, int) error {
	return func(*testing.B, int) error {
		_, _, err := h.s.ListJobs(h.ctx, HistoryOwner, f, store.Page{Limit: 50})
		return err
	}
}

// deleteList is DeleteAddressList, of a list that is made before.
func (h *history) deleteList(b *testing.B, n int) error {
	b.StopTimer()
	r := HistoryList
	r.ID = fmt.Sprint("al-", n)
	_, err := h.s.CreateList(h.ctx, store.List{Ref: r, Name: r.ID, Created: time.Now()}, store.Once{}, 0)
	b.StartTimer()
	if err != nil {
		return err
	}
	if _, ok, err := h.s.UnfinishedJob(h.ctx, r, job.Processing); err != nil || ok {
		return fmt.Errorf("unfinished job: %t, %w", ok, err)
	}
	return h.s.DeleteList(h.ctx, r)
}

func (h *history) restart(*testing.B, int) error {
	err := h.s.Close()
	h.s = h.open()
	return err
}
