package storetest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

var changeTests = []test{
	{"a change of a member replaces its value and leaves the rest", changeKept},
	{"a change of a member that fails stores nothing", changeFails},
	{"a member that is not there is not changed", changeMissing},
	{"every change of a member counts when all come at once", changeConcurrent},
	{"changes of a member and an import follow one another", changeAndImport},
	{"a page is full however rarely the filter matches, within its budget", pagesFull},
}

// extend is a change that shows whether one was lost.
func extend(m *store.Member) error {
	m.Value = append(m.Value, 'x')
	return nil
}

func (f *fixture) change(r store.ListRef, key string, change func(*store.Member) error) store.Member {
	f.Helper()
	m, err := f.ChangeMember(f.ctx, r, key, time.Now(), change)
	f.ok("ChangeMember "+key, err)
	return m
}

func changeKept(f *fixture) {
	r, l := f.started(alice, "j1")
	f.put(r, "a", "1")
	f.commit(l, "put b 1")
	was, err := f.Member(f.ctx, r, "a")
	f.ok("Member", err)
	time.Sleep(10 * time.Second)
	at := time.Now().Add(1234567 * time.Nanosecond)
	value := []byte("2")
	got, err := f.ChangeMember(f.ctx, r, "a", at, func(m *store.Member) error {
		f.equal("the member that change sees", *m, was)
		*m = store.Member{Key: "b", Value: value, Created: at.Add(minute), Updated: at.Add(minute)}
		return nil
	})
	f.ok("ChangeMember", err)
	want := store.Member{Key: "a", Value: []byte("2"), Created: was.Created, Updated: at.UTC().Truncate(time.Microsecond)}
	f.equal("ChangeMember", got, want)
	value[0], got.Value[0] = 'x', 'y'
	f.equal("an imported member", show(f.change(r, "b", extend)), "b=1x/10/0")
	f.equal("an emptied member", show(f.change(r, "b", func(m *store.Member) error { m.Value = nil; return nil })), "b=/10/0")
	for range 2 {
		got, err = f.Member(f.ctx, r, "a")
		f.ok("Member", err)
		f.equal("Member", got, want)
		f.equal("how many there are", f.memberCount(r), 2)
		f.reopen()
	}
	time.Sleep(10 * time.Second)
	f.commit(f.claim().Lease, "put a 3")
	f.equal("put over a changed one", show(f.change(r, "a", extend)), "a=3x/20/0")
}

func changeFails(f *fixture) {
	r := f.list(alice, "l")
	f.put(r, "a", "1")
	time.Sleep(10 * time.Second)
	mine := errors.New("mine")
	_, err := f.ChangeMember(f.ctx, r, "a", time.Now(), func(m *store.Member) error {
		m.Value[0] = '2'
		return mine
	})
	f.equal("is change's error", errors.Is(err, mine), true)
	f.equal("members", f.members(r), "a=1/10/10")
}

func changeMissing(f *fixture) {
	r, l := f.started(alice, "j1")
	other := f.list(alice, "m")
	f.put(other, "a", "1")
	f.put(r, "gone", "1")
	f.commit(l, "del gone", "put left 1", "put left2 1")
	f.ok("DeleteMember", f.DeleteMember(f.ctx, r, "left"))
	for _, key := range []string{"a", "gone", "left", "lef"} {
		_, err := f.ChangeMember(f.ctx, r, key, time.Now(), func(*store.Member) error {
			f.Errorf("ChangeMember %s: change was called for no member", key)
			return nil
		})
		f.lacks(store.ErrNoMember, "ChangeMember "+key, err)
	}
	f.equal("members", f.members(r), "left2=1")
	f.equal("members of another list", f.members(other), "a=1")
}

func changeConcurrent(f *fixture) {
	const n = 20
	r := f.list(alice, "l")
	f.put(r, "a", "")
	f.put(r, "b", "")
	values := make([]string, n)
	for _, err := range atOnce(n, func(i int) error {
		m, err := f.ChangeMember(f.ctx, r, []string{"a", "b"}[i%2], time.Now(), extend)
		values[i] = m.Key + string(m.Value)
		return err
	}) {
		f.ok("ChangeMember", err)
	}
	all := strings.Repeat("x", n/2)
	f.equal("members", f.members(r), "a="+all+" b="+all)
	seen := map[string]bool{}
	for _, v := range values {
		seen[v] = true
	}
	f.equal("different values returned", len(seen), n)
}

func changeAndImport(f *fixture) {
	const n = 8
	r, l := f.started(alice, "j1")
	f.commit(l, "put a old")
	p := f.prepare(l, batch(f.job(alice, "j1").Checkpoint, "put a new"))
	f.equal("before the commit", show(f.change(r, "a", extend)), "a=oldx")
	values := make([]string, n)
	for _, err := range atOnce(n, func(i int) error {
		if i == n/2 {
			_, err := f.Commit(f.ctx, l, p)
			return err
		}
		m, err := f.ChangeMember(f.ctx, r, "a", time.Now(), extend)
		values[i] = string(m.Value)
		return err
	}) {
		f.ok("Commit or ChangeMember", err)
	}
	// What was changed before the import was replaced by it, and nothing else.
	behind := strings.Count(strings.Join(values, " "), "new")
	f.equal("members", f.members(r), "a=new"+strings.Repeat("x", behind))
}

func pagesFull(f *fixture) {
	const n, every = 50_000, 3_000
	r, l := f.started(alice, "j1")
	var texts, want []string
	for i := range n {
		value := "no"
		if i%every == every-1 {
			value = fmt.Sprint(i)
			want = append(want, value)
		}
		texts = append(texts, fmt.Sprintf("put k%05d %s", i, value))
	}
	f.equal("counts", f.commit(l, texts...), job.Counts{Imported: n})
	rare := store.MemberFilter{Match: func(m store.Member) bool { return string(m.Value) != "no" }}
	for _, limit := range []int{1, 5, len(want), 100} {
		var got []string
		for after, end := "", false; !end; {
			page, next, err := f.ListMembers(f.ctx, r, rare, store.Page{After: after, Limit: limit, Budget: n})
			f.ok("ListMembers", err)
			if next != "" && len(page) != limit {
				f.Fatalf("ListMembers by %d: a page of %d before the end, want a full one", limit, len(page))
			}
			for _, m := range page {
				got = append(got, string(m.Value))
			}
			after, end = next, next == ""
		}
		f.equal(fmt.Sprint("ListMembers by ", limit), got, want)
	}
	page, next, err := f.ListMembers(f.ctx, r, rare, store.Page{Limit: len(want), Budget: n})
	f.ok("ListMembers", err)
	f.equal("a page that holds all, and its token", fmt.Sprint(len(page), next), fmt.Sprint(len(want), ""))
	none := store.MemberFilter{Match: func(store.Member) bool { return false }}
	page, next, err = f.ListMembers(f.ctx, r, none, store.Page{Limit: 1, Budget: n})
	f.ok("ListMembers", err)
	f.equal("a page of nothing, and its token", fmt.Sprint(len(page), next), fmt.Sprint(0, ""))
	_, _, err = f.ListMembers(canceled(f.ctx), r, none, store.Page{Limit: 1, Budget: n})
	f.equal("an error for a caller who has gone", err != nil, true)
}
