package storetest

import (
	"fmt"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

var withJobsTests = []test{
	{"a list that is deleted with its jobs leaves none of them, over reopening", withJobsGone},
	{"a list with an unfinished job is not deleted with its jobs", withJobsUnfinished},
	{"jobs that are not the deleted list's stay", withJobsOthers},
	{"IDs and tokens of jobs that went with their list are free at once", withJobsAgain},
	{"no job that was created for a list outlives it", withJobsConcurrent},
}

func (f *fixture) deleteWithJobs(r store.ListRef) {
	f.Helper()
	f.ok("DeleteListWithJobs", f.DeleteListWithJobs(f.ctx, r))
}

func withJobsGone(f *fixture) {
	f.fails("DeleteListWithJobs of no list", f.DeleteListWithJobs(f.ctx, listRef(alice, "l")), fault.NotFound)
	r, l := f.started(alice, "j")
	f.commit(l, "put a 1", "bad b")
	_, err := f.Finish(f.ctx, l, store.Outcome{State: job.Completed})
	f.ok("Finish", err)
	for i := range 600 { // more than a store may remove in one step
		f.create(newJob(alice, fmt.Sprint("j", i)))
		f.stop(alice, fmt.Sprint("j", i))
	}
	f.deleteWithJobs(r)
	for range 2 {
		_, err := f.List(f.ctx, r)
		f.fails("List", err, fault.NotFound)
		f.absent(alice, "j")
		f.absent(alice, "j599")
		for _, filter := range []store.JobFilter{{}, {List: "l"}, {Wire: job.SESv2}, {States: []job.State{job.Stopped}}} {
			f.equal(fmt.Sprintf("jobs listed by %+v", filter), f.someJobIDs(alice, filter), "")
		}
		f.fails("Renew of a deleted job's lease", f.held(l), fault.LeaseLost)
		f.noClaim("of deleted jobs")
		counts, err := f.JobCounts(f.ctx)
		f.ok("JobCounts", err)
		f.equal("JobCounts", counts, store.JobCounts{})
		f.use(alice.Account, "b", "k", store.SourceUse{}) // so maintenance removes their files
		f.equal("UnfinishedIDs", f.unfinishedIDs(), []job.ID{})
		ended, err := f.EndedJobs(f.ctx, time.Now().Add(time.Hour), 10)
		f.ok("EndedJobs", err)
		f.equal("number of EndedJobs", len(ended), 0)
		f.reopen()
	}
	f.list(alice, "l")
	f.absent(alice, "j1")
	f.equal("members of a new list under its ID", f.members(r), "")
}

// someJobIDs is jobIDs where pages may be short.
func (f *fixture) someJobIDs(o job.Owner, filter store.JobFilter) (text string) {
	f.Helper()
	for after := ""; ; {
		page, next, err := f.ListJobs(f.ctx, o, filter, store.Page{After: after, Limit: 100})
		f.ok("ListJobs", err)
		for _, j := range page {
			text += string(j.ID) + " "
		}
		if after = next; next == "" {
			return text
		}
	}
}

func withJobsUnfinished(f *fixture) {
	r := f.list(alice, "l")
	f.create(newJob(alice, "ended"))
	f.stop(alice, "ended")
	unready := newJob(alice, "open")
	unready.Ready = false
	f.create(unready)
	for _, state := range []job.State{job.Created, job.Processing} {
		f.fails("DeleteListWithJobs with a job "+string(state), f.DeleteListWithJobs(f.ctx, r), fault.Conflict)
		f.equal("the ended job", f.job(alice, "ended").State, job.Stopped)
		f.equal("members", f.members(r), "")
		if state == job.Created {
			_, err := f.ChangeJob(f.ctx, alice, "open", func(j *job.Job) error { return j.Become(job.Processing, time.Now()) })
			f.ok("ChangeJob", err)
		}
		f.reopen()
	}
	f.stop(alice, "open")
	f.deleteWithJobs(r)
	f.absent(alice, "open")
}

func withJobsOthers(f *fixture) {
	early := newJob(alice, "early") // for none
	f.create(early)
	f.stop(alice, "early")
	r := f.list(alice, "l")
	f.create(newJob(alice, "former")) // for one that is deleted alone
	f.stop(alice, "former")
	f.ok("DeleteList", f.DeleteList(f.ctx, r))
	f.list(alice, "l")
	f.list(alice, "l2")
	f.list(bob, "l")
	f.create(newJob(bob, "theirs"))
	other := newJob(alice, "other")
	other.Destination.List = "l2"
	f.create(other)
	f.create(newJob(alice, "j"))
	f.stop(alice, "j")
	f.deleteWithJobs(r)
	for range 2 {
		f.absent(alice, "j")
		for _, filter := range []store.JobFilter{{}, {Wire: job.SESv2}} {
			f.equal("jobs that stay", f.someJobIDs(alice, filter), "early former other ")
		}
		f.equal("jobs for lists of the ID", f.someJobIDs(alice, store.JobFilter{List: "l"}), "early former ")
		f.equal("jobs of another owner", f.someJobIDs(bob, store.JobFilter{}), "theirs ")
		f.reopen()
	}
	f.equal("claims", f.claims(2), "theirs other ")
}

func withJobsAgain(f *fixture) {
	r := f.list(alice, "l")
	token := store.Once{Token: "t", Input: "i"}
	create := func(id string, once store.Once) job.Job {
		f.Helper()
		j, err := f.CreateJob(f.ctx, newJob(alice, id), once, 1)
		f.ok("CreateJob "+id, err)
		return j
	}
	create("j1", token)
	l := f.claim().Lease
	_, err := f.Begin(f.ctx, l, job.Source{})
	f.ok("Begin", err)
	f.commit(l, "put a 1", "bad b")
	p := f.prepare(l, batch(record.Position{}, "put late 1", "bad late"))
	f.stop(alice, "j1")
	create("j2", store.Once{Token: "t2", Input: "i"})
	f.stop(alice, "j2")
	f.deleteWithJobs(r)
	f.list(alice, "l")
	f.equal("the token with other input", create("j3", store.Once{Token: "t", Input: "other"}).ID, job.ID("j3"))
	f.stop(alice, "j3")
	j := create("j1", store.Once{})
	f.equal("counts of a new job under the ID", j.Counts, job.Counts{})
	f.equal("its rejects", len(f.rejects(alice, "j1")), 0)
	_, err = f.Commit(f.ctx, l, p)
	f.fails("Commit of what the old job prepared", err, fault.LeaseLost)
	f.stop(alice, "j1")
	f.equal("the other's token and ID", create("j2", store.Once{Token: "t2", Input: "i"}).ID, job.ID("j2"))
	for range 2 {
		f.equal("jobs", f.someJobIDs(alice, store.JobFilter{}), "j1 j2 j3 ")
		f.equal("the token again", create("j9", store.Once{Token: "t", Input: "other"}).ID, job.ID("j3"))
		f.reopen()
	}
}

func withJobsConcurrent(f *fixture) {
	r := f.list(alice, "l")
	errs := atOnce(16, func(i int) error {
		if i == 8 {
			return f.DeleteListWithJobs(f.ctx, r)
		}
		_, err := f.CreateJob(f.ctx, newJob(alice, fmt.Sprint("j", i)), store.Once{}, 0)
		return err
	})
	if errs[8] != nil { // it came behind a job
		f.fails("DeleteListWithJobs", errs[8], fault.Conflict)
		f.equal("members", f.members(r), "")
	}
	for i, err := range errs {
		if i != 8 {
			f.ok("CreateJob", err)
			f.job(alice, fmt.Sprint("j", i)) // was created behind the deletion, for no list, or kept it from happening
		}
	}
}
