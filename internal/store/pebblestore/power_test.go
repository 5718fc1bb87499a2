package pebblestore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
	"github.com/sluicehq/sluice/internal/store/storetest"
)

// power is a store and what is done to it between cuts.
type power struct {
	*testing.T
	store.Store
	ctx   context.Context
	lease job.Lease
}

var cutOwner = job.Owner{Account: "111111111111", Region: "eu-west-1"}

// The lists of the steps: members of the second have unique keys.
var (
	cutList  = store.ListRef{Owner: cutOwner, Kind: job.AddressList, ID: "l"}
	cutBase  = store.ListRef{Owner: cutOwner, Kind: job.QuickResponses, ID: "b"}
	cutLists = []store.ListRef{cutList, cutBase}
)

type step struct {
	name string
	do   func() error
}

func (p *power) steps() []step {
	var all []step
	all = append(all, p.beginning("j", cutList)...)
	for i, n := range []int{900, 3, 1200, 900, 40, 901} {
		all = append(all, p.between(i, n)...)
	}
	all = append(
		all,
		step{"Commit with a limit", func() error { return p.commit(7, 1000, 1190) }},
		step{"Checkpoint", func() error {
			return p.Store.(*pebblestore.Store).Checkpoint(p.ctx, "snapshots/1")
		}},
		step{"Finish", p.finish},
	)
	all = append(all, p.beginning("q", cutBase)...)
	for i, n := range []int{700, 5, 600, 30} {
		all = append(all, p.betweenUniqueKeys(i, n)...)
	}
	all = append(
		all,
		step{"Finish with unique keys", p.finish},
		step{"DeleteJob", func() error { return p.DeleteJob(p.ctx, cutOwner, "j") }},
		step{"DeleteList", func() error { return p.DeleteList(p.ctx, cutList) }},
		step{"CreateList again", func() error { return p.createList(cutList) }},
		step{"DeleteList with unique keys", func() error { return p.DeleteList(p.ctx, cutBase) }},
		step{"DeleteJob with unique keys", func() error { return p.DeleteJob(p.ctx, cutOwner, "q") }},
		step{"CreateList with jobs", func() error { return p.createList(cutBase) }},
	)
	for i := range 3 {
		all = append(all, p.endedJob(i)...)
	}
	all = append(
		all,
		step{"DeleteListWithJobs", func() error { return p.DeleteListWithJobs(p.ctx, cutBase) }},
		step{"CreateList of the ID", func() error { return p.createList(cutBase) }},
	)
	return append(all, p.endedJob(0)...)
}

// beginning makes a list and a job into it that is begun.
func (p *power) beginning(id job.ID, r store.ListRef) []step {
	return []step{
		{"CreateList", func() error { return p.createList(r) }},
		{"CreateJob", func() error {
			_, err := p.CreateJob(p.ctx, job.Job{
				ID: id, Owner: cutOwner, State: job.Created, Ready: true,
				Destination: job.Destination{Kind: r.Kind, List: r.ID},
			}, store.Once{Token: string(id)}, 9)
			return err
		}},
		{"Claim", func() error {
			j, _, err := p.Claim(p.ctx, store.Wanted{Holder: "w", Lease: time.Hour})
			p.lease = j.Lease
			return err
		}},
		{"Begin", func() error { _, err := p.Begin(p.ctx, p.lease, job.Source{Version: "v"}); return err }},
	}
}

func (p *power) createList(r store.ListRef) error {
	_, err := p.CreateList(p.ctx, store.List{Ref: r, Name: r.ID, UniqueKeys: r == cutBase}, store.Once{Token: "t"}, 9)
	return err
}

// endedJob makes a job, with members and rejects, that has ended.
func (p *power) endedJob(i int) []step {
	return append(
		p.beginning(job.ID(fmt.Sprint("e", i)), cutBase)[1:],
		step{"Commit of a job", func() error { return p.commitUniqueKeys(i, 150) }},
		step{"Finish of a job", p.finish},
	)
}

func (p *power) finish() error {
	_, err := p.Finish(p.ctx, p.lease, store.Outcome{State: job.Completed, Report: "r"})
	return err
}

func (p *power) between(i, n int) []step {
	at := time.Unix(int64(i), 0)
	return []step{
		{fmt.Sprintf("Commit of %d", n), func() error { return p.commit(i, n, 0) }},
		{"PutMember", func() error {
			return p.PutMember(p.ctx, cutList, fmt.Sprint("single", i), []byte("s"), at, store.PutOptions{})
		}},
		{"PutMember over an imported one", func() error {
			return p.PutMember(p.ctx, cutList, "k00007", []byte("s"), at, store.PutOptions{})
		}},
		{"ChangeMember", func() error {
			_, err := p.ChangeMember(p.ctx, cutList, "single0", at, func(m *store.Member) error {
				m.Value = append(m.Value, 'x')
				return nil
			})
			return err
		}},
		{"DeleteMember", func() error { return p.DeleteMember(p.ctx, cutList, "k00011") }},
	}
}

// betweenUniqueKeys gives unique keys to and fro.
func (p *power) betweenUniqueKeys(i, n int) []step {
	single, name := fmt.Sprint("single", i), fmt.Sprint("s", i)
	return []step{
		{fmt.Sprintf("Commit of %d with unique keys", n), func() error { return p.commitUniqueKeys(i, n) }},
		{"PutMember with unique keys", func() error {
			value := []byte(name + "/key" + name)
			return p.PutMember(p.ctx, cutBase, single, value, time.Unix(int64(i), 0), store.PutOptions{New: true, Unique: storetest.UniqueKeys(value)})
		}},
		{"PutMember with other unique keys", func() error {
			value := []byte("one" + name)
			return p.PutMember(p.ctx, cutBase, "k00001", value, time.Unix(int64(i), 0), store.PutOptions{Unique: storetest.UniqueKeys(value)})
		}},
		{"ChangeMember of its unique keys", func() error {
			_, err := p.ChangeMember(p.ctx, cutBase, single, time.Unix(int64(i), 0), func(m *store.Member) error {
				m.Value = []byte("other" + name + "/key" + name)
				m.Unique = storetest.UniqueKeys(m.Value)
				return nil
			})
			return err
		}},
		{"DeleteMember with unique keys", func() error { return p.DeleteMember(p.ctx, cutBase, "k00002") }},
	}
}

// commit commits n records, among them a few bad ones and a few deletions.
func (p *power) commit(round, n, most int) error {
	texts := make([]string, n)
	for i := range texts {
		switch {
		case i%100 == 5:
			texts[i] = fmt.Sprintf("bad k%05d", i)
		case i%10 == round:
			texts[i] = fmt.Sprintf("del k%05d", i)
		default:
			texts[i] = fmt.Sprintf("put k%05d %d", (i*7+round)%1200, round)
		}
	}
	texts[n-1] = "put k00011 x" // for DeleteMember
	return p.commitBatch(&store.Batch{At: time.Unix(int64(1000+round), 0), MaxMembers: most}, texts)
}

// commitUniqueKeys commits n records, many of which have unique keys that are taken or were
// given up.
func (p *power) commitUniqueKeys(round, n int) error {
	texts := make([]string, n)
	for i := range texts {
		switch {
		case i%100 == 5:
			texts[i] = fmt.Sprintf("bad k%05d", i)
		case i%10 == 6:
			texts[i] = fmt.Sprintf("del k%05d", i-1)
		default:
			texts[i] = fmt.Sprintf("put k%05d %s", i, fmt.Sprintf("n%d/k%d", (i+round)%500, i%300))
		}
	}
	texts[n-1] = fmt.Sprint("put k00002 for DeleteMember ", round)
	return p.commitBatch(&store.Batch{At: time.Unix(int64(1000+round), 0), UniqueKeys: true}, texts)
}

func (p *power) commitBatch(b *store.Batch, texts []string) error {
	j, err := p.Job(p.ctx, cutOwner, p.lease.Job)
	if err != nil {
		return err
	}
	storetest.Fill(b, j.Checkpoint, texts...)
	prepared, err := p.Prepare(p.ctx, p.lease, b)
	if err != nil {
		return err
	}
	_, err = p.Commit(p.ctx, p.lease, prepared)
	return err
}

// state is all that is promised to last, as text.
func (p *power) state() string {
	p.Helper()
	var all strings.Builder
	jobs, _, err := p.ListJobs(p.ctx, cutOwner, store.JobFilter{}, store.Page{Limit: 9})
	fmt.Fprintln(&all, len(jobs), "jobs", err)
	for _, j := range jobs {
		fmt.Fprintln(&all, j.ID, j.State, j.Source.Version, j.Counts, j.Checkpoint, j.Report, j.Lease.Term)
		for r, err := range p.Rejects(p.ctx, cutOwner, j.ID) {
			fmt.Fprintf(&all, "%d %d %s %s %v\n", r.Record, r.Offset, r.Code, r.Raw, err)
		}
	}
	for _, r := range cutLists {
		p.members(&all, r)
	}
	return all.String()
}

func (p *power) members(all *strings.Builder, r store.ListRef) {
	for after, end := "", false; !end; {
		page, word, err := p.ListMembers(p.ctx, r, store.MemberFilter{}, store.Page{After: after, Limit: 5000})
		if err != nil {
			fmt.Fprintln(all, err)
		}
		for _, m := range page {
			fmt.Fprintf(all, "%s=%s %d %d\n", m.Key, m.Value, m.Created.UnixMicro(), m.Updated.UnixMicro())
		}
		after, end = word, word == ""
	}
}
