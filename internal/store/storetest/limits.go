package storetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

var limitTests = []test{
	{"a batch beyond the limit is refused where it passes it", limitBatch},
	{"a large batch beyond the limit is refused too", limitLarge},
	{"single puts keep the limit", limitPut},
	{"single puts keep the limit when all come at once", limitPutConcurrent},
	{"limits hold over every kind of write", limitMixed},
}

// commitMax is commit with a limit.
func (f *fixture) commitMax(l job.Lease, most int, texts ...string) job.Counts {
	f.Helper()
	b := &store.Batch{At: time.Now(), MaxMembers: most}
	Fill(b, f.job(l.Owner, string(l.Job)).Checkpoint, texts...)
	return f.commitBatch(l, b)
}

func limitBatch(f *fixture) {
	r, l := f.started(alice, "j1")
	f.commit(l, "put a 1", "put b 1")
	counts := f.commitMax(
		l, 4,
		"bad x",
		"put a 2",            // there already
		"put c 1", "put c 2", // one member, though named twice: full now but for one
		"put d 1", // full
		"put e 1", // 8: refused
		"put d 2", // there already
		"bad y",
		"del zz",  // absent: makes no room
		"put f 1", // 12: refused
		"del b",   // makes room
		"put e 2",
		"del e", "put g 1",
		"put b 2", // 17: refused
	)
	f.equal("counts", counts, job.Counts{Imported: 2 + 10, Rejected: 5})
	f.equal("members", f.members(r), "a=2 c=2 d=2 g=1")
	var short []string
	for _, line := range f.rejects(alice, "j1") {
		place, rest, _ := strings.Cut(line, " ")
		number, _, _ := strings.Cut(place, ":")
		short = append(short, number+" "+rest)
	}
	full := store.ListFull.Code
	f.equal("rejects", short, []string{
		"3 bad x|bad x", "8 " + full + " e|put e 1", "10 bad y|bad y", "12 " + full + " f|put f 1", "17 " + full + " b|put b 2",
	})
	f.equal("counts of a batch that fits", f.commitMax(l, 5, "put h 1"), job.Counts{Imported: 13, Rejected: 5})
	f.equal("counts of one that does not", f.commitMax(l, 5, "put i 1", "put h 2"), job.Counts{Imported: 14, Rejected: 6})
}

func limitLarge(f *fixture) {
	r, l := f.started(alice, "j1")
	var texts []string
	for i := range 10_000 {
		texts = append(texts, fmt.Sprintf("put k%05d 1", (i*7919)%10_000))
	}
	f.equal("counts", f.commitMax(l, 4_321, texts...), job.Counts{Imported: 4_321, Rejected: 10_000 - 4_321})
	f.equal("members", f.memberCount(r), 4_321)
	f.equal("rejects", len(f.rejects(alice, "j1")), 10_000-4_321)
	f.equal("a second time", f.commitMax(l, 4_321, texts...), job.Counts{Imported: 2 * 4_321, Rejected: 2 * (10_000 - 4_321)})
	f.equal("members", f.memberCount(r), 4_321)
}

func (f *fixture) memberCount(r store.ListRef) int {
	f.Helper()
	n := 0
	for after := ""; ; {
		page, next, err := f.ListMembers(f.ctx, r, store.MemberFilter{}, store.Page{After: after, Limit: 5000})
		f.ok("ListMembers", err)
		n += len(page)
		if after = next; next == "" {
			return n
		}
	}
}

func (f *fixture) putMax(r store.ListRef, key string, most int) error {
	return f.PutMember(f.ctx, r, key, []byte("1"), time.Now(), store.PutOptions{Max: most})
}

func limitPut(f *fixture) {
	r, l := f.started(alice, "j1")
	f.commit(l, "put a 1")
	f.ok("PutMember", f.putMax(r, "b", 2))
	f.fails("PutMember in a full list", f.putMax(r, "c", 2), fault.LimitExceeded)
	f.ok("PutMember of one that is there", f.putMax(r, "a", 2))
	f.fails("PutMember below what is there", f.putMax(r, "c", 1), fault.LimitExceeded)
	f.ok("PutMember with a higher limit", f.putMax(r, "c", 3))
	f.ok("DeleteMember", f.DeleteMember(f.ctx, r, "c"))
	f.ok("PutMember where one has gone", f.putMax(r, "d", 3))
	f.reopen()
	f.fails("PutMember after reopening", f.putMax(r, "e", 3), fault.LimitExceeded)
	f.ok("PutMember without a limit", f.putMax(r, "e", 0))
	f.fails("PutMember beyond", f.putMax(r, "f", 4), fault.LimitExceeded)
	f.ok("DeleteList", f.DeleteList(f.ctx, r))
	f.list(alice, "l")
	f.ok("PutMember in a new list", f.putMax(r, "a", 1))
	f.fails("PutMember in a full new list", f.putMax(r, "b", 1), fault.LimitExceeded)
}

func limitPutConcurrent(f *fixture) {
	r := f.list(alice, "l")
	put := 0
	for _, err := range atOnce(20, func(i int) error { return f.putMax(r, fmt.Sprint("k", i%15), 7) }) {
		if err == nil {
			put++
			continue
		}
		f.fails("PutMember", err, fault.LimitExceeded)
	}
	f.equal("members", f.memberCount(r), 7)
	if put < 7 || put > 14 {
		f.Fatalf("%d puts succeeded, want 7 and those that were there", put)
	}
}

func limitMixed(f *fixture) {
	r, l := f.started(alice, "j1")
	f.ok("PutMember", f.putMax(r, "a", 9)) // counted from here on
	f.commit(l, "put b 1", "put c 1", "put a 2")
	f.equal("counts", f.commitMax(l, 4, "put d 1", "put e 1"), job.Counts{Imported: 4, Rejected: 1})
	f.fails("PutMember", f.putMax(r, "x", 4), fault.LimitExceeded)
	f.commit(l, "del a", "del a", "del none")
	f.ok("PutMember", f.putMax(r, "x", 4))
	f.fails("PutMember", f.putMax(r, "y", 4), fault.LimitExceeded)
	f.equal("counts", f.commitMax(l, 4, "put z 1", "del b", "put z 1").Rejected, int64(2))
	f.fails("PutMember", f.putMax(r, "y", 4), fault.LimitExceeded)
	p := f.prepare(l, func() *store.Batch {
		b := &store.Batch{At: time.Now(), MaxMembers: 5}
		Fill(b, f.job(alice, "j1").Checkpoint, "put p 1", "put q 1")
		return b
	}())
	f.ok("DeleteMember", f.DeleteMember(f.ctx, r, "z")) // counts, though the batch was prepared before
	counts, err := f.Commit(f.ctx, l, p)
	f.ok("Commit", err)
	f.equal("rejects", counts.Rejected, int64(2))
	f.equal("members", f.members(r), "c=1 d=1 p=1 q=1 x=1")
}
