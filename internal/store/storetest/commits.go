package storetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

var commitTests = []test{
	{"a commit is members, rejects, counts and checkpoint in one", commitWhole},
	{"an empty batch moves the checkpoint", commitEmpty},
	{"what is only prepared is not there", commitNotYet},
	{"batches count in the order of their commits", commitOrder},
	{"the later of commit and single write wins", commitBetweenWrites},
	{"rejects are complete and in order", commitRejects},
	{"a large batch is a batch like any other", commitLarge},
	{"the beginnings of long rejects are kept", commitLongRejects},
	{"a list that was deleted gets nothing", commitDeletedList},
	{"a job may be there before its list", commitLaterList},
	{"jobs of one list do not disturb each other", commitTwoJobs},
}

func commitWhole(f *fixture) {
	r, l := f.started(alice, "j1")
	before := f.job(alice, "j1")
	b := batch(record.Position{}, "put a 1", "bad x", "put b", "del c")
	b.Through.Layout = "header: a, b"
	through := b.Through
	counts := f.commitBatch(l, b)
	f.equal("counts", counts, job.Counts{Imported: 3, Rejected: 1})
	want := before
	want.Counts, want.Checkpoint = counts, through
	for range 2 {
		want.Lease = f.job(alice, "j1").Lease
		f.equal("Job", f.job(alice, "j1"), want)
		f.equal("members", f.members(r), "a=1 b=")
		f.equal("rejects", f.rejects(alice, "j1"), []string{"2:2:8 bad x|bad x"})
		f.reopen()
	}
	l = f.claim().Lease
	f.equal("counts", f.commit(l, "put a 2", "bad y"), job.Counts{Imported: 4, Rejected: 2})
	f.equal("members", f.members(r), "a=2 b=")
	f.equal("rejects", f.rejects(alice, "j1"), []string{"2:2:8 bad x|bad x", "6:6:34 bad y|bad y"})
	for _, o := range everyone[1:] {
		f.list(o, "l")
		f.equal("members of another owner's list", f.members(listRef(o, "l")), "")
	}
}

func commitEmpty(f *fixture) {
	_, l := f.started(alice, "j1")
	f.commit(l, "put a 1")
	b := &store.Batch{Through: record.Position{Record: 9, Line: 8, Offset: 7}}
	f.equal("counts", f.commitBatch(l, b), job.Counts{Imported: 1})
	f.equal("checkpoint", f.job(alice, "j1").Checkpoint, record.Position{Record: 9, Line: 8, Offset: 7})
	f.postpone(l, store.Pause{Reason: job.UnexpectedError, Error: "strange", Failed: true})
	l = f.claimBy(retry).Lease
	through := record.Position{Record: 9, Line: 20, Offset: 30, Layout: "plain in-line csv"}
	f.equal("counts", f.commitBatch(l, &store.Batch{Through: through, MaxMembers: 1}), job.Counts{Imported: 1})
	j := f.job(alice, "j1")
	f.equal("checkpoint", j.Checkpoint, through)
	f.equal("attempts", []int{j.Attempts, j.Failures}, []int{0, 0})
	f.equal("reason", j.Waiting, job.Wait{})
}

func commitNotYet(f *fixture) {
	r, l := f.started(alice, "j1")
	was := f.job(alice, "j1")
	p := f.prepare(l, batch(record.Position{}, "put a 1", "bad b"))
	p.Discard()
	p.Discard()
	q := f.prepare(l, batch(record.Position{}, "put c 1", "bad d"))
	f.equal("Job", f.job(alice, "j1"), was)
	f.equal("members", f.members(r), "")
	f.equal("rejects", len(f.rejects(alice, "j1")), 0)
	_, err := f.Commit(f.ctx, l, p)
	if err == nil {
		f.Fatalf("Commit of what was discarded: no error, want one")
	}
	_, err = f.Commit(f.ctx, l, q)
	f.ok("Commit", err)
	q.Discard()
	_, err = f.Commit(f.ctx, l, q)
	if err == nil {
		f.Fatalf("Commit for the second time: no error, want one")
	}
	f.equal("members", f.members(r), "c=1")
	f.equal("counts", f.job(alice, "j1").Counts, job.Counts{Imported: 1, Rejected: 1})
}

func commitOrder(f *fixture) {
	r, l := f.started(alice, "j1")
	first := batch(record.Position{}, "put a 1", "put b 1", "put c 1")
	second := batch(first.Through, "put a 2", "del b", "put d 2")
	end := second.Through
	later := f.prepare(l, second) // prepared in the other order, committed in the right one
	earlier := f.prepare(l, first)
	for _, p := range []store.Prepared{earlier, later} {
		_, err := f.Commit(f.ctx, l, p)
		f.ok("Commit", err)
	}
	f.equal("members", f.members(r), "a=2 c=1 d=2")
	f.equal("checkpoint", f.job(alice, "j1").Checkpoint, end)
}

func commitBetweenWrites(f *fixture) {
	r, l := f.started(alice, "j1")
	put := func(key, value string) {
		f.Helper()
		f.ok("PutMember", f.PutMember(f.ctx, r, key, []byte(value), time.Now(), store.PutOptions{}))
	}
	put("a", "1")
	put("b", "1")
	put("gone", "1")
	p := f.prepare(l, batch(record.Position{}, "put a 2", "del b", "put c 2", "put gone 2", "put d 2"))
	put("a", "3") // before the commit, though after the preparation
	put("b", "3")
	f.ok("DeleteMember", f.DeleteMember(f.ctx, r, "gone"))
	_, err := f.Commit(f.ctx, l, p)
	f.ok("Commit", err)
	f.equal("members", f.members(r), "a=2 c=2 d=2 gone=2")
	put("a", "4")
	put("b", "4")
	f.ok("DeleteMember", f.DeleteMember(f.ctx, r, "c"))
	for range 2 {
		f.equal("members", f.members(r), "a=4 b=4 d=2 gone=2")
		f.reopen()
	}
}

func commitRejects(f *fixture) {
	_, l := f.started(alice, "j1")
	var want []string
	line, offset := 0, 0
	for range 5 {
		var texts []string
		for i := range 60 {
			text := fmt.Sprintf("bad key%d,\x00\xff \"raw\"\n%d", i, line)
			if i%7 == 0 {
				text = "put ok 1"
			} else {
				want = append(want, fmt.Sprintf("%d:%d:%d bad key%d,\x00\xff|%s", line+1, line+1, offset, i, text))
			}
			line, offset = line+1, offset+len(text)+1
			texts = append(texts, text)
		}
		f.commit(l, texts...)
	}
	for range 2 {
		f.equal("rejects", f.rejects(alice, "j1"), want)
		f.reopen()
	}
	for r, err := range f.Rejects(f.ctx, alice, "j1") {
		f.ok("Rejects", err)
		f.equal("first", r.Record, int64(2))
		break
	}
}

// begin is what fits of s, as whole characters.
func begin(s string, most int) string { return strings.ToValidUTF8(s[:min(len(s), most)], "") }

// commitLongRejects: the beginnings of long records are kept, with the length of the
// whole, in batches of any size.
func commitLongRejects(f *fixture) {
	_, l := f.started(alice, "j1")
	line, offset := 0, 0
	var want []string
	for _, n := range []int{1, 2000} {
		var texts []string
		for range n {
			for _, rest := range []string{strings.Repeat("k", 2000), "x" + strings.Repeat("é", 3000), strings.Repeat("k", 4092), strings.Repeat("k", 4093), " " + strings.Repeat("r", 5000)} {
				text := "bad " + rest
				key, _, _ := strings.Cut(rest, " ")
				kept := fmt.Sprintf("%s|%s", begin(key, store.MaxRejectKey), begin(text, store.MaxRejectRaw))
				if len(text) > store.MaxRejectRaw {
					kept += fmt.Sprintf(" of %d", len(text))
				}
				want = append(want, fmt.Sprintf("%d:%d:%d bad %s", line+1, line+1, offset, kept))
				line, offset = line+1, offset+len(text)+1
				texts = append(texts, text)
			}
		}
		f.commit(l, texts...)
	}
	for range 2 {
		got := f.rejects(alice, "j1")
		f.equal("number of rejects", len(got), len(want))
		for i := range got {
			if got[i] != want[i] {
				f.Fatalf("reject %d: %.80q…%.30q, want %.80q…%.30q", i+1, got[i], got[i][len(got[i])-30:], want[i], want[i][len(want[i])-30:])
			}
		}
		f.reopen()
	}
}

// commitLarge is far beyond what a backend may treat as a small batch.
func commitLarge(f *fixture) {
	const n = 12_000
	r, l := f.started(alice, "j1")
	for round := range 3 {
		var texts []string
		for i := range n {
			switch {
			case i%9 == 8:
				texts = append(texts, fmt.Sprintf("bad k%06d", i))
			case i%5 == round:
				texts = append(texts, fmt.Sprintf("del k%06d", (i*7919)%n))
			default:
				texts = append(texts, fmt.Sprintf("put k%06d %d", (i*7919)%n, round))
			}
		}
		bad := int64(n / 9)
		f.equal("counts", f.commit(l, texts...), job.Counts{
			Imported: int64(round+1) * (n - bad), Rejected: int64(round+1) * bad,
		})
	}
	got := map[string]int{}
	for after := ""; ; {
		page, next, err := f.ListMembers(f.ctx, r, store.MemberFilter{}, store.Page{After: after, Limit: 10_000})
		f.ok("ListMembers", err)
		for _, m := range page {
			got[string(m.Value)]++
		}
		if after = next; next == "" {
			break
		}
	}
	// Replayed by hand.
	want, state := map[string]int{}, map[int]string{}
	for round := range 3 {
		for i := range n {
			key := (i * 7919) % n
			switch {
			case i%9 == 8:
			case i%5 == round:
				delete(state, key)
			default:
				state[key] = fmt.Sprint(round)
			}
		}
	}
	for _, v := range state {
		want[v]++
	}
	f.equal("members of each round", got, want)
	last := int64(0)
	for r, err := range f.Rejects(f.ctx, alice, "j1") {
		f.ok("Rejects", err)
		if r.Record <= last {
			f.Fatalf("reject %d behind %d", r.Record, last)
		}
		last = r.Record
	}
	f.equal("last reject", last, int64(2*n+(n-1)/9*9))
}

func commitDeletedList(f *fixture) {
	r, l := f.started(alice, "j1")
	f.commit(l, "put a 1")
	was := f.job(alice, "j1")
	p := f.prepare(l, batch(was.Checkpoint, "put b 1", "bad c"))
	q := f.prepare(l, batch(was.Checkpoint, "put b 1", "bad c"))
	f.ok("DeleteList", f.DeleteList(f.ctx, r))
	_, err := f.Commit(f.ctx, l, p)
	f.lacks(store.ErrNoList, "Commit into a list that is gone", err)
	_, err = f.Prepare(f.ctx, l, batch(was.Checkpoint, "put b 1"))
	f.lacks(store.ErrNoList, "Prepare for a list that is gone", err)
	f.list(alice, "l")
	_, err = f.Commit(f.ctx, l, q)
	f.lacks(store.ErrNoList, "Commit into a list that is not the one it was", err)
	_, err = f.Prepare(f.ctx, l, batch(was.Checkpoint, "put b 1"))
	f.lacks(store.ErrNoList, "Prepare for a list that is not the one it was", err)
	f.equal("Job", f.job(alice, "j1"), was)
	f.equal("rejects", len(f.rejects(alice, "j1")), 0)
	f.equal("members of the new list", f.members(r), "")
	f.reopen()
	f.equal("members of the new list after reopening", f.members(r), "")
	_, err = f.Prepare(f.ctx, f.claim().Lease, batch(was.Checkpoint, "put b 1"))
	f.lacks(store.ErrNoList, "Prepare after reopening", err)
}

// commitLaterList: a job that had no list when it was created is for the one that is there.
func commitLaterList(f *fixture) {
	f.create(newJob(alice, "j1"))
	l := f.claim().Lease
	_, err := f.Begin(f.ctx, l, job.Source{})
	f.ok("Begin", err)
	_, err = f.Prepare(f.ctx, l, batch(record.Position{}, "put a 1"))
	f.lacks(store.ErrNoList, "Prepare for a list that is not there", err)
	r := f.list(alice, "l")
	f.commit(l, "put a 1")
	f.equal("members", f.members(r), "a=1")
}

func commitTwoJobs(f *fixture) {
	r, l1 := f.started(alice, "j1")
	f.create(newJob(alice, "j2"))
	l2 := f.claim().Lease
	for i := range 4 {
		f.commit(l1, fmt.Sprintf("put a %d", i), fmt.Sprintf("bad one%d", i))
		f.commit(l2, fmt.Sprintf("put b %d", i), fmt.Sprintf("bad two%d", i))
	}
	f.equal("members", f.members(r), "a=3 b=3")
	for _, id := range []string{"j1", "j2"} {
		f.equal("counts", f.job(alice, id).Counts, job.Counts{Imported: 4, Rejected: 4})
		f.equal("rejects", len(f.rejects(alice, id)), 4)
	}
}

var coalesceTests = []test{
	{"a put keeps created and replaces the rest", coalesceCreated},
	{"the last change in a batch counts", coalesceBatch},
}

func coalesceCreated(f *fixture) {
	r, l := f.started(alice, "j1")
	f.commit(l, "put a 1", "put b 1", "put c 1")
	time.Sleep(10 * time.Second)
	f.commit(l, "put a 2", "del b")
	f.ok("PutMember", f.PutMember(f.ctx, r, "c", []byte("2"), time.Now(), store.PutOptions{}))
	f.equal("members", f.members(r), "a=2/10/0 c=2/10/0")
	time.Sleep(10 * time.Second)
	f.commit(l, "put a", "put b 3", "put c 3", "put c 4")
	f.equal("members", f.members(r), "a=/20/0 b=3 c=4/20/0")
	f.reopen()
	time.Sleep(10 * time.Second)
	f.equal("members after reopening", f.members(r), "a=/30/10 b=3/10/10 c=4/30/10")

	at := time.Now().Add(1234567 * time.Nanosecond)
	f.ok("PutMember", f.PutMember(f.ctx, r, "d", nil, at, store.PutOptions{}))
	m, err := f.Member(f.ctx, r, "d")
	f.ok("Member", err)
	f.equal("its times", []time.Time{m.Created, m.Updated}, []time.Time{at.UTC().Truncate(time.Microsecond), at.UTC().Truncate(time.Microsecond)})
}

func coalesceBatch(f *fixture) {
	r, l := f.started(alice, "j1")
	f.commit(l, "put a old", "put b old", "put c old", "put d old", "put e old", "put f old")
	time.Sleep(10 * time.Second)
	counts := f.commit(
		l,
		"put a 1", "put a 2", // put over put keeps created
		"del b", "put b 1", // a new member
		"put c 1", "del c", // gone
		"del d", "put d 1", "put d 2", // a new member
		"put e 1", "del e", "put e 2", // a new member
		"del f", "del f", // gone, and no failure
		"put g 1", "del g", "del h", // never was
		"put i 1", "put i 2",
	)
	f.equal("counts", counts, job.Counts{Imported: 6 + 19})
	f.equal("members", f.members(r), "a=2/10/0 b=1 d=2 e=2 i=2")
}
