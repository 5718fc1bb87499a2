package storetest

import (
	"fmt"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

var postponeTests = []test{
	{"a postponed job shows why and since when, and waits", postponed},
	{"attempts are counted until there is progress", postponeCounts},
	{"a postponed job is nobody's before its time, and its holder's later", postponeAvoids},
	{"postponed jobs wait at the end of the queue", postponeOrder},
	{"only who wants retries gets them", postponeRetries},
	{"a final job waits for nothing", postponeFinal},
	{"many postponed jobs are in nobody's way", postponeMany},
}

var retry = store.Wanted{Holder: "w", Lease: minute, Retries: true}

func (f *fixture) postpone(l job.Lease, p store.Pause) {
	f.Helper()
	f.ok("Postpone", f.Postpone(f.ctx, l, p))
}

// claimBy claims a job and returns it; its ID is empty if there is none, and Waiting must
// say the same.
func (f *fixture) claimBy(w store.Wanted) job.Job {
	f.Helper()
	waits, err := f.Waiting(f.ctx, w)
	f.ok("Waiting", err)
	j, ok, err := f.Claim(f.ctx, w)
	f.ok("Claim", err)
	f.equal("Waiting before a claim", waits, ok)
	return j
}

func postponed(f *fixture) {
	f.create(newJob(alice, "j1"))
	was := f.claim()
	time.Sleep(time.Second)
	first := time.Now().UTC()
	f.postpone(was.Lease, store.Pause{Reason: job.StorageUnavailable, Error: "no answer", For: 10 * time.Second})
	for range 2 {
		got := f.job(alice, "j1")
		f.equal("live", got.Lease.Live(time.Now()), false)
		f.equal("Attempts", got.Attempts, 1)
		f.equal("Failures", got.Failures, 0)
		f.equal("LastError", got.LastError, "no answer")
		f.equal("Waiting", got.Waiting, job.Wait{Reason: job.StorageUnavailable, Since: first, Until: first.Add(10 * time.Second)})
		counts, err := f.JobCounts(f.ctx)
		f.ok("JobCounts", err)
		f.equal("JobCounts", counts, store.JobCounts{Created: 1, Reasons: map[job.Reason]int64{job.StorageUnavailable: 1}})
		f.equal("claim in the pause", f.claimBy(retry).ID, job.ID(""))
		f.reopen()
	}
	time.Sleep(10*time.Second - time.Millisecond)
	f.equal("claim just before the end of the pause", f.claimBy(retry).ID, job.ID(""))
	time.Sleep(time.Millisecond)
	got := f.claimBy(retry)
	f.equal("claim after the pause", got.ID, job.ID("j1"))
	f.equal("term", got.Lease.Term, uint64(2))
	f.equal("Waiting of a job that is tried again", got.Waiting.Since, first)

	f.postpone(got.Lease, store.Pause{Reason: job.StorageUnavailable, Error: "still none", For: time.Minute})
	second := time.Now().UTC()
	f.equal("Waiting for the same reason", f.job(alice, "j1").Waiting, job.Wait{
		Reason: job.StorageUnavailable, Since: first, Until: second.Add(time.Minute),
	})
	time.Sleep(time.Minute)
	f.postpone(f.claimBy(retry).Lease, store.Pause{Reason: job.UnexpectedError, Failed: true, For: time.Minute})
	got = f.job(alice, "j1")
	f.equal("Waiting for another reason", got.Waiting.Since, time.Now().UTC())
	f.equal("Attempts and Failures", []int{got.Attempts, got.Failures}, []int{3, 1})
}

func postponeCounts(f *fixture) {
	_, l := f.started(alice, "j1")
	for n := 1; n <= 3; n++ {
		f.postpone(l, store.Pause{Reason: job.UnexpectedError, Error: "e", Failed: true})
		got := f.job(alice, "j1")
		f.equal("Attempts and Failures", []int{got.Attempts, got.Failures}, []int{n, n})
		got, err := f.ChangeJob(f.ctx, alice, "j1", func(j *job.Job) error {
			j.Attempts, j.Failures, j.LastError, j.Waiting = 0, 0, "", job.Wait{}
			return nil
		})
		f.ok("ChangeJob", err)
		f.equal("after ChangeJob", f.job(alice, "j1"), got)
		f.equal("Attempts after ChangeJob", got.Attempts, n)
		l = f.claimBy(retry).Lease
	}
	f.commitBatch(l, batch(record.Position{}, "put a 1"))
	for range 2 {
		got := f.job(alice, "j1")
		f.equal("Attempts and Failures after a commit", []int{got.Attempts, got.Failures}, []int{0, 0})
		f.equal("Waiting after a commit", got.Waiting, job.Wait{})
		f.equal("LastError after a commit", got.LastError, "e")
		f.reopen()
	}
	f.equal("claim for retries", f.claimBy(retry).ID, job.ID(""))
	l = f.claim().Lease
	f.postpone(l, store.Pause{Reason: job.DiskFull})
	got := f.job(alice, "j1")
	f.equal("Attempts and Failures since then", []int{got.Attempts, got.Failures}, []int{1, 0})
}

func postponeAvoids(f *fixture) {
	f.create(newJob(alice, "j1"))
	l := f.claim().Lease
	f.postpone(l, store.Pause{Reason: job.StorageUnavailable, For: 10 * time.Second, Avoid: 20 * time.Second})
	other := retry
	other.Holder = "other"
	time.Sleep(10*time.Second - time.Millisecond)
	f.equal("claim by another in the pause", f.claimBy(other).ID, job.ID(""))
	time.Sleep(time.Millisecond)
	f.equal("claim by the holder", f.claimBy(retry).ID, job.ID(""))
	l = f.claimBy(other).Lease
	f.equal("claim by another", l.Job, job.ID("j1"))
	f.ok("Release", f.Release(f.ctx, l))
	time.Sleep(20*time.Second - time.Millisecond)
	f.equal("claim by the holder after its lease of another", f.claimBy(retry).ID, job.ID(""))
	time.Sleep(time.Millisecond)
	f.equal("claim by the holder in the end", f.claimBy(retry).ID, job.ID("j1"))
}

func postponeOrder(f *fixture) {
	for _, id := range []string{"j1", "j2", "j3"} {
		f.create(newJob(alice, id))
	}
	for _, d := range []time.Duration{3, 2, 1} {
		f.postpone(f.claim().Lease, store.Pause{Reason: job.DiskFull, For: d * time.Second})
	}
	f.equal("claim in the pause", f.claimBy(retry).ID, job.ID(""))
	time.Sleep(3 * time.Second)
	order := ""
	for range 3 {
		order += string(f.claimBy(retry).ID) + " "
	}
	f.equal("order, when all pauses are over", order, "j1 j2 j3 ")
	time.Sleep(minute)
	f.equal("when a lease ran out", f.claimBy(retry).ID, job.ID("j1"))
}

func postponeRetries(f *fixture) {
	f.create(newJob(alice, "j1"))
	f.create(newJob(alice, "j2"))
	f.postpone(f.claim().Lease, store.Pause{Reason: job.DiskFull})
	f.equal("claim without retries", f.claims(1), "j2 ")
	f.noClaim("without retries, of one that was postponed")
	small := retry
	small.MaxSize = 1
	got := f.claimBy(small)
	f.equal("claim for retries", got.ID, job.ID("j1"))
	f.ok("Release", f.Release(f.ctx, got.Lease))
	f.noClaim("of one that was tried again and released")
	f.equal("claim for retries after its release", f.claimBy(retry).ID, job.ID("j1"))
	f.equal("another claim for retries", f.claimBy(retry).ID, job.ID(""))
}

func postponeFinal(f *fixture) {
	f.create(newJob(alice, "j1"))
	f.create(newJob(alice, "j2"))
	f.postpone(f.claim().Lease, store.Pause{Reason: job.DiskFull, Error: "full", For: minute})
	f.postpone(f.claim().Lease, store.Pause{Reason: job.DiskFull, Error: "full"})
	f.stop(alice, "j1")
	_, err := f.Finish(f.ctx, f.claimBy(retry).Lease, store.Outcome{State: job.Failed})
	f.ok("Finish", err)
	for _, id := range []string{"j1", "j2"} {
		got := f.job(alice, id)
		f.equal("Waiting of "+id, got.Waiting, job.Wait{})
		f.equal("LastError of "+id, got.LastError, "full")
	}
	counts, err := f.JobCounts(f.ctx)
	f.ok("JobCounts", err)
	f.equal("JobCounts", counts, store.JobCounts{})
	f.fails("Postpone of a final job", f.Postpone(f.ctx, f.job(alice, "j2").Lease, store.Pause{Reason: job.DiskFull}), fault.LeaseLost)
}

// postponeMany has jobs in pauses of different lengths, some of which are over.
func postponeMany(f *fixture) {
	const n = 60
	for i := range n {
		f.create(newJob(everyone[i%len(everyone)], fmt.Sprint("j", i)))
	}
	for i := range n {
		f.postpone(f.claim().Lease, store.Pause{Reason: job.DiskFull, For: time.Duration(i%6) * time.Minute})
	}
	f.reopen()
	f.noClaim("of jobs that were all postponed")
	f.create(newJob(bob, "healthy"))
	f.equal("claim of a healthy one", f.claims(1), "healthy ")
	for minutes := range 6 {
		got := 0
		for f.claimBy(store.Wanted{Holder: "w", Lease: 20 * time.Minute, Retries: true}).ID != "" {
			got++
		}
		f.equal(fmt.Sprint("jobs after minutes: ", minutes), got, n/6)
		time.Sleep(time.Minute)
	}
}
