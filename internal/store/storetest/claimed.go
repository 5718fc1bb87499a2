package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

var claimedTests = []test{
	{"records that claim another's word become rejects", claimedBatch},
	{"the first of a batch gets the word", claimedWithin},
	{"within a batch words are given up as they go", claimedFreed},
	{"a word goes before the limit", claimedLimit},
	{"what counts is who has the word at the commit", claimedLate},
	{"two prepared batches do not get the same word", claimedTwice},
	{"a batch that is committed again changes nothing", claimedReplayed},
	{"a large batch with words is a batch like any other", claimedLarge},
	{"a single put and a commit do not get the same word", claimedRace},
}

// claiming makes a list whose members have words, and a job into it that is begun.
func (f *fixture) claiming(o job.Owner, id string) (store.ListRef, job.Lease) {
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

// claims makes a batch whose puts are "put KEY NAME/SHORTCUT".
func claimsBatch(from record.Position, most int, texts ...string) *store.Batch {
	b := &store.Batch{At: time.Now(), Claims: true, MaxMembers: most}
	for i, text := range texts {
		if parts := strings.Split(text, " "); parts[0] == "put" {
			texts[i] = fmt.Sprintf("put %s %s", parts[1], quick(parts[2]))
		}
	}
	Fill(b, from, texts...)
	return b
}

func (f *fixture) commitClaims(l job.Lease, most int, texts ...string) job.Counts {
	f.Helper()
	return f.commitBatch(l, claimsBatch(f.job(l.Owner, string(l.Job)).Checkpoint, most, texts...))
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

func claimedBatch(f *fixture) {
	r, l := f.claiming(alice, "j1")
	f.putWords(r, "a", "one/1")
	counts := f.commitClaims(
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
		f.equal("members", f.words(r), "a=one/9 b=two/2 c=three")
		f.equal("rejects", f.refused(alice, "j1"), fmt.Sprintf(
			"1 bad x, 2 %s b, 4 bad y, 5 %s c, 7 %s d", takenName, takenShortcut, takenName,
		))
		f.reopen()
	}
	f.taken(f.tryWords(r, "z", "two"), takenName)
	f.taken(f.tryWords(r, "z", "z/9"), takenShortcut)
	f.free(r, "x/1")
	for rej, err := range f.Rejects(f.ctx, alice, "j1") {
		f.ok("Rejects", err)
		if rej.Record == 2 {
			f.equal("raw record", string(rej.Raw), "put b "+string(quick("one/2")))
			f.equal("line", rej.Line, int64(2))
			f.equal("offset", rej.Offset, int64(6))
		}
	}
}

func claimedWithin(f *fixture) {
	r, l := f.claiming(alice, "j1")
	counts := f.commitClaims(
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
	f.equal("members", f.words(r), "a=two/2 m=three/3 z=one/1")
	f.equal("rejects", f.refused(alice, "j1"), fmt.Sprintf(
		"2 %s a, 3 %s m, 5 %s m, 6 %s m", takenName, takenShortcut, takenName, takenShortcut,
	))
	f.agree(r)
}

func claimedFreed(f *fixture) {
	r, l := f.claiming(alice, "j1")
	for i, words := range []string{"one/1", "two/2", "three/3"} {
		f.putWords(r, string(rune('a'+i)), words)
	}
	counts := f.commitClaims(
		l, 0,
		"put x one", // 1: not yet
		"del a",
		"put x one/1",   // given up by the deletion
		"put y two/2",   // 4: not yet
		"put b four",    // replaced: gives up both its words
		"put y two/2",   // now free
		"put b two",     // 7: y has it now
		"put b four/4",  // its own name, and a shortcut key
		"put c five/3",  // gives up one of its words, keeps the other
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
	f.equal("members", f.words(r), "b=four/4 c=five/3 q=six x=seven/1 y=two/2")
	f.equal("rejects", f.refused(alice, "j1"), fmt.Sprintf(
		"1 %s x, 4 %s y, 7 %s b, 10 %s p", takenName, takenName, takenName, takenShortcut,
	))
	f.free(r, "one", "three/5")
	f.reopen()
	f.free(r, "one", "three/5")
	for _, words := range []string{"four", "five", "six", "seven", "two", "x/1", "x/2", "x/3", "x/4"} {
		f.fails("PutMember with "+words, f.tryWords(r, "probe", words), fault.AlreadyExists)
	}
}

func claimedLimit(f *fixture) {
	r, l := f.claiming(alice, "j1")
	f.putWords(r, "a", "one")
	counts := f.commitClaims(
		l, 2,
		"put b two",
		"put c three", // 2: full
		"put c one",   // 3: taken, and full
		"put b three", // what was refused took no word
		"put a two",
		"del b",
		"put c one/1", // room, and free
		"put d two",   // 8
		"put d three", // 9: full
	)
	f.equal("counts", counts, job.Counts{Imported: 5, Rejected: 4})
	f.equal("members", f.words(r), "a=two c=one/1")
	full := store.ListFull.Code
	f.equal("rejects", f.refused(alice, "j1"), fmt.Sprintf("2 %s c, 3 %s c, 8 %s d, 9 %s d", full, takenName, takenName, full))
	f.free(r, "three")
	f.equal("a batch that fits", f.commitClaims(l, 3, "put d three"), job.Counts{Imported: 6, Rejected: 4})
	err := f.PutMember(f.ctx, r, "e", quick("four"), time.Now(), store.PutOptions{Max: 3})
	f.fails("PutMember beyond the limit", err, fault.LimitExceeded)
}

func claimedLate(f *fixture) {
	r, l := f.claiming(alice, "j1")
	f.putWords(r, "a", "one")
	f.putWords(r, "b", "two")
	p := f.prepare(l, claimsBatch(record.Position{}, 0, "put x one", "put y two", "put z three"))
	f.putWords(r, "c", "three") // after the preparation
	f.ok("DeleteMember", f.DeleteMember(f.ctx, r, "a"))
	f.putWords(r, "b", "four")
	counts, err := f.Commit(f.ctx, l, p)
	f.ok("Commit", err)
	f.equal("counts", counts, job.Counts{Imported: 2, Rejected: 1})
	f.equal("members", f.words(r), "b=four c=three x=one y=two")
	f.equal("rejects", f.refused(alice, "j1"), fmt.Sprintf("3 %s z", takenName))
}

func claimedTwice(f *fixture) {
	r, l := f.claiming(alice, "j1")
	first := claimsBatch(record.Position{}, 0, "put a one/1", "put b two")
	second := claimsBatch(first.Through, 0, "put c one", "put a three/1", "put d two")
	later := f.prepare(l, second)
	earlier := f.prepare(l, first)
	for _, p := range []store.Prepared{earlier, later} {
		_, err := f.Commit(f.ctx, l, p)
		f.ok("Commit", err)
	}
	f.equal("members", f.words(r), "a=three/1 b=two")
	f.equal("rejects", f.refused(alice, "j1"), fmt.Sprintf("3 %s c, 5 %s d", takenName, takenName))
	f.agree(r)
}

// claimedReplayed is what happens to an import that is done again from its start:
// the keys are made from job and record, so that they are the same.
func claimedReplayed(f *fixture) {
	r, l := f.claiming(alice, "j1")
	texts := []string{"put k1 one/1", "put k2 two", "put k3 three/3"}
	for range 2 {
		f.commitBatch(l, claimsBatch(record.Position{}, 0, slices.Clone(texts)...))
	}
	f.equal("members", f.words(r), "k1=one/1 k2=two k3=three/3")
	f.equal("rejects", f.refused(alice, "j1"), "")
}

// claimedLarge is far beyond what a backend may treat as a small batch.
func claimedLarge(f *fixture) {
	const n = 20_000
	r, l := f.claiming(alice, "j1")
	for i := range 5 {
		f.putWords(r, fmt.Sprint("single", i), fmt.Sprintf("n%d", i*1000))
	}
	var texts []string
	for i := range n {
		// Every word twice, by keys in no order; the first gets it.
		texts = append(texts, fmt.Sprintf("put k%05d n%d", (i*7919)%n, i%(n/2)))
	}
	counts := f.commitClaims(l, 0, texts...)
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
	f.taken(f.tryWords(r, "probe", fmt.Sprint("n", n/2-1)), takenName)
	f.free(r, fmt.Sprint("n", n/2))
}

func claimedRace(f *fixture) {
	const n = 6
	r, l := f.claiming(alice, "j1")
	p := f.prepare(l, claimsBatch(record.Position{}, 0, "put x one/1", "put y two"))
	won := 0
	for i, err := range atOnce(n, func(i int) error {
		if i == n/2 {
			_, err := f.Commit(f.ctx, l, p)
			return err
		}
		return f.tryWords(r, fmt.Sprint("k", i), "one/"+fmt.Sprint(i+5))
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
	f.equal("those who got the word", won+int(imported)-1, 1)
	f.equal("members with the word", strings.Count(f.words(r), "=one"), 1)
	f.equal("the other", strings.Contains(f.words(r), "y=two"), true)
	m, err := f.Member(f.ctx, store.ListRef{Owner: alice, Kind: destination.QuickResponses, ID: "l"}, "x")
	f.equal("x is there if it was imported", err == nil && len(m.Value) > 0, imported == 2)
}
