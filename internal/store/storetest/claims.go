package storetest

import (
	"fmt"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

var claimTests = []test{
	{"only what is ready is claimed, once", claimReady},
	{"the account with the fewest leases comes first, then who waits longest", claimOrder},
	{"leases of jobs that are tried again do not count for others", claimBesideRetries},
	{"jobs known to be too large are left out", claimSize},
	{"a lease that ran out frees the job in its place", claimExpired},
	{"whoever is released waits behind the others", claimReleased},
	{"terms rise, over reopening too", claimTerms},
	{"one job goes to one of many", claimConcurrent},
	{"jobs that are not final are counted, over reopening", jobsCounted},
}

func claimReady(f *fixture) {
	f.noClaim("of nothing")
	j := newJob(alice, "j1")
	j.Ready = false
	f.create(j)
	f.noClaim("of a job that is not ready")
	_, err := f.ChangeJob(f.ctx, alice, "j1", func(j *job.Job) error { j.Ready = true; return nil })
	f.ok("ChangeJob", err)
	waits, err := f.Waiting(f.ctx, wanted)
	f.ok("Waiting", err)
	f.equal("Waiting", waits, true)
	got := f.claim()
	f.equal("its lease", got.Lease, job.Lease{
		Owner: alice, Job: "j1", Term: 1, Holder: "w", Until: time.Now().UTC().Add(minute),
	})
	f.equal("Job", f.job(alice, "j1"), got)
	f.noClaim("of a leased job")
	f.stop(alice, "j1")
	time.Sleep(2 * minute)
	f.noClaim("of a stopped job")
	f.reopen()
	f.noClaim("of a stopped job after reopening")
}

func (f *fixture) claims(n int) string {
	f.Helper()
	text := ""
	for range n {
		text += string(f.claim().ID) + " "
	}
	return text
}

func claimOrder(f *fixture) {
	for _, id := range []string{"a3", "a1", "a2"} {
		f.create(newJob(alice, id))
	}
	f.create(newJob(faraway, "a4")) // the same account
	f.create(newJob(bob, "b1"))
	f.create(newJob(bob, "b2"))
	f.equal("order of claims", f.claims(3), "a3 b1 a1 ")
	f.stop(alice, "a3")
	f.stop(alice, "a1") // the account has no lease now, the other one
	f.equal("order after two have ended", f.claims(3), "a2 a4 b2 ")
	f.noClaim("of all leased")

	// A job that became ready late waits since then, however old it is.
	late, early := newJob(bob, "late"), newJob(bob, "early")
	late.Ready = false
	f.create(late)
	f.create(early)
	f.reopen()
	_, err := f.ChangeJob(f.ctx, bob, "late", func(j *job.Job) error { j.Ready = true; return nil })
	f.ok("ChangeJob", err)
	f.equal("order after reopening", f.claims(6), "a2 b1 a4 b2 early late ")
}

func claimBesideRetries(f *fixture) {
	for _, id := range []string{"a1", "a2"} {
		f.create(newJob(alice, id))
		f.ok("Postpone", f.Postpone(f.ctx, f.claim().Lease, store.Pause{Reason: job.StorageUnavailable}))
	}
	for range 2 {
		f.equal("claimed a retry", f.claimBy(retry).ID != "", true)
	}
	f.create(newJob(alice, "a3"))
	f.create(newJob(bob, "b1"))
	f.create(newJob(alice, "a4"))
	f.create(newJob(bob, "b2"))
	f.equal("order of claims", f.claims(4), "a3 b1 a4 b2 ")
}

func claimSize(f *fixture) {
	for id, size := range map[string]int64{"big": 1001, "unknown": 0, "fits": 1000} {
		j := newJob(alice, id)
		j.Source.Size = size
		f.create(j)
	}
	w := wanted
	w.MaxSize = 1000
	for range 2 {
		j, ok, err := f.Claim(f.ctx, w)
		f.ok("Claim", err)
		f.equal("claimed one that fits", ok && j.ID != "big", true)
	}
	waits, err := f.Waiting(f.ctx, w)
	f.ok("Waiting", err)
	f.equal("Waiting for small ones", waits, false)
	_, ok, err := f.Claim(f.ctx, w)
	f.ok("Claim", err)
	f.equal("claimed the big one", ok, false)
	waits, err = f.Waiting(f.ctx, wanted)
	f.ok("Waiting", err)
	f.equal("Waiting for any", waits, true)
	l := f.claim().Lease
	f.equal("the rest", l.Job, job.ID("big"))
	_, err = f.Begin(f.ctx, l, job.Source{Size: 10})
	f.ok("Begin", err)
	f.ok("Release", f.Release(f.ctx, l))
	waits, err = f.Waiting(f.ctx, w)
	f.ok("Waiting", err)
	f.equal("Waiting, when its size turned out small", waits, true)
}

func claimExpired(f *fixture) {
	f.create(newJob(alice, "j1"))
	f.claim()
	f.create(newJob(alice, "j2"))
	time.Sleep(minute - time.Millisecond)
	f.equal("before it ran out", f.claim().ID, job.ID("j2"))
	time.Sleep(time.Millisecond)
	f.equal("after it ran out", f.claim().ID, job.ID("j1"))
	f.noClaim("of leased jobs")
	time.Sleep(minute)
	f.equal("when both ran out", f.claims(2), "j1 j2 ")
}

func claimReleased(f *fixture) {
	for _, id := range []string{"j1", "j2", "j3"} {
		f.create(newJob(alice, id))
	}
	l := f.claim().Lease
	f.ok("Release", f.Release(f.ctx, l))
	f.equal("lease of a released job is live", f.job(alice, "j1").Lease.Live(time.Now()), false)
	f.equal("order", f.claims(2), "j2 j3 ")
	f.equal("the released one", f.claims(1), "j1 ")
	f.ok("Release", f.Release(f.ctx, f.job(alice, "j2").Lease))
	f.reopen()
	f.equal("order after reopening", f.claims(3), "j3 j1 j2 ")
}

func claimTerms(f *fixture) {
	f.create(newJob(alice, "j1"))
	for term := uint64(1); term < 6; term++ {
		l := f.claim().Lease
		f.equal("term", l.Term, term)
		switch term {
		case 1, 4:
			f.reopen() // leases of a former process are void
			f.fails("Renew with a lease of a former process", f.held(l), fault.LeaseLost)
		case 2:
			time.Sleep(minute)
		case 3:
			f.ok("Release", f.Release(f.ctx, l))
		}
	}
}

func claimConcurrent(f *fixture) {
	const jobs, workers = 6, 9
	for i := range jobs {
		f.create(newJob(everyone[i%len(everyone)], fmt.Sprint("j", i)))
	}
	got := make([]job.ID, workers)
	for _, err := range atOnce(workers, func(i int) error {
		j, ok, err := f.Claim(f.ctx, wanted)
		if ok {
			got[i] = j.ID
		}
		return err
	}) {
		f.ok("Claim", err)
	}
	seen := map[job.ID]int{}
	for _, id := range got {
		seen[id]++
	}
	f.equal("different jobs and workers without one", []int{len(seen), seen[""]}, []int{jobs + 1, workers - jobs})
}

var leaseTests = []test{
	{"begin binds the source and makes it processing", leaseBegin},
	{"a renewed lease lives on", leaseRenew},
	{"finish ends job and lease", leaseFinish},
	{"a stale lease changes nothing", leaseStale},
}

// held asks whether a lease is the job's, without changing anything that lasts.
func (f *fixture) held(l job.Lease) error {
	_, err := f.Renew(f.ctx, l, minute)
	return err
}

func leaseBegin(f *fixture) {
	f.create(newJob(alice, "j1"))
	was := f.claim()
	time.Sleep(time.Second)
	src := job.Source{Bucket: "b2", Key: "k2", Version: "v", ETag: "e", Size: 5, Format: record.JSON}
	got, err := f.Begin(f.ctx, was.Lease, src)
	src.Bucket, src.Key = was.Source.Bucket, was.Source.Key // it reads the same object
	f.ok("Begin", err)
	was.Source, was.State, was.Started = src, job.Processing, time.Now().UTC()
	f.equal("Begin", got, was)
	time.Sleep(time.Second)
	src.Version = "v2"
	got, err = f.Begin(f.ctx, was.Lease, src)
	f.ok("Begin again", err)
	was.Source = src
	f.equal("Begin again", got, was)
	f.equal("Job", f.job(alice, "j1"), was)
}

func leaseRenew(f *fixture) {
	f.create(newJob(alice, "j1"))
	l := f.claim().Lease
	for range 3 {
		time.Sleep(minute - time.Second)
		renewed, err := f.Renew(f.ctx, l, minute)
		f.ok("Renew", err)
		l.Until = time.Now().UTC().Add(minute)
		f.equal("Renew", renewed, l)
		f.equal("lease of Job", f.job(alice, "j1").Lease, l)
		f.noClaim("of a renewed job")
	}
	time.Sleep(minute)
	f.fails("Renew when it has run out", f.held(l), fault.LeaseLost)
}

func leaseFinish(f *fixture) {
	for i, state := range []job.State{job.Completed, job.Failed} {
		id := fmt.Sprint("j", i)
		f.create(newJob(alice, id))
		l := f.claim().Lease
		_, err := f.Begin(f.ctx, l, job.Source{})
		f.ok("Begin", err)
		was := f.job(alice, id)
		time.Sleep(time.Second)
		got, err := f.Finish(f.ctx, l, store.Outcome{State: state, Error: "e", Report: "r"})
		f.ok("Finish", err)
		f.equal("live", got.Lease.Live(time.Now()), false)
		was.State, was.Ready, was.Error, was.Report, was.Finished = state, false, "e", "r", time.Now().UTC()
		was.Lease.Until = got.Lease.Until
		f.equal("Finish", got, was)
		f.equal("Job", f.job(alice, id), was)
		f.fails("Renew after Finish", f.held(l), fault.LeaseLost)
		f.noClaim("of a finished job")
		f.reopen()
		f.equal("Job after reopening", f.job(alice, id), was)
		f.noClaim("of a finished job after reopening")
	}
	f.create(newJob(alice, "early"))
	_, err := f.Finish(f.ctx, f.claim().Lease, store.Outcome{State: job.Completed})
	f.fails("Finish before Begin", err, fault.Conflict)
	f.equal("state after it", f.job(alice, "early").State, job.Created)
}

func leaseStale(f *fixture) {
	r := f.list(alice, "l")
	for _, c := range []struct {
		name string
		lose func(id string, l job.Lease) job.Lease
	}{
		{"an old term", func(_ string, l job.Lease) job.Lease {
			f.ok("Release", f.Release(f.ctx, l))
			f.claim()
			return l
		}},
		{"a term to come", func(_ string, l job.Lease) job.Lease { l.Term++; return l }},
		{"a stopped job", func(id string, l job.Lease) job.Lease { f.stop(alice, id); return l }},
		{"a lease that ran out", func(_ string, l job.Lease) job.Lease { time.Sleep(minute); return l }},
		{"a released lease", func(_ string, l job.Lease) job.Lease {
			f.ok("Release", f.Release(f.ctx, l))
			return l
		}},
		{"a finished job", func(_ string, l job.Lease) job.Lease {
			_, err := f.Finish(f.ctx, l, store.Outcome{State: job.Failed})
			f.ok("Finish", err)
			return l
		}},
		{"a job that is not there", func(_ string, l job.Lease) job.Lease { l.Job = "none"; return l }},
		{"another owner's", func(_ string, l job.Lease) job.Lease { l.Owner = bob; return l }},
	} {
		f.create(newJob(alice, c.name))
		l := f.claim().Lease
		_, err := f.Begin(f.ctx, l, job.Source{Version: "bound"})
		f.ok("Begin", err)
		f.commitBatch(l, batch(record.Position{}, "put kept 1", "bad 1"))
		prepared := f.prepare(l, batch(record.Position{Record: 2}, "put lost 1", "del kept", "bad 2"))
		stale := c.lose(c.name, l)
		was := f.job(alice, c.name)

		_, err = f.Begin(f.ctx, stale, job.Source{})
		f.fails("Begin with "+c.name, err, fault.LeaseLost)
		f.fails("Renew with "+c.name, f.held(stale), fault.LeaseLost)
		f.fails("Release with "+c.name, f.Release(f.ctx, stale), fault.LeaseLost)
		f.fails("Postpone with "+c.name, f.Postpone(f.ctx, stale, store.Pause{Reason: job.DiskFull}), fault.LeaseLost)
		_, err = f.Prepare(f.ctx, stale, batch(record.Position{}, "put lost 2"))
		f.fails("Prepare with "+c.name, err, fault.LeaseLost)
		if stale.Job == l.Job && stale.Owner == l.Owner {
			_, err = f.Commit(f.ctx, stale, prepared)
			f.fails("Commit with "+c.name, err, fault.LeaseLost)
		}
		prepared.Discard()
		_, err = f.Finish(f.ctx, stale, store.Outcome{State: job.Failed})
		f.fails("Finish with "+c.name, err, fault.LeaseLost)

		f.equal("Job after it all", f.job(alice, c.name), was)
		f.equal("members", f.values(r, store.MemberFilter{}, 9), "1")
		f.equal("rejects", f.rejects(alice, c.name), []string{"2:2:11 bad 1|bad 1"})
		f.ok("DeleteMember", f.DeleteMember(f.ctx, r, "kept"))
		if now := f.job(alice, c.name); !now.State.Final() {
			f.stop(alice, c.name)
		}
	}
}

func jobsCounted(f *fixture) {
	counts := func(what string, want store.JobCounts) {
		f.Helper()
		for range 2 {
			got, err := f.JobCounts(f.ctx)
			f.ok("JobCounts", err)
			f.equal("a job waits since some time "+what, !got.WaitingSince.IsZero(), want.Waiting > 0)
			got.WaitingSince = time.Time{} // a database counts it by its own clock
			f.equal("JobCounts "+what, got, want)
			if want.Created+want.Processing == want.Waiting {
				f.reopen() // which ends leases
			}
		}
	}
	counts("of none", store.JobCounts{})
	unready := newJob(alice, "unready")
	unready.Ready = false
	f.create(unready)
	f.create(newJob(bob, "j2"))
	counts("before the first claim", store.JobCounts{Created: 2, Waiting: 1})
	_, l := f.started(bob, "j1") // is j2, which was first
	counts("with one being worked on", store.JobCounts{Created: 2, Processing: 1, Waiting: 1})
	f.ok("Release", f.Release(f.ctx, l))
	counts("after it was released", store.JobCounts{Created: 2, Processing: 1, Waiting: 2})
	f.stop(alice, "unready")
	counts("after one was stopped", store.JobCounts{Created: 1, Processing: 1, Waiting: 2})
	f.stop(bob, "j1")
	f.stop(bob, "j2")
	counts("of final ones", store.JobCounts{})
}
