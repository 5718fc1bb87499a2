package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

var listTests = []test{
	{"a list is kept as it was stored, over reopening", listKept},
	{"names and ids are taken once per owner and kind", listTaken},
	{"lists are limited by owner and kind", listLimit},
	{"lists are listed oldest first, in stable pages", listPages},
	{"lists are found by ID or name", listsFound},
	{"a change of a list is stored", listChanged},
	{"a deleted list is gone, and a new one starts empty", listDeleted},
	{"a missing list is not found", listMissing},
}

func listKept(f *fixture) {
	l := store.List{
		Ref: listRef(alice, "l1"), Name: "имя", Created: time.Now().Add(1999 * time.Nanosecond), Updated: time.Now(),
		Config: []byte{0, 255, '{'}, Tags: map[string]string{"a": "b"},
	}
	want := l
	want.Created, want.Updated = l.Created.UTC().Truncate(time.Microsecond), l.Updated.UTC()
	want.Tags = map[string]string{"a": "b"}
	stored, err := f.CreateList(f.ctx, l, store.Once{}, 0)
	f.ok("CreateList", err)
	f.equal("CreateList", stored, want)
	stored.Tags["a"], l.Tags["a"], stored.Config[0], l.Config[0] = "x", "x", 9, 9
	want.Config = []byte{0, 255, '{'}
	for range 2 {
		got, err := f.List(f.ctx, l.Ref)
		f.ok("List", err)
		f.equal("List", got, want)
		f.reopen()
	}
}

func (f *fixture) tryList(o job.Owner, k job.Kind, id, name string, most int) error {
	l := newList(o, id)
	l.Ref.Kind, l.Name = k, name
	_, err := f.CreateList(f.ctx, l, store.Once{}, most)
	return err
}

func listTaken(f *fixture) {
	const lists, suppression = job.AddressList, job.Suppression
	f.ok("CreateList", f.tryList(alice, lists, "i", "n", 0))
	f.fails("CreateList with a taken name", f.tryList(alice, lists, "i2", "n", 0), fault.AlreadyExists)
	f.fails("CreateList with a taken id", f.tryList(alice, lists, "i", "n2", 0), fault.AlreadyExists)
	f.ok("CreateList of another kind", f.tryList(alice, suppression, "i", "n", 0))
	for _, o := range everyone[1:] {
		f.ok("CreateList of another owner", f.tryList(o, lists, "i", "n", 0))
	}
	created := 0
	for _, err := range atOnce(8, func(i int) error { return f.tryList(bob, lists, fmt.Sprint(i), "same", 0) }) {
		if err == nil {
			created++
		} else {
			f.fails("CreateList at once", err, fault.AlreadyExists)
		}
	}
	f.equal("lists created", created, 1)
}

func listLimit(f *fixture) {
	const lists = job.AddressList
	created := 0
	for _, err := range atOnce(8, func(i int) error { return f.tryList(alice, lists, fmt.Sprint(i), fmt.Sprint(i), 3) }) {
		if err == nil {
			created++
		} else {
			f.fails("CreateList beyond the limit", err, fault.LimitExceeded)
		}
	}
	f.equal("lists created", created, 3)
	f.ok("CreateList of another kind", f.tryList(alice, job.Suppression, "x", "x", 3))
	f.ok("CreateList of another owner", f.tryList(faraway, lists, "x", "x", 3))
	f.ok("CreateList without a limit", f.tryList(alice, lists, "x", "x", 0))
	f.fails("CreateList", f.tryList(alice, lists, "y", "y", 4), fault.LimitExceeded)
	f.ok("DeleteList", f.DeleteList(f.ctx, listRef(alice, "x")))
	f.ok("CreateList where one has gone", f.tryList(alice, lists, "y", "y", 4))
}

func listPages(f *fixture) {
	for _, id := range []string{"c", "b", "e", "d"} {
		f.list(alice, id)
		time.Sleep(time.Second)
	}
	f.list(bob, "x")
	seen := ""
	page := func(after string, limit int) string {
		lists, next, err := f.ListLists(f.ctx, alice, job.AddressList, store.Page{After: after, Limit: limit})
		f.ok("ListLists", err)
		for _, l := range lists {
			whole, err := f.List(f.ctx, l.Ref)
			f.ok("List", err)
			f.equal("a listed list", l, whole)
			seen += l.Ref.ID + " "
		}
		return next
	}
	for limit := 1; limit < 6; limit++ {
		seen = ""
		for next := page("", limit); next != ""; {
			next = page(next, limit)
		}
		f.equal("all", seen, "c b e d ")
	}
	seen = ""
	next := page("", 2)
	f.ok("DeleteList", f.DeleteList(f.ctx, listRef(alice, "b"))) // the token stands on it
	f.ok("DeleteList", f.DeleteList(f.ctx, listRef(alice, "e")))
	f.list(alice, "a")
	f.reopen()
	f.equal("token at the end", page(next, 2), "")
	f.equal("all while some come and go", seen, "c b d a ")
	_, _, err := f.ListLists(f.ctx, faraway, job.AddressList, store.Page{Limit: 1})
	f.ok("ListLists of nothing", err)
}

func listsFound(f *fixture) {
	create := func(o job.Owner, k job.Kind, id, name string) {
		l := newList(o, id)
		l.Ref.Kind, l.Name = k, name
		_, err := f.CreateList(f.ctx, l, store.Once{}, 0)
		f.ok("CreateList", err)
	}
	create(alice, job.AddressList, "l1", "x")
	create(alice, job.AddressList, "x", "y") // an ID that is the name of another
	create(alice, job.QuickResponses, "q1", "x")
	create(alice, job.ContactList, "c", "c")
	create(bob, job.AddressList, "l1", "x")
	find := func(want string, names ...string) {
		f.Helper()
		for range 2 {
			lists, err := f.FindLists(f.ctx, alice, names...)
			f.ok("FindLists", err)
			got := ""
			for _, l := range lists {
				whole, err := f.List(f.ctx, l.Ref)
				f.ok("List", err)
				f.equal("a list that was found", l, whole)
				got += string(l.Ref.Kind) + "/" + l.Ref.ID + " "
			}
			f.equal(fmt.Sprintf("FindLists %q", names), got, want)
			f.reopen()
		}
	}
	find("")
	find("", "none", "")
	find("contact-list/c ", "c", "c")
	find("address-list/l1 address-list/x quick-responses/q1 ", "x")
	find("address-list/l1 address-list/x quick-responses/q1 ", "y", "q1", "l1")
	_, err := f.ChangeList(f.ctx, listRef(alice, "l1"), func(l *store.List) error { l.Name = "z"; return nil })
	f.ok("ChangeList", err)
	f.ok("DeleteList", f.DeleteList(f.ctx, listRef(alice, "x")))
	find("quick-responses/q1 ", "x", "y")
	find("address-list/l1 ", "z")
}

func listChanged(f *fixture) {
	was, err := f.CreateList(f.ctx, newList(alice, "l1"), store.Once{}, 0)
	f.ok("CreateList", err)
	f.list(alice, "l2")
	time.Sleep(time.Second)
	got, err := f.ChangeList(f.ctx, was.Ref, func(l *store.List) error {
		*l = store.List{Name: "new", Config: []byte("c"), Tags: map[string]string{"a": "b"}, Updated: time.Now()}
		return nil
	})
	f.ok("ChangeList", err)
	was.Name, was.Config, was.Tags, was.Updated = "new", []byte("c"), map[string]string{"a": "b"}, time.Now().UTC()
	f.equal("ChangeList", got, was)
	f.fails("CreateList under its new name", f.tryList(alice, job.AddressList, "l3", "new", 0), fault.AlreadyExists)
	f.ok("CreateList under its old name", f.tryList(alice, job.AddressList, "l3", "name of l1", 0))
	_, err = f.ChangeList(f.ctx, was.Ref, func(l *store.List) error { l.Name = "name of l2"; return nil })
	f.fails("ChangeList to a taken name", err, fault.AlreadyExists)
	mine := errors.New("mine")
	_, err = f.ChangeList(f.ctx, was.Ref, func(l *store.List) error { l.Name = "newer"; return mine })
	f.equal("is change's error", errors.Is(err, mine), true)
	f.reopen()
	got, err = f.List(f.ctx, was.Ref)
	f.ok("List", err)
	f.equal("List", got, was)
}

func listDeleted(f *fixture) {
	r, l := f.started(alice, "j1")
	other := f.list(alice, "other")
	f.ok("PutMember", f.putMax(other, "kept", 9))
	f.commit(l, "put a 1", "put b 1")
	f.ok("PutMember", f.putMax(r, "c", 9))
	f.ok("DeleteList", f.DeleteList(f.ctx, r))
	f.missing(r)
	f.lacks(store.ErrNoList, "DeleteList again", f.DeleteList(f.ctx, r))
	f.reopen()
	f.missing(r)
	f.list(alice, "l")
	f.equal("members of a new list", f.members(r), "")
	f.ok("PutMember", f.putMax(r, "b", 1))
	f.reopen()
	f.equal("members of a new list", f.members(r), "b=1")
	f.equal("members of another list", f.members(other), "kept=1")
}

// missing checks that no method finds a list.
func (f *fixture) missing(r store.ListRef) {
	f.Helper()
	_, err := f.List(f.ctx, r)
	f.lacks(store.ErrNoList, "List", err)
	_, err = f.ChangeList(f.ctx, r, func(*store.List) error { return nil })
	f.lacks(store.ErrNoList, "ChangeList", err)
	_, err = f.Member(f.ctx, r, "a")
	f.lacks(store.ErrNoList, "Member", err)
	_, _, err = f.ListMembers(f.ctx, r, store.MemberFilter{}, store.Page{Limit: 1})
	f.lacks(store.ErrNoList, "ListMembers", err)
	_, err = f.ChangeMember(f.ctx, r, "a", time.Now(), func(*store.Member) error { return nil })
	f.lacks(store.ErrNoList, "ChangeMember", err)
	f.lacks(store.ErrNoList, "DeleteMember", f.DeleteMember(f.ctx, r, "a"))
	f.lacks(store.ErrNoList, "PutMember", f.putMax(r, "a", 0))
	f.lacks(store.ErrNoList, "PutMember", f.putMax(r, "a", 5))
}

func listMissing(f *fixture) {
	f.list(alice, "l")
	for _, r := range []store.ListRef{
		listRef(alice, "other"), listRef(bob, "l"), listRef(faraway, "l"), listRef(tricky, "l"),
		{Owner: alice, Kind: job.Suppression, ID: "l"},
	} {
		f.missing(r)
		f.lacks(store.ErrNoList, "DeleteList", f.DeleteList(f.ctx, r))
	}
}
