package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

var jobListTests = []test{
	{"jobs are listed in order of creation and filtered", jobsListed},
	{"pages of jobs stay put while jobs come", jobPages},
	{"pages of the newest jobs stay put while jobs come and go", newestPages},
	{"a page of jobs ends when its budget is used up", jobBudget},
	{"a page that cannot be is refused", pagesRefused},
	{"an unfinished job of a list is found by its state, over reopening", jobUnfinished},
}

func (f *fixture) jobIDs(o job.Owner, filter store.JobFilter, limit int) string {
	f.Helper()
	text := ""
	for after := ""; ; {
		page, next, err := f.ListJobs(f.ctx, o, filter, store.Page{After: after, Limit: limit})
		f.ok("ListJobs", err)
		if len(page) > limit || (next != "" && len(page) != limit) {
			f.Fatalf("ListJobs: a page of %d, want %d, or less at the end", len(page), limit)
		}
		for _, j := range page {
			f.equal("a listed job", j, f.job(o, string(j.ID)))
			text += string(j.ID) + " "
		}
		if after = next; next == "" {
			return text
		}
	}
}

func jobsListed(f *fixture) {
	f.list(alice, "l")
	base := time.Now()
	for i, spec := range []struct {
		id   string
		wire job.Wire
		list string
	}{{"z", job.SESv2, "l"}, {"a", job.MailManager, "l"}, {"m", job.SESv2, "other"}, {"b", job.SESv2, "l"}} {
		j := newJob(alice, spec.id)
		j.Wire, j.Destination.List, j.Created = spec.wire, spec.list, base.Add(time.Duration(i)*time.Second)
		j.Ready = spec.id == "z"
		f.create(j)
	}
	early := newJob(alice, "early")
	early.Ready, early.Created = false, time.Unix(-5, 0)
	early.Destination.Kind = job.Suppression
	f.create(early)
	f.create(newJob(bob, "x"))
	l := f.claim().Lease
	_, err := f.Begin(f.ctx, l, job.Source{})
	f.ok("Begin", err)
	f.commit(l, "put a b")
	f.stop(alice, "a")
	for _, c := range []struct {
		filter store.JobFilter
		want   string
	}{
		{store.JobFilter{}, "early z a m b "},
		{store.JobFilter{Wire: job.SESv2}, "early z m b "},
		{store.JobFilter{Kind: job.Suppression}, "early "},
		{store.JobFilter{List: "l"}, "early z a b "},
		{store.JobFilter{States: []job.State{job.Processing, job.Stopped}}, "z a "},
		{store.JobFilter{States: []job.State{job.Stopped}}, "a "},
		{store.JobFilter{States: []job.State{job.Stopped}, Wire: job.SESv2}, ""},
		{store.JobFilter{States: []job.State{job.Failed}}, ""},
		{store.JobFilter{Wire: job.MailManager, List: "other"}, ""},
	} {
		for limit := 1; limit < 7; limit++ {
			f.equal(fmt.Sprintf("ListJobs %+v by %d", c.filter, limit), f.jobIDs(alice, c.filter, limit), c.want)
			newest := c.filter
			newest.NewestFirst = true
			f.equal(fmt.Sprintf("ListJobs %+v by %d", newest, limit), f.jobIDs(alice, newest, limit), reversed(c.want))
		}
	}
	f.equal("ListJobs of another owner", f.jobIDs(faraway, store.JobFilter{}, 5), "")
}

// reversed returns names, each followed by a space, in the opposite order.
func reversed(names string) string {
	all := strings.Fields(names)
	slices.Reverse(all)
	text := ""
	for _, w := range all {
		text += w + " "
	}
	return text
}

// newestPages reads pages while jobs are created before them, and the job that a page
// ended with is deleted.
func newestPages(f *fixture) {
	for _, id := range []string{"a", "d", "c", "b"} {
		f.create(newJob(alice, id))
		if id != "d" { // d and c are created at the same time
			time.Sleep(time.Second)
		}
	}
	newest := store.JobFilter{NewestFirst: true}
	page, next, err := f.ListJobs(f.ctx, alice, newest, store.Page{Limit: 2})
	f.ok("ListJobs", err)
	f.equal("first page", []job.ID{page[0].ID, page[1].ID}, []job.ID{"b", "d"})
	f.create(newJob(alice, "e"))
	f.stop(alice, "d")
	f.delete(alice, "d")
	f.reopen()
	page, next, err = f.ListJobs(f.ctx, alice, newest, store.Page{After: next, Limit: 2})
	f.ok("ListJobs", err)
	f.equal("second page", []job.ID{page[0].ID, page[1].ID}, []job.ID{"c", "a"})
	f.equal("its token", next, "")
	f.equal("all", f.jobIDs(alice, newest, 3), "e b c a ")
}

func jobPages(f *fixture) {
	for _, id := range []string{"b", "d", "f"} {
		f.create(newJob(alice, id)) // all created at the same time
		if id != "f" {
			time.Sleep(time.Second)
		}
	}
	page, next, err := f.ListJobs(f.ctx, alice, store.JobFilter{}, store.Page{Limit: 2})
	f.ok("ListJobs", err)
	f.equal("first page", len(page), 2)
	late := newJob(alice, "a") // sorts behind the token although its name is smaller
	f.create(late)
	f.stop(alice, "d") // what the token stands on may change
	f.reopen()
	page, next, err = f.ListJobs(f.ctx, alice, store.JobFilter{}, store.Page{After: next, Limit: 2})
	f.ok("ListJobs", err)
	f.equal("second page", []job.ID{page[0].ID, page[1].ID}, []job.ID{"a", "f"})
	f.equal("its token", next, "")
}

// jobBudget wants every page to examine no more than it may, and nothing that an index
// would have spared it.
func jobBudget(f *fixture) {
	for i := range 12 {
		j := newJob(alice, fmt.Sprint("j", i))
		j.Created = time.Now().Add(time.Duration(i) * time.Second)
		if i%6 == 5 { // 5, 11
			j.Wire, j.Destination.List = job.MailManager, "rare"
		}
		f.create(j)
		if i%4 != 2 { // 2, 6, 10 go on
			f.stop(alice, string(j.ID))
		}
	}
	for _, c := range []struct {
		filter store.JobFilter
		budget int
		want   string
	}{
		{store.JobFilter{}, 5, "j0 j1 j2 j3 j4|j5 j6 j7 j8 j9|j10 j11"},
		{store.JobFilter{List: "rare"}, 1, "j5|j11"},
		{store.JobFilter{Wire: job.MailManager}, 1, "j5|j11"},
		{store.JobFilter{List: "rare", Wire: job.MailManager}, 2, "j5 j11"},
		{store.JobFilter{States: []job.State{job.Created}}, 2, "j2 j6|j10"},
		{store.JobFilter{States: []job.State{job.Processing}}, 2, "|"},
		{store.JobFilter{States: []job.State{job.Processing}}, 3, ""},
		{store.JobFilter{States: []job.State{job.Completed, job.Created}}, 5, "j2|j6|j10"},
		{store.JobFilter{Kind: job.Suppression}, 5, "||"},
		{store.JobFilter{Kind: job.Suppression}, 0, ""},
		{store.JobFilter{States: []job.State{job.Stopped}}, 9, "j0 j1 j3 j4 j5 j7 j8 j9 j11"},
		{store.JobFilter{States: []job.State{job.Failed}}, 1, ""},
		{store.JobFilter{States: []job.State{job.Stopped}, Wire: job.MailManager}, 5, "j5|j11"},
		{store.JobFilter{List: "rare", States: []job.State{job.Stopped}}, 1, "j5|j11"},
		{store.JobFilter{List: "rare", States: []job.State{job.Failed}}, 1, ""},
		{store.JobFilter{List: "rar", States: []job.State{job.Stopped}}, 1, ""},
		{store.JobFilter{NewestFirst: true, List: "rare", States: []job.State{job.Stopped}}, 1, "j11|j5"},
		{store.JobFilter{NewestFirst: true}, 5, "j11 j10 j9 j8 j7|j6 j5 j4 j3 j2|j1 j0"},
		{store.JobFilter{NewestFirst: true, List: "rare"}, 1, "j11|j5"},
		{store.JobFilter{NewestFirst: true, Wire: job.MailManager}, 1, "j11|j5"},
		{store.JobFilter{NewestFirst: true, States: []job.State{job.Created}}, 2, "j10 j6|j2"},
		{store.JobFilter{NewestFirst: true, States: []job.State{job.Completed, job.Created}}, 5, "j10|j6 j2|"},
	} {
		var pages []string
		for after := ""; ; {
			page, next, err := f.ListJobs(f.ctx, alice, c.filter, store.Page{After: after, Limit: 9, Budget: c.budget})
			f.ok("ListJobs", err)
			var ids []string
			for _, j := range page {
				ids = append(ids, string(j.ID))
			}
			pages = append(pages, strings.Join(ids, " "))
			if after = next; next == "" {
				break
			}
		}
		f.equal(fmt.Sprintf("pages of %+v with a budget of %d", c.filter, c.budget), strings.Join(pages, "|"), c.want)
	}
}

func pagesRefused(f *fixture) {
	r := f.list(alice, "l")
	for _, limit := range []int{0, -1} {
		_, _, err := f.ListJobs(f.ctx, alice, store.JobFilter{}, store.Page{Limit: limit})
		f.fails("ListJobs", err, fault.Invalid)
		_, _, err = f.ListLists(f.ctx, alice, job.AddressList, store.Page{Limit: limit})
		f.fails("ListLists", err, fault.Invalid)
		_, _, err = f.ListMembers(f.ctx, r, store.MemberFilter{}, store.Page{Limit: limit})
		f.fails("ListMembers", err, fault.Invalid)
	}
	_, _, err := f.ListJobs(f.ctx, alice, store.JobFilter{}, store.Page{Limit: 1, After: "!"})
	f.fails("ListJobs with a token that is none", err, fault.BadToken)
	_, _, err = f.ListLists(f.ctx, alice, job.AddressList, store.Page{Limit: 1, After: "!"})
	f.fails("ListLists with a token that is none", err, fault.BadToken)
}

func jobUnfinished(f *fixture) {
	want := func(r store.ListRef, want string, states ...job.State) {
		f.Helper()
		for range 2 {
			j, ok, err := f.UnfinishedJob(f.ctx, r, states...)
			f.ok("UnfinishedJob", err)
			f.equal(fmt.Sprintf("unfinished job of %v in %v", r, states), string(j.ID), want)
			f.equal("UnfinishedJob is ok", ok, want != "")
			if ok {
				f.equal("the job", j, f.job(r.Owner, want))
			}
		}
	}
	r := listRef(alice, "l")
	suppression := r
	suppression.Kind = job.Suppression
	others := []store.ListRef{listRef(alice, "l1"), listRef(bob, "l"), suppression}
	want(r, "", job.Created, job.Processing)
	f.started(alice, "j1")
	for range 2 {
		want(r, "j1", job.Created, job.Processing)
		want(r, "j1", job.Processing)
		want(r, "", job.Created)
		want(r, "")
		for _, other := range others {
			want(other, "", job.Created, job.Processing)
		}
		f.reopen()
	}
	other := newJob(alice, "j2")
	other.Destination.Kind = job.Suppression
	f.create(other)
	want(r, "j1", job.Created, job.Processing)
	want(suppression, "j2", job.Created)
	l := f.claim().Lease
	_, err := f.Finish(f.ctx, l, store.Outcome{State: job.Failed})
	f.ok("Finish", err)
	want(r, "", job.Created, job.Processing)
	f.create(newJob(alice, "j3"))
	want(r, "j3", job.Created, job.Processing)
	f.stop(alice, "j3")
	f.delete(alice, "j3")
	want(r, "", job.Created, job.Processing, job.Stopped, job.Failed)
}
