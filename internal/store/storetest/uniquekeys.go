package storetest

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

var uniqueKeyTests = []test{
	{"a unique key is one member's", uniqueTaken},
	{"a member gives up the unique keys that it no longer has", uniqueGivenUp},
	{"members cannot swap their unique keys", uniqueSwap},
	{"a change of a member keeps to the unique keys that are left", uniqueChanged},
	{"what is refused for another reason takes no unique key", uniqueRefused},
	{"a change that names no unique keys leaves them", uniqueKept},
	{"only a list with unique keys has them", uniqueMistaken},
	{"unique keys of two lists do not meet", uniqueApart},
	{"the unique keys of a deleted list are gone", uniqueOfDeletedList},
	{"one of many gets a unique key", uniqueConcurrent},
	{"unique keys and members agree when all write at once", uniqueAgree},
}

// The refusals of the two unique keys that a member may have here.
var (
	nameTaken     = record.Refusal{Code: "name-taken", Reason: "another member has the name"}
	shortcutTaken = record.Refusal{Code: "shortcut-taken", Reason: "another member has the shortcut"}

	takenName, takenShortcut = nameTaken.Code, shortcutTaken.Code
)

// sentences are what a single put is refused with, by the refusal's code.
var sentences = map[string]string{nameTaken.Code: nameTaken.Reason, shortcutTaken.Code: shortcutTaken.Reason}

// UniqueKeys returns the unique keys of a member with a value "name/shortcut"; either may be
// missing.
func UniqueKeys(value []byte) []store.UniqueKey {
	name, shortcut, _ := bytes.Cut(value, []byte("/"))
	keys := []store.UniqueKey{} // and not nil: the member has none
	if len(name) > 0 {
		keys = append(keys, store.UniqueKey{Key: append([]byte("name "), name...), Taken: &nameTaken})
	}
	if len(shortcut) > 0 {
		keys = append(keys, store.UniqueKey{Key: append([]byte("shortcut "), shortcut...), Taken: &shortcutTaken})
	}
	return keys
}

// base makes a list whose members have unique keys.
func (f *fixture) base(o job.Owner, id string) store.ListRef {
	f.Helper()
	l := newList(o, id)
	l.Ref.Kind, l.UniqueKeys = job.QuickResponses, true
	l, err := f.CreateList(f.ctx, l, store.Once{}, 0)
	f.ok("CreateList "+id, err)
	return l.Ref
}

func (f *fixture) tryUnique(r store.ListRef, key, value string) error {
	return f.PutMember(f.ctx, r, key, []byte(value), time.Now(), store.PutOptions{Unique: UniqueKeys([]byte(value))})
}

func (f *fixture) putUnique(r store.ListRef, key, value string) {
	f.Helper()
	f.ok(fmt.Sprintf("PutMember %s with %s", key, value), f.tryUnique(r, key, value))
}

// taken wants a put refused for a unique key, by the code of its refusal.
func (f *fixture) taken(err error, code string) {
	f.Helper()
	f.fails("a taken unique key", err, fault.AlreadyExists)
	f.equal("the sentence", fault.Message(err), sentences[code])
}

// allMembers returns all members of a list as "key=name/shortcut key".
func (f *fixture) allMembers(r store.ListRef) string {
	f.Helper()
	var all []string
	for after := ""; ; {
		page, next, err := f.ListMembers(f.ctx, r, store.MemberFilter{}, store.Page{After: after, Limit: 1000})
		f.ok("ListMembers", err)
		for _, m := range page {
			all = append(all, m.Key+"="+string(m.Value))
		}
		if after = next; next == "" {
			return strings.Join(all, " ")
		}
	}
}

// free checks that nobody has the unique keys, by taking them and giving them up.
func (f *fixture) free(r store.ListRef, all ...string) {
	f.Helper()
	for _, value := range all {
		f.putUnique(r, "probe", value)
		f.ok("DeleteMember", f.DeleteMember(f.ctx, r, "probe"))
	}
}

func uniqueTaken(f *fixture) {
	r := f.base(alice, "l")
	f.putUnique(r, "a", "one/1")
	for range 2 {
		f.taken(f.tryUnique(r, "b", "one"), takenName)
		f.taken(f.tryUnique(r, "b", "two/1"), takenShortcut)
		f.taken(f.tryUnique(r, "b", "one/1"), takenName)
		f.reopen()
	}
	f.putUnique(r, "b", "1/one") // a name is no shortcut key
	f.putUnique(r, "c", "ONE")
	f.putUnique(r, "d", "on")
	f.putUnique(r, "a", "one/1") // its own
	f.equal("members", f.allMembers(r), "a=one/1 b=1/one c=ONE d=on")
}

func uniqueGivenUp(f *fixture) {
	r := f.base(alice, "l")
	f.putUnique(r, "a", "one/1")
	f.putUnique(r, "a", "two/1")
	f.taken(f.tryUnique(r, "b", "x/1"), takenShortcut)
	f.taken(f.tryUnique(r, "b", "two"), takenName)
	f.putUnique(r, "b", "one")
	f.putUnique(r, "a", "two")
	f.putUnique(r, "b", "one/1")
	f.reopen()
	f.ok("DeleteMember", f.DeleteMember(f.ctx, r, "b"))
	f.free(r, "one/1")
	f.putUnique(r, "c", "one/1")
	f.equal("members", f.allMembers(r), "a=two c=one/1")
}

func uniqueSwap(f *fixture) {
	r := f.base(alice, "l")
	f.putUnique(r, "a", "one/1")
	f.putUnique(r, "b", "two/2")
	f.taken(f.tryUnique(r, "a", "two/1"), takenName)
	f.taken(f.tryUnique(r, "b", "two/1"), takenShortcut)
	f.taken(f.tryUnique(r, "a", "two/2"), takenName)
	f.equal("members", f.allMembers(r), "a=one/1 b=two/2")
	f.putUnique(r, "a", "three") // but by a third
	f.putUnique(r, "b", "one/1")
	f.putUnique(r, "a", "two/2")
	f.equal("members", f.allMembers(r), "a=two/2 b=one/1")
}

func uniqueChanged(f *fixture) {
	r := f.base(alice, "l")
	f.putUnique(r, "a", "one/1")
	f.putUnique(r, "b", "two")
	rename := func(key, value string) error {
		_, err := f.ChangeMember(f.ctx, r, key, time.Now(), func(m *store.Member) error {
			m.Value, m.Unique = []byte(value), UniqueKeys([]byte(value))
			return nil
		})
		return err
	}
	f.taken(rename("b", "one"), takenName)
	f.taken(rename("b", "two/1"), takenShortcut)
	f.equal("members", f.allMembers(r), "a=one/1 b=two")
	f.ok("ChangeMember", rename("a", "three/1"))
	f.ok("ChangeMember", rename("b", "one/2"))
	f.ok("ChangeMember", rename("a", "three"))
	f.reopen()
	f.taken(rename("a", "three/2"), takenShortcut)
	f.equal("members", f.allMembers(r), "a=three b=one/2")
	f.free(r, "two/1")
}

func uniqueRefused(f *fixture) {
	r := f.base(alice, "l")
	put := func(key, value string, o store.PutOptions) error {
		o.Unique = UniqueKeys([]byte(value))
		return f.PutMember(f.ctx, r, key, []byte(value), time.Now(), o)
	}
	f.putUnique(r, "a", "one/1")
	f.putUnique(r, "b", "two/2")
	f.fails("PutMember of one that is there", put("a", "three/3", store.PutOptions{New: true}), fault.AlreadyExists)
	f.fails("PutMember beyond the limit", put("c", "three/3", store.PutOptions{Max: 2}), fault.LimitExceeded)
	f.taken(put("c", "one/3", store.PutOptions{New: true, Max: 2}), takenName)
	f.taken(put("c", "four/2", store.PutOptions{Max: 9}), takenShortcut)
	f.ok("PutMember at the limit", put("b", "five/2", store.PutOptions{Max: 2}))
	f.equal("members", f.allMembers(r), "a=one/1 b=five/2")
	f.free(r, "two", "three/3", "four")
	f.ok("PutMember below the limit", put("c", "six", store.PutOptions{New: true, Max: 3}))
	f.fails("PutMember at the limit", put("d", "seven", store.PutOptions{New: true, Max: 3}), fault.LimitExceeded)
}

func uniqueApart(f *fixture) {
	for i, o := range everyone {
		for _, id := range []string{"l", "m"} {
			f.putUnique(f.base(o, id), fmt.Sprint("k", i), "one/1")
		}
		plain := f.list(o, "l") // of another kind
		f.put(plain, "a", "one/1")
		f.put(plain, "b", "one/1")
		f.put(plain, "c", "none at all")
		f.equal("members of another kind", f.memberCount(plain), 3)
	}
	other := store.ListRef{Owner: bob, Kind: job.QuickResponses, ID: "l"}
	f.ok("DeleteList", f.DeleteList(f.ctx, other))
	f.taken(f.tryUnique(store.ListRef{Owner: alice, Kind: other.Kind, ID: "l"}, "x", "one"), takenName)
	f.taken(f.tryUnique(store.ListRef{Owner: bob, Kind: other.Kind, ID: "m"}, "x", "one"), takenName)
}

func uniqueOfDeletedList(f *fixture) {
	r := f.base(alice, "l")
	f.putUnique(r, "a", "one/1")
	f.ok("DeleteList", f.DeleteList(f.ctx, r))
	f.base(alice, "l")
	f.putUnique(r, "b", "one")
	f.reopen()
	f.putUnique(r, "c", "two/1")
	f.equal("members", f.allMembers(r), "b=one c=two/1")
}

func uniqueConcurrent(f *fixture) {
	const n = 10
	r := f.base(alice, "l")
	f.putUnique(r, "k0", "mine")
	f.putUnique(r, "k1", "other")
	won := 0
	for _, err := range atOnce(n, func(i int) error {
		value := fmt.Sprintf("one/%d", i)
		if i%2 == 0 {
			value = fmt.Sprintf("%d/one", i) // half for a name, half for a shortcut key
		}
		if i > 1 {
			return f.tryUnique(r, fmt.Sprint("k", i), value)
		}
		_, err := f.ChangeMember(f.ctx, r, fmt.Sprint("k", i), time.Now(), func(m *store.Member) error {
			m.Value, m.Unique = []byte(value), UniqueKeys([]byte(value))
			return nil
		})
		return err
	}) {
		if err == nil {
			won++
		} else {
			f.fails("PutMember", err, fault.AlreadyExists)
		}
	}
	f.equal("puts that did it", won, 2)
	f.equal("members of the name", strings.Count(f.allMembers(r), "=one/"), 1)
	f.equal("members of the shortcut key", strings.Count(f.allMembers(r)+" ", "/one "), 1)
}

func uniqueAgree(f *fixture) {
	r := f.base(alice, "l")
	errs := atOnce(12, func(i int) error {
		for n := range 12 {
			key, value := fmt.Sprint("k", (i+n)%5), fmt.Sprintf("n%d/s%d", (i*n)%4, (i+2*n)%3)
			err := f.tryUnique(r, key, value)
			if (i+n)%4 == 0 {
				err = f.DeleteMember(f.ctx, r, key)
			}
			if err != nil && !fault.Is(err, fault.AlreadyExists) && !fault.Is(err, fault.NotFound) {
				return err
			}
		}
		return nil
	})
	for _, err := range errs {
		f.ok("PutMember or DeleteMember", err)
	}
	f.agree(r)
}

// agree checks that the unique keys taken are those of the members, no more and no less.
func (f *fixture) agree(r store.ListRef) {
	f.Helper()
	seen := map[string]string{}
	for _, m := range strings.Fields(f.allMembers(r)) {
		key, value, _ := strings.Cut(m, "=")
		name, shortcut, _ := strings.Cut(value, "/")
		for _, unique := range []string{"name " + name, "shortcut " + shortcut} {
			if other, ok := seen[unique]; ok && unique != "shortcut " {
				f.Fatalf("%s and %s have both %s", key, other, unique)
			}
			seen[unique] = key
		}
	}
	for i := range 4 {
		name, shortcut := fmt.Sprint("n", i), fmt.Sprint("s", i)
		for _, probe := range []struct{ unique, put string }{{"name " + name, name}, {"shortcut " + shortcut, "probe/" + shortcut}} {
			err := f.tryUnique(r, "probe", probe.put)
			if _, has := seen[probe.unique]; has != (err != nil) {
				f.Fatalf("PutMember with %s: %v, though a member has it: %v", probe.put, err, has)
			}
			if err == nil {
				f.ok("DeleteMember", f.DeleteMember(f.ctx, r, "probe"))
			}
		}
	}
}

// uniqueKept: a change that says nothing of unique keys leaves them as they are.
func uniqueKept(f *fixture) {
	r := f.base(alice, "l")
	f.putUnique(r, "a", "one/1")
	m, err := f.ChangeMember(f.ctx, r, "a", time.Now(), func(m *store.Member) error {
		f.equal("unique keys that change is given", m.Unique, []store.UniqueKey(nil))
		m.Value = []byte("other")
		return nil
	})
	f.ok("ChangeMember", err)
	f.equal("member", string(m.Value), "other")
	f.equal("unique keys that ChangeMember returns", m.Unique, []store.UniqueKey(nil))
	f.reopen()
	f.taken(f.tryUnique(r, "b", "one/2"), takenName)
	f.taken(f.tryUnique(r, "b", "two/1"), takenShortcut)
	_, err = f.ChangeMember(f.ctx, r, "a", time.Now(), func(m *store.Member) error {
		m.Unique = []store.UniqueKey{}
		return nil
	})
	f.ok("ChangeMember", err)
	f.free(r, "one/1")
	f.equal("members", f.allMembers(r), "a=other")
}

// uniqueMistaken: a list has unique keys or it has none.
func uniqueMistaken(f *fixture) {
	plain, l := f.started(alice, "j1")
	if err := f.tryUnique(plain, "a", "one/1"); err == nil {
		f.Fatalf("PutMember with unique keys in a list without them: no error")
	}
	if _, err := f.Prepare(f.ctx, l, uniqueBatch(record.Position{}, 0, "put a one")); err == nil {
		f.Fatalf("Prepare of a batch with unique keys for a list without them: no error")
	}
	f.equal("members", f.members(plain), "")
	changed, err := f.ChangeList(f.ctx, plain, func(l *store.List) error { l.UniqueKeys = true; return nil })
	f.ok("ChangeList", err)
	f.equal("UniqueKeys of a list without them", changed.UniqueKeys, false)
	r := f.base(alice, "m")
	f.ok("PutMember without any", f.PutMember(f.ctx, r, "a", []byte("x"), time.Now(), store.PutOptions{}))
	f.putUnique(r, "b", "one")
	f.ok("PutMember without any", f.PutMember(f.ctx, r, "b", []byte("y"), time.Now(), store.PutOptions{}))
	f.free(r, "one")
	f.equal("members", f.allMembers(r), "a=x b=y")
}
