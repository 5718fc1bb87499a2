package storetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

var jobTests = []test{
	{"a job is kept as it was stored, over reopening", jobKept},
	{"the workers' part of a new job is empty", jobStartsEmpty},
	{"an id is taken once per owner", jobIDTaken},
	{"what the store returns is the caller's own", jobNotShared},
	{"unfinished jobs are limited by owner and wire", jobLimit},
	{"the limit holds when all create at once", jobLimitConcurrent},
	{"a change is stored and leaves the workers' part", jobChanged},
	{"a change that fails stores nothing", jobChangeFails},
	{"a missing job is not found", jobMissing},
}

func fullJob() job.Job {
	j := newJob(alice, "j1")
	j.Created = time.Now().Add(123456789 * time.Nanosecond).In(time.FixedZone("far", 3600))
	j.Source = job.Source{Bucket: "b", Key: "ключ/\x01\"<&>", Version: "v", ETag: "e", Size: 1 << 40, Format: record.JSON}
	j.Name, j.Tags, j.Ready = "имя", map[string]string{"a": "b", "": "c"}, false
	j.Config = []byte{0, 255, '{'}
	return j
}

func jobKept(f *fixture) {
	j := fullJob()
	stored := f.create(j)
	want := fullJob()
	want.Created = want.Created.UTC().Truncate(time.Microsecond)
	f.equal("CreateJob", stored, want)
	f.equal("Job", f.job(alice, "j1"), want)
	f.reopen()
	f.equal("Job after reopening", f.job(alice, "j1"), want)
}

func jobStartsEmpty(f *fixture) {
	j := newJob(alice, "j1")
	want := f.create(newJob(alice, "j0"))
	j.Counts, j.Checkpoint = job.Counts{Imported: 1}, record.Position{Record: 7}
	j.Lease = job.Lease{Owner: alice, Job: "j1", Term: 9, Holder: "me", Until: time.Now().Add(minute)}
	want.ID, want.Name = j.ID, j.Name
	f.equal("CreateJob", f.create(j), want)
	f.equal("Job", f.job(alice, "j1"), want)
}

func jobIDTaken(f *fixture) {
	for _, o := range everyone {
		f.create(newJob(o, "j1"))
	}
	j := newJob(alice, "j1")
	j.Name, j.Wire = "other", job.MailManager
	_, err := f.CreateJob(f.ctx, j, store.Once{}, 0)
	f.fails("CreateJob with a taken ID", err, fault.AlreadyExists)
	f.equal("the job there", f.job(alice, "j1").Name, "name of j1")
}

func jobNotShared(f *fixture) {
	j := newJob(alice, "j1")
	j.Tags, j.Config = map[string]string{"a": "1"}, []byte("1")
	scribble := func(j job.Job) { j.Tags["a"], j.Config[0] = "2", '2' }
	scribble(f.create(j))
	scribble(j)
	scribble(f.job(alice, "j1"))
	var kept *job.Job
	_, err := f.ChangeJob(f.ctx, alice, "j1", func(j *job.Job) error { kept = j; return nil })
	f.ok("ChangeJob", err)
	scribble(*kept)
	scribble(f.claim())
	page, _, err := f.ListJobs(f.ctx, alice, store.JobFilter{}, store.Page{Limit: 1})
	f.ok("ListJobs", err)
	scribble(page[0])
	j = f.job(alice, "j1")
	f.equal("tag and config", j.Tags["a"]+string(j.Config), "11")
}

func jobLimit(f *fixture) {
	add := func(o job.Owner, w job.Wire, id string) error {
		j := newJob(o, id)
		j.Wire = w
		_, err := f.CreateJob(f.ctx, j, store.Once{}, 2)
		return err
	}
	f.ok("first", add(alice, job.SESv2, "j1"))
	f.ok("second", add(alice, job.SESv2, "j2"))
	f.fails("third", add(alice, job.SESv2, "j3"), fault.LimitExceeded)
	f.ok("under another wire", add(alice, job.MailManager, "j4"))
	for _, o := range everyone[1:] {
		f.ok("of another owner", add(o, job.SESv2, "j5"))
	}
	f.stop(alice, "j1")
	f.ok("after one has ended", add(alice, job.SESv2, "j6"))
	f.reopen()
	f.fails("after reopening", add(alice, job.SESv2, "j7"), fault.LimitExceeded)
	_, err := f.CreateJob(f.ctx, newJob(alice, "j8"), store.Once{}, 0)
	f.ok("without a limit", err)
}

func (f *fixture) stop(o job.Owner, id string) job.Job {
	f.Helper()
	j, err := f.ChangeJob(f.ctx, o, job.ID(id), func(j *job.Job) error { return j.Become(job.Stopped, time.Now()) })
	f.ok("stop", err)
	return j
}

func jobLimitConcurrent(f *fixture) {
	created := 0
	for _, err := range atOnce(12, func(i int) error {
		_, err := f.CreateJob(f.ctx, newJob(alice, fmt.Sprint("j", i)), store.Once{}, 5)
		return err
	}) {
		if err == nil {
			created++
		} else {
			f.fails("CreateJob beyond the limit", err, fault.LimitExceeded)
		}
	}
	f.equal("jobs created", created, 5)
}

// atOnce calls do for 0 to n-1 at the same time and returns what came of it.
func atOnce(n int, do func(i int) error) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return errs
}

func jobChanged(f *fixture) {
	_, l := f.started(alice, "j1")
	f.commit(l, "put a 1", "bad b")
	was := f.job(alice, "j1")
	changed, err := f.ChangeJob(f.ctx, alice, "j1", func(j *job.Job) error {
		f.equal("the job that change sees", *j, was)
		*j = job.Job{Destination: job.Destination{List: "other"}, State: job.Processing, Ready: true, Name: "new", Tags: map[string]string{"k": "v"}, Config: []byte("c")}
		return nil
	})
	f.ok("ChangeJob", err)
	want := was
	want.Name, want.Tags, want.Config = "new", map[string]string{"k": "v"}, []byte("c")
	want.Source, want.Started = job.Source{Bucket: want.Source.Bucket, Key: want.Source.Key}, time.Time{}
	f.equal("ChangeJob", changed, want)
	f.equal("Job", f.job(alice, "j1"), want)
	f.equal("commits after it", f.held(l), nil)
	f.reopen()
	want.Lease = f.job(alice, "j1").Lease // its end is the process's
	f.equal("Job after reopening", f.job(alice, "j1"), want)
}

func jobChangeFails(f *fixture) {
	was := f.create(newJob(alice, "j1"))
	mine := errors.New("mine")
	_, err := f.ChangeJob(f.ctx, alice, "j1", func(j *job.Job) error { j.Name = "new"; return mine })
	f.equal("is change's error", errors.Is(err, mine), true)
	f.equal("Job", f.job(alice, "j1"), was)
}

func jobMissing(f *fixture) {
	f.create(newJob(alice, "j1"))
	for _, o := range everyone {
		id := job.ID("j1")
		if o == alice {
			id = "j2"
		}
		_, err := f.Job(f.ctx, o, id)
		f.fails("Job", err, fault.NotFound)
		_, err = f.ChangeJob(f.ctx, o, id, func(*job.Job) error { return nil })
		f.fails("ChangeJob", err, fault.NotFound)
		for _, err := range f.Rejects(f.ctx, o, id) {
			f.fails("Rejects", err, fault.NotFound)
		}
	}
}

var tokenTests = []test{
	{"a token gives the same job again", jobToken},
	{"a token gives the same list again", listToken},
	{"one token at once creates one thing", tokenConcurrent},
}

func jobToken(f *fixture) {
	once := store.Once{Token: "t", Input: "i"}
	create := func(o job.Owner, w job.Wire, id string, once store.Once) (job.Job, error) {
		j := newJob(o, id)
		j.Wire = w
		return f.CreateJob(f.ctx, j, once, 1)
	}
	_, err := create(alice, job.SESv2, "j1", once)
	f.ok("CreateJob", err)
	for range 2 {
		again, err := create(alice, job.SESv2, "j2", once)
		f.ok("CreateJob again, though at the limit", err)
		f.equal("what it gave", again, f.job(alice, "j1"))
		_, err = create(alice, job.SESv2, "j2", store.Once{Token: "t", Input: "other"})
		f.fails("CreateJob with other input", err, fault.Conflict)
		f.reopen()
		f.stop(alice, "j1")
		f.reopen()
		_, err = f.ChangeJob(f.ctx, alice, "j1", func(j *job.Job) error { j.State = job.Created; return nil })
		f.ok("back", err)
	}
	for i, o := range everyone[1:] {
		_, err = create(o, job.SESv2, fmt.Sprint("o", i), once)
		f.ok("CreateJob of another owner", err)
	}
	_, err = create(alice, job.MailManager, "j3", once)
	f.ok("CreateJob under another wire", err)
	_, err = f.Job(f.ctx, alice, "j2")
	f.fails("Job that was not created", err, fault.NotFound)
}

func listToken(f *fixture) {
	once := store.Once{Token: "t", Input: "i"}
	_, err := f.CreateList(f.ctx, newList(alice, "l1"), once, 1)
	f.ok("CreateList", err)
	f.reopen()
	again, err := f.CreateList(f.ctx, newList(alice, "l2"), once, 1)
	f.ok("CreateList again, though at the limit", err)
	f.equal("what it gave", again.Ref.ID, "l1")
	_, err = f.CreateList(f.ctx, newList(alice, "l1"), store.Once{Token: "t", Input: "other"}, 0)
	f.fails("CreateList with other input", err, fault.Conflict)
	other := newList(alice, "l1")
	other.Ref.Kind = job.Suppression
	_, err = f.CreateList(f.ctx, other, store.Once{Token: "t", Input: "other"}, 0)
	f.ok("CreateList of another kind", err)
	_, err = f.CreateJob(f.ctx, newJob(alice, "j"), store.Once{Token: "t", Input: "other"}, 0)
	f.ok("CreateJob with a list's token", err)
	f.ok("DeleteList", f.DeleteList(f.ctx, listRef(alice, "l1")))
	l, err := f.CreateList(f.ctx, newList(alice, "l3"), store.Once{Token: "t", Input: "other"}, 0)
	f.ok("CreateList with the token of a list that is gone", err)
	f.equal("what it gave", l.Ref.ID, "l3")
}

func tokenConcurrent(f *fixture) {
	ids := make([]job.ID, 8)
	for _, err := range atOnce(len(ids), func(i int) error {
		j, err := f.CreateJob(f.ctx, newJob(alice, fmt.Sprint("j", i)), store.Once{Token: "t", Input: "i"}, 1)
		ids[i] = j.ID
		return err
	}) {
		f.ok("CreateJob", err)
	}
	for _, id := range ids {
		f.equal("id given", id, ids[0])
	}
	f.equal("jobs there", f.jobIDs(alice, store.JobFilter{}, 9), string(ids[0])+" ")
}
