package storetest

import (
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

var upkeepTests = []test{
	{"OneHolderLeads", oneHolderLeads},
	{"UnfinishedIDsOfAllOwners", unfinishedIDs},
	{"EndedJobsOfAllOwners", endedJobs},
	{"SourceUseOfAnAccount", sourceUse},
}

func (f *fixture) lead(task, holder string, d time.Duration, term uint64, want bool) {
	f.Helper()
	got, ok, err := f.Lead(f.ctx, task, holder, d)
	f.ok("Lead", err)
	if ok != want || ok && got != term {
		f.Fatalf("Lead %s for %s: term %d, %t; want term %d, %t", task, holder, got, ok, term, want)
	}
}

func oneHolderLeads(f *fixture) {
	f.lead("sweep", "a", minute, 1, true)
	f.lead("sweep", "b", minute, 0, false)
	f.lead("other", "b", minute, 1, true)
	time.Sleep(minute / 2)
	f.lead("sweep", "a", minute, 1, true) // prolongs
	time.Sleep(minute * 3 / 4)
	f.lead("sweep", "b", minute, 0, false)
	time.Sleep(minute / 4)
	f.lead("sweep", "b", minute, 2, true)
	f.lead("sweep", "a", minute, 0, false)
	f.lead("sweep", "b", 0, 2, true) // gives it up
	f.lead("sweep", "a", minute, 3, true)
}

func (f *fixture) unfinishedIDs() []job.ID {
	f.Helper()
	ids := []job.ID{}
	for id, err := range f.UnfinishedIDs(f.ctx) {
		f.ok("UnfinishedIDs", err)
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func unfinishedIDs(f *fixture) {
	f.equal("UnfinishedIDs of no jobs", f.unfinishedIDs(), []job.ID{})
	for i, o := range everyone {
		f.create(newJob(o, string(rune('a'+i))))
		ended := string(rune('A' + i))
		f.create(newJob(o, ended))
		f.stop(o, ended)
	}
	waiting := newJob(alice, "z")
	waiting.Ready = false
	f.create(waiting)
	f.claim()
	f.equal("UnfinishedIDs", f.unfinishedIDs(), []job.ID{"a", "b", "c", "d", "z"})
	for range f.UnfinishedIDs(f.ctx) {
		break // takes no more
	}
	for _, err := range f.UnfinishedIDs(canceled(f.ctx)) {
		if err == nil {
			f.Errorf("UnfinishedIDs with a context that is over: no error, want one")
		}
	}
}

func endedJobs(f *fixture) {
	var want []job.Job
	for i, o := range everyone {
		for _, id := range []string{"early", "unfinished", "late"} {
			f.create(newJob(o, id+string(rune('a'+i))))
		}
		want = append(want, f.stop(o, "early"+string(rune('a'+i))))
	}
	time.Sleep(minute)
	now := time.Now()
	for i, o := range everyone {
		f.stop(o, "late"+string(rune('a'+i)))
		f.create(newJob(o, "new"+string(rune('a'+i))))
		f.stop(o, "new"+string(rune('a'+i)))
	}
	byID := func(a, b job.Job) int { return strings.Compare(string(a.ID), string(b.ID)) }
	got, err := f.EndedJobs(f.ctx, now, 100)
	f.ok("EndedJobs", err)
	slices.SortFunc(got, byID)
	slices.SortFunc(want, byID)
	f.equal("EndedJobs", got, want)
	got, err = f.EndedJobs(f.ctx, now, 3)
	f.ok("EndedJobs", err)
	f.equal("number of EndedJobs up to 3", len(got), 3)
	got, err = f.EndedJobs(f.ctx, now.Add(-minute), 100) // when they became final, not earlier
	f.ok("EndedJobs", err)
	f.equal("number of EndedJobs before all", len(got), 0)
}

func (f *fixture) use(account, bucket, key string, want store.SourceUse) {
	f.Helper()
	got, err := f.SourceUse(f.ctx, account, bucket, key)
	f.ok("SourceUse", err)
	f.equal("SourceUse of "+bucket+"/"+key, got, want)
}

func sourceUse(f *fixture) {
	f.use(alice.Account, "b", "k", store.SourceUse{})
	for i, o := range everyone {
		f.create(newJob(o, string(rune('a'+i))))
	}
	long := newJob(alice, "long")
	for range 100 {
		long.Source.Key += "a folder with a long name/ключ"
	}
	f.create(long)
	other := newJob(alice, "other")
	other.Source.Key = "k2"
	f.create(other)

	f.use(alice.Account, "b", "k", store.SourceUse{Jobs: 2, Unfinished: 2}) // of both regions
	f.use(bob.Account, "b", "k", store.SourceUse{Jobs: 1, Unfinished: 1})
	f.use(alice.Account, "b2", "k", store.SourceUse{})
	f.use(alice.Account, "b", long.Source.Key, store.SourceUse{Jobs: 1, Unfinished: 1})
	f.stop(alice, "a")
	time.Sleep(minute)
	ended := f.stop(faraway, "b").Finished
	f.use(alice.Account, "b", "k", store.SourceUse{Jobs: 2, Ended: ended})

	// What a job reads is what it was created with.
	_, err := f.ChangeJob(f.ctx, alice, "other", func(j *job.Job) error {
		j.Source.Bucket, j.Source.Key = "b", "k"
		return nil
	})
	f.ok("ChangeJob", err)
	f.use(alice.Account, "b", "k2", store.SourceUse{Jobs: 1, Unfinished: 1})
	f.ok("DeleteJob", f.DeleteJob(f.ctx, alice, "a"))
	f.use(alice.Account, "b", "k", store.SourceUse{Jobs: 1, Ended: ended})
	f.reopen()
	f.use(alice.Account, "b", "k", store.SourceUse{Jobs: 1, Ended: ended})
	f.fails("DeleteJob of an unfinished job", f.DeleteJob(f.ctx, alice, "other"), fault.Conflict)
}
