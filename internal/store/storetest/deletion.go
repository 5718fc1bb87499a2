package storetest

import (
	"fmt"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

var deletionTests = []test{
	{"a deleted job is gone with its rejects, over reopening", deletedGone},
	{"only a job that has ended is deleted", deletedFinal},
	{"a deleted job's token is forgotten", deletedToken},
	{"an id may be used again once its job is deleted", deletedAgain},
	{"a deleted job leaves the others alone", deletedOthers},
	{"a job that is stopped while it is created, and deleted, is not claimed", deletedUnborn},
	{"one of many deletes a job", deletedConcurrent},
	{"one of many deletes a list that others create", deletedListConcurrent},
}

func (f *fixture) delete(o job.Owner, id string) {
	f.Helper()
	f.ok("DeleteJob "+id, f.DeleteJob(f.ctx, o, job.ID(id)))
}

// absent checks that no method finds a job.
func (f *fixture) absent(o job.Owner, id string) {
	f.Helper()
	_, err := f.Job(f.ctx, o, job.ID(id))
	f.fails("Job", err, fault.NotFound)
	_, err = f.ChangeJob(f.ctx, o, job.ID(id), func(*job.Job) error { return nil })
	f.fails("ChangeJob", err, fault.NotFound)
	f.fails("DeleteJob", f.DeleteJob(f.ctx, o, job.ID(id)), fault.NotFound)
	for _, err := range f.Rejects(f.ctx, o, job.ID(id)) {
		f.fails("Rejects", err, fault.NotFound)
	}
}

func deletedGone(f *fixture) {
	r, l := f.started(alice, "j1")
	f.commit(l, "put a 1", "bad b")
	_, err := f.Finish(f.ctx, l, store.Outcome{State: job.Completed})
	f.ok("Finish", err)
	for _, o := range everyone[1:] {
		f.fails("DeleteJob of another owner's", f.DeleteJob(f.ctx, o, "j1"), fault.NotFound)
	}
	f.delete(alice, "j1")
	for range 2 {
		f.absent(alice, "j1")
		f.equal("jobs listed", f.jobIDs(alice, store.JobFilter{}, 5), "")
		f.noClaim("of a deleted job")
		f.fails("Renew of a deleted job's lease", f.held(l), fault.LeaseLost)
		f.equal("what it imported", f.members(r), "a=1")
		f.reopen()
	}
}

func deletedFinal(f *fixture) {
	refused := func(what string) {
		f.Helper()
		was := f.job(alice, "j1")
		f.fails("DeleteJob of a job that is "+what, f.DeleteJob(f.ctx, alice, "j1"), fault.Conflict)
		f.equal("the job", f.job(alice, "j1"), was)
	}
	_, l := f.started(alice, "j1")
	refused("processing")
	f.commit(l, "put a 1", "bad b")
	f.ok("Release", f.Release(f.ctx, l))
	refused("released")
	f.claim()
	f.stop(alice, "j1")
	f.delete(alice, "j1")
	created := newJob(alice, "j1")
	created.Ready = false
	f.create(created)
	refused("created")
}

func deletedToken(f *fixture) {
	once := store.Once{Token: "t", Input: "i"}
	create := func(o job.Owner, w job.Wire, id string, once store.Once) job.ID {
		f.Helper()
		j := newJob(o, id)
		j.Wire = w
		j, err := f.CreateJob(f.ctx, j, once, 0)
		f.ok("CreateJob", err)
		return j.ID
	}
	create(alice, job.SESv2, "j1", once)
	create(alice, job.SESv2, "plain", store.Once{})
	create(alice, job.SESv2, "other", store.Once{Token: "t2", Input: "i"})
	create(alice, job.MailManager, "wire", once)
	create(bob, job.SESv2, "owner", once)
	f.stop(alice, "j1")
	f.stop(alice, "plain")
	f.delete(alice, "plain")
	f.reopen()
	f.equal("before it is deleted", create(alice, job.SESv2, "j2", once), job.ID("j1"))
	f.delete(alice, "j1")
	for range 2 {
		f.equal("the same token", create(alice, job.SESv2, "j2", store.Once{Token: "t", Input: "new"}), job.ID("j2"))
		f.equal("another token", create(alice, job.SESv2, "j3", store.Once{Token: "t2", Input: "i"}), job.ID("other"))
		f.equal("another wire's", create(alice, job.MailManager, "j3", once), job.ID("wire"))
		f.equal("another owner's", create(bob, job.SESv2, "j3", once), job.ID("owner"))
		f.reopen()
	}
}

func deletedAgain(f *fixture) {
	r, l := f.started(alice, "j1")
	f.commit(l, "put a 1", "bad b")
	p := f.prepare(l, batch(record.Position{}, "put late 1", "bad late"))
	f.stop(alice, "j1")
	f.delete(alice, "j1")
	want := f.create(newJob(alice, "j1"))
	f.equal("a new job", f.job(alice, "j1"), want)
	f.equal("its counts", want.Counts, job.Counts{})
	f.equal("its rejects", len(f.rejects(alice, "j1")), 0)
	f.fails("Renew of the old job's lease", f.held(l), fault.LeaseLost)
	again := f.claim()
	f.equal("its lease", again.Lease.Term, uint64(1))
	_, err := f.Begin(f.ctx, again.Lease, job.Source{})
	f.ok("Begin", err)
	// The terms are the same, but what was prepared was not for this job.
	_, err = f.Commit(f.ctx, l, p)
	f.fails("Commit of what the old job prepared", err, fault.LeaseLost)
	f.equal("counts", f.commit(again.Lease, "put b 1", "bad c"), job.Counts{Imported: 1, Rejected: 1})
	f.equal("members", f.members(r), "a=1 b=1")
	f.equal("rejects", f.rejects(alice, "j1"), []string{"2:2:8 bad c|bad c"})
	f.reopen()
	f.equal("claimed after reopening", f.claim().Lease.Term, uint64(2))
	f.noClaim("of the only job")
}

func deletedOthers(f *fixture) {
	r, l := f.started(alice, "j2")
	f.commit(l, "put a 1", "bad b")
	for _, id := range []string{"j1", "j3", "j"} {
		f.create(newJob(alice, id))
		f.stop(alice, id)
		time.Sleep(time.Second)
	}
	f.create(newJob(bob, "j1"))
	_, next, err := f.ListJobs(f.ctx, alice, store.JobFilter{}, store.Page{Limit: 2})
	f.ok("ListJobs", err)
	f.delete(alice, "j1")
	f.delete(alice, "j") // the token stands near them
	page, next, err := f.ListJobs(f.ctx, alice, store.JobFilter{}, store.Page{After: next, Limit: 2})
	f.ok("ListJobs", err)
	f.equal("the next page", fmt.Sprint(len(page), page[0].ID, next), "1j3")
	f.equal("jobs of another owner", f.jobIDs(bob, store.JobFilter{}, 5), "j1 ")
	f.equal("counts", f.commit(l, "put c 1", "bad d"), job.Counts{Imported: 2, Rejected: 2})
	f.equal("rejects", len(f.rejects(alice, "j2")), 2)
	f.equal("members", f.memberCount(r), 2)
	f.equal("who waits", f.claim().Owner, bob)
}

func deletedUnborn(f *fixture) {
	for i := range 50 {
		id := fmt.Sprint("j", i)
		done := make(chan error, 1)
		go func() {
			_, err := f.CreateJob(f.ctx, newJob(alice, id), store.Once{}, 0)
			done <- err
		}()
		for stopped := false; !stopped; {
			_, err := f.ChangeJob(f.ctx, alice, job.ID(id), func(j *job.Job) error {
				return j.Become(job.Stopped, time.Now())
			})
			if stopped = err == nil; !stopped {
				f.fails("ChangeJob", err, fault.NotFound)
			}
		}
		f.ok("CreateJob", <-done)
		if i%2 == 0 {
			f.delete(alice, id)
		}
		f.noClaim("of a job that was stopped")
	}
}

func deletedConcurrent(f *fixture) {
	once := store.Once{Token: "t", Input: "i"}
	_, err := f.CreateJob(f.ctx, newJob(alice, "j1"), once, 0)
	f.ok("CreateJob", err)
	f.stop(alice, "j1")
	deleted := 0
	for i, err := range atOnce(10, func(i int) error {
		if i%2 == 0 {
			return f.DeleteJob(f.ctx, alice, "j1")
		}
		// Whatever comes first, it is a job that is there or a new one.
		_, err := f.CreateJob(f.ctx, newJob(alice, fmt.Sprint("new", i)), once, 0)
		return err
	}) {
		switch {
		case i%2 == 1:
			f.ok("CreateJob", err)
		case err == nil:
			deleted++
		default:
			f.fails("DeleteJob", err, fault.NotFound)
		}
	}
	f.equal("deletions that did it", deleted, 1)
}

func deletedListConcurrent(f *fixture) {
	once := store.Once{Token: "t", Input: "i"}
	r := listRef(alice, "l1")
	_, err := f.CreateList(f.ctx, newList(alice, "l1"), once, 0)
	f.ok("CreateList", err)
	deleted := 0
	for i, err := range atOnce(10, func(i int) error {
		if i%2 == 0 {
			return f.DeleteList(f.ctx, r)
		}
		_, err := f.CreateList(f.ctx, newList(alice, fmt.Sprint("new", i)), once, 0)
		return err
	}) {
		switch {
		case i%2 == 1:
			f.ok("CreateList", err)
		case err == nil:
			deleted++
		default:
			f.fails("DeleteList", err, fault.NotFound)
		}
	}
	f.equal("deletions that did it", deleted, 1)
}
