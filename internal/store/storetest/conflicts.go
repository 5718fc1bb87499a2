package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

var conflictTests = []test{
	{"records that would have another's unique key become rejects", conflictBatch},
	{"the first of a batch gets the unique key", conflictWithin},
	{"within a batch unique keys are given up as they go", conflictFreed},
	{"a unique key goes before the limit", conflictLimit},
	{"what counts is who has the unique key at the commit", conflictLate},
	{"two prepared batches do not get the same unique key", conflictTwice},
	{"a batch that is committed again changes nothing", conflictReplayed},
	{"a large batch with unique keys is a batch like any other", conflictLarge},
	{"a single put and a commit do not get the same unique key", conflictRace},
}

// startedBase makes a list whose members have unique keys, and a job into it that is begun.
func (f *fixture) startedBase(o job.Owner, id string) (store.ListRef, job.Lease) {
	f.Helper()
	r := f.base(o, "l")
	j := newJob(o, id)
	j.Destination.Kind = r.Kind
	f.create(j)
	l := f.claim().Lease
	_, err := f.Begin(f.ctx, l, job.Source{})
	f.ok("Begin", err)
	return r, l
}

// uniqueBatch makes a batch whose puts are "put KEY NAME/SHORTCUT".
func uniqueBatch(from record.Position, most int, texts ...string) *store.Batch {
	b := &store.Batch{At: time.Now(), UniqueKeys: true, MaxMembers: most}
	Fill(b, from, texts...)
	return b
}

func (f *fixture) commitUnique(l job.Lease, most int, texts ...string) job.Counts {
	f.Helper()
	return f.commitBatch(l, uniqueBatch(f.job(l.Owner, string(l.Job)).Checkpoint, most, texts...))
}

// refused returns a job's rejects as "record code key".
func (f *fixture) refused(o job.Owner, id string) string {
	f.Helper()
	var all []string
	for r, err := range f.Rejects(f.ctx, o, job.ID(id)) {
		f.ok("Rejects", err)
		all = append(all, fmt.Sprint(r.Record, " ", r.Code, " ", string(r.Key)))
		if sentence, ok := sentences[r.Code]; ok {
			f.equal("reason of a reject", r.Reason, sentence)
		}
	}
	return strings.Join(all, ", ")
}

func conflictBatch(f *fixture) {
	r, l := f.startedBase(alice, "j1")
	f.putUnique(r, "a", "one/1")
	counts := f.commitUnique(
		l, 0,
		"bad x",
		"put b one/2", // 2: a has the name
		"put b two/2",
		"bad y",
		"put c three/1", // 5: a has the shortcut key
		"put c three",
		"put d one/1", // 7: both; the name is told
		"put a one/9", // its own
	)
	f.equal("counts", counts, job.Counts{Imported: 3, Rejected: 5})
	for range 2 {
		f.equal("members", f.allMembers(r), "a=one/9 b=two/2 c=three")
		f.equal("rejects", f.refused(alice, "j1"), fmt.Sprintf(
			"1 bad x, 2 %s b, 4 bad y, 5 %s c, 7 %s d", takenName, takenShortcut, takenName,
		))
		f.reopen()
	}
	f.taken(f.tryUnique(r, "z", "two"), takenName)
	f.taken(f.tryUnique(r, "z", "z/9"), takenShortcut)
	f.free(r, "x/1")
	for rej, err := range f.Rejects(f.ctx, alice, "j1") {
		f.ok("Rejects", err)
		if rej.Record == 2 {
			f.equal("raw record", string(rej.Raw), "put b one/2")
			f.equal("line", rej.Line, int64(2))
			f.equal("offset", rej.Offset, int64(6))
		}
	}
}

func conflictWithin(f *fixture) {
	r, l := f.startedBase(alice, "j1")
	counts := f.commitUnique(
		l, 0,
		"put z one/1", // the first record, though the last key
		"put a one/2", // 2
		"put m two/1", // 3
		"put a two/2",
		"put m two/3",   // 5
		"put m three/1", // 6
		"put m three/3",
	)
	f.equal("counts", counts, job.Counts{Imported: 3, Rejected: 4})
	f.equal("members", f.allMembers(r), "a=two/2 m=three/3 z=one/1")
	f.equal("rejects", f.refused(alice, "j1"), fmt.Sprintf(
		"2 %s a, 3 %s m, 5 %s m, 6 %s m", takenName, takenShortcut, takenName, takenShortcut,
	))
	f.agree(r)
}

func conflictFreed(f *fixture) {
	r, l := f.startedBase(alice, "j1")
	for i, value := range []string{"one/1", "two/2", "three/3"} {
		f.putUnique(r, string(rune('a'+i)), value)
	}
	counts := f.commitUnique(
		l, 0,
		"put x one", // 1: not yet
		"del a",
		"put x one/1",   // given up by the deletion
		"put y two/2",   // 4: not yet
		"put b four",    // replaced: gives up both its value
		"put y two/2",   // now free
		"put b two",     // 7: y has it now
		"put b four/4",  // its own name, and a shortcut key
		"put c five/3",  // gives up one of its value, keeps the other
		"put p three/3", // 10: only the name is free
		"put p three/5",
		"del p",
		"put q three/5",
		"del q",
		"put x six/1", "put x seven/1", "put q six", // what is passed over is free too
		"put a one", "del a", // free in the end
		"del none",
	)
	f.equal("counts", counts, job.Counts{Imported: 16, Rejected: 4})
	f.equal("members", f.allMembers(r), "b=four/4 c=five/3 q=six x=seven/1 y=two/2")
	f.equal("rejects", f.refused(alice, "j1"), fmt.Sprintf(
		"1 %s x, 4 %s y, 7 %s b, 10 %s p", takenName, takenName, takenName, takenShortcut,
	))
	f.free(r, "one", "three/5")
	f.reopen()
	f.free(r, "one", "three/5")
	for _, value := range []string{"four", "five", "six", "seven", "two", "x/1", "x/2", "x/3", "x/4"} {
		f.fails("PutMember with "+value, f.tryUnique(r, "probe", value), fault.AlreadyExists)
	}
}

func conflictLimit(f *fixture) {
	r, l := f.startedBase(alice, "j1")
	f.putUnique(r, "a", "one")
	counts := f.commitUnique(
		l, 2,
		"put b two",
		"put c three", // 2: full
		"put c one",   // 3: taken, and full
		"put b three", // what was refused took no name
		"put a two",
		"del b",
		"put c one/1", // room, and free
		"put d two",   // 8
		"put d three", // 9: full
	)
	f.equal("counts", counts, job.Counts{Imported: 5, Rejected: 4})
	f.equal("members", f.allMembers(r), "a=two c=one/1")
	full := store.ListFull.Code
	f.equal("rejects", f.refused(alice, "j1"), fmt.Sprintf("2 %s c, 3 %s c, 8 %s d, 9 %s d", full, takenName, takenName, full))
	f.free(r, "three")
	f.equal("a batch that fits", f.commitUnique(l, 3, "put d three"), job.Counts{Imported: 6, Rejected: 4})
	err := f.PutMember(f.ctx, r, "e", []byte("four"), time.Now(), store.PutOptions{Max: 3, Unique: UniqueKeys([]byte("four"))})
	f.fails("PutMember beyond the limit", err, fault.LimitExceeded)
}

func conflictLate(f *fixture) {
	r, l := f.startedBase(alice, "j1")
	f.putUnique(r, "a", "one")
	f.putUnique(r, "b", "two")
	p := f.prepare(l, uniqueBatch(record.Position{}, 0, "put x one", "put y two", "put z three"))
	f.putUnique(r, "c", "three") // after the preparation
	f.ok("DeleteMember", f.DeleteMember(f.ctx, r, "a"))
	f.putUnique(r, "b", "four")
	counts, err := f.Commit(f.ctx, l, p)
	f.ok("Commit", err)
	f.equal("counts", counts, job.Counts{Imported: 2, Rejected: 1})
	f.equal("members", f.allMembers(r), "b=four c=three x=one y=two")
	f.equal("rejects", f.refused(alice, "j1"), fmt.Sprintf("3 %s z", takenName))
}

func conflictTwice(f *fixture) {
	r, l := f.startedBase(alice, "j1")
	first := uniqueBatch(record.Position{}, 0, "put a one/1", "put b two")
	second := uniqueBatch(first.Through, 0, "put c one", "put a three/1", "put d two")
	later := f.prepare(l, second)
	earlier := f.prepare(l, first)
	for _, p := range []store.Prepared{earlier, later} {
		_, err := f.Commit(f.ctx, l, p)
		f.ok("Commit", err)
	}
	f.equal("members", f.allMembers(r), "a=three/1 b=two")
	f.equal("rejects", f.refused(alice, "j1"), fmt.Sprintf("3 %s c, 5 %s d", takenName, takenName))
	f.agree(r)
}

// conflictReplayed is what happens to an import that is done again from its start:
// the keys are made from job and record, so that they are the same.
func conflictReplayed(f *fixture) {
	r, l := f.startedBase(alice, "j1")
	texts := []string{"put k1 one/1", "put k2 two", "put k3 three/3"}
	for range 2 {
		f.commitBatch(l, uniqueBatch(record.Position{}, 0, slices.Clone(texts)...))
	}
	f.equal("members", f.allMembers(r), "k1=one/1 k2=two k3=three/3")
	f.equal("rejects", f.refused(alice, "j1"), "")
}

// conflictLarge is far beyond what a backend may treat as a small batch.
func conflictLarge(f *fixture) {
	const n = 20_000
	r, l := f.startedBase(alice, "j1")
	for i := range 5 {
		f.putUnique(r, fmt.Sprint("single", i), fmt.Sprintf("n%d", i*1000))
	}
	var texts []string
	for i := range n {
		// Every name twice, by keys in no order; the first gets it.
		texts = append(texts, fmt.Sprintf("put k%05d n%d", (i*7919)%n, i%(n/2)))
	}
	counts := f.commitUnique(l, 0, texts...)
	f.equal("counts", counts, job.Counts{Imported: n/2 - 5, Rejected: n/2 + 5})
	f.equal("members", f.memberCount(r), n/2)
	last := int64(0)
	for rej, err := range f.Rejects(f.ctx, alice, "j1") {
		f.ok("Rejects", err)
		f.equal("code", rej.Code, takenName)
		f.equal("in order", rej.Record > last, true)
		last = rej.Record
	}
	f.equal("last reject", last, int64(n))
	f.reopen()
	f.taken(f.tryUnique(r, "probe", fmt.Sprint("n", n/2-1)), takenName)
	f.free(r, fmt.Sprint("n", n/2))
}

func conflictRace(f *fixture) {
	const n = 6
	r, l := f.startedBase(alice, "j1")
	p := f.prepare(l, uniqueBatch(record.Position{}, 0, "put x one/1", "put y two"))
	won := 0
	for i, err := range atOnce(n, func(i int) error {
		if i == n/2 {
			_, err := f.Commit(f.ctx, l, p)
			return err
		}
		return f.tryUnique(r, fmt.Sprint("k", i), "one/"+fmt.Sprint(i+5))
	}) {
		switch {
		case i == n/2:
			f.ok("Commit", err)
		case err == nil:
			won++
		default:
			f.taken(err, takenName)
		}
	}
	imported := f.job(alice, "j1").Counts.Imported
	f.equal("those who got the name", won+int(imported)-1, 1)
	f.equal("members with the name", strings.Count(f.allMembers(r), "=one"), 1)
	f.equal("the other", strings.Contains(f.allMembers(r), "y=two"), true)
	m, err := f.Member(f.ctx, store.ListRef{Owner: alice, Kind: job.QuickResponses, ID: "l"}, "x")
	f.equal("x is there if it was imported", err == nil && len(m.Value) > 0, imported == 2)
}
