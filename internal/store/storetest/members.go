package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/job"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/store"
)

var memberTests = []test{
	{"members are put, found and deleted one by one", memberSingle},
	{"a put may ask for a new member", memberNew},
	{"one of many gets to be the new member", memberNewConcurrent},
	{"members are put while their list is made", memberWhileListIsMade},
	{"members are listed by key, prefix and match", membersListed},
	{"a page of members ends when its budget is used up", memberBudget},
	{"pages of members stay put while members come and go", memberPages},
	{"owners and lists do not see each other's members", membersApart},
}

func (f *fixture) put(r store.ListRef, key, value string) {
	f.Helper()
	f.ok("PutMember", f.PutMember(f.ctx, r, key, []byte(value), time.Now(), store.PutOptions{}))
}

func memberSingle(f *fixture) {
	r := f.list(alice, "l")
	_, err := f.Member(f.ctx, r, "a")
	f.lacks(store.ErrNoMember, "Member", err)
	f.lacks(store.ErrNoMember, "DeleteMember", f.DeleteMember(f.ctx, r, "a"))
	value := []byte("1\x00")
	f.ok("PutMember", f.PutMember(f.ctx, r, "a", value, time.Now(), store.PutOptions{}))
	value[0] = 'x'
	m, err := f.Member(f.ctx, r, "a")
	f.ok("Member", err)
	f.equal("Member", m, store.Member{Key: "a", Value: []byte("1\x00"), Created: time.Now().UTC(), Updated: time.Now().UTC()})
	m.Value[0] = 'y'
	time.Sleep(5 * time.Second)
	f.put(r, "a", "2")
	for range 2 {
		m, err = f.Member(f.ctx, r, "a")
		f.ok("Member", err)
		f.equal("Member", show(m), "a=2/5/0")
		f.reopen()
	}
	f.ok("DeleteMember", f.DeleteMember(f.ctx, r, "a"))
	_, err = f.Member(f.ctx, r, "a")
	f.lacks(store.ErrNoMember, "Member", err)
	f.put(r, "a", "3")
	f.equal("a new member", f.members(r), "a=3")
}

func memberNew(f *fixture) {
	r, l := f.started(alice, "j1")
	asNew := func(key string, most int) error {
		return f.PutMember(f.ctx, r, key, []byte("n"), time.Now(), store.PutOptions{New: true, Max: most})
	}
	f.ok("PutMember", asNew("a", 0))
	f.fails("PutMember of one that is there", asNew("a", 0), fault.AlreadyExists)
	f.fails("PutMember of one that is there", asNew("a", 1), fault.AlreadyExists)
	f.fails("PutMember beyond the limit", asNew("b", 1), fault.LimitExceeded)
	f.commit(l, "put c 1", "del a")
	f.fails("PutMember of one that was imported", asNew("c", 0), fault.AlreadyExists)
	f.ok("PutMember of one that was deleted", asNew("a", 0))
	f.equal("members", f.members(r), "a=n c=1")
}

func memberNewConcurrent(f *fixture) {
	r := f.list(alice, "l")
	put, deleted := 0, 0
	for _, err := range atOnce(10, func(i int) error {
		return f.PutMember(f.ctx, r, "a", []byte{byte('0' + i)}, time.Now(), store.PutOptions{New: true})
	}) {
		if err == nil {
			put++
		} else {
			f.fails("PutMember", err, fault.AlreadyExists)
		}
	}
	for _, err := range atOnce(10, func(int) error { return f.DeleteMember(f.ctx, r, "a") }) {
		if err == nil {
			deleted++
		} else {
			f.lacks(store.ErrNoMember, "DeleteMember", err)
		}
	}
	f.equal("puts and deletions that did it", []int{put, deleted}, []int{1, 1})
}

func membersListed(f *fixture) {
	r := f.list(alice, "l")
	keys := []string{"\x00", "a", "a\x00", "a\x00b", "aa", "ab@x", "ab@y", "b", "é", "\xff", "\xff\xff", "\xffz"}
	for i := range keys {
		f.put(r, keys[(i*5)%len(keys)], fmt.Sprint((i*5)%len(keys)))
	}
	for _, c := range []struct {
		filter store.MemberFilter
		want   string
	}{
		{store.MemberFilter{}, "0 1 2 3 4 5 6 7 8 9 11 10"},
		{store.MemberFilter{Prefix: "a"}, "1 2 3 4 5 6"},
		{store.MemberFilter{Prefix: "ab@"}, "5 6"},
		{store.MemberFilter{Prefix: "\xff"}, "9 11 10"},
		{store.MemberFilter{Prefix: "c"}, ""},
		{store.MemberFilter{Match: func(m store.Member) bool { return len(m.Value) == 2 }}, "11 10"},
		{store.MemberFilter{Prefix: "a", Match: func(m store.Member) bool { return m.Value[0]%2 == 1 }}, "1 3 5"},
	} {
		for limit := 1; limit < 14; limit++ {
			f.equal(fmt.Sprintf("ListMembers %+v by %d", c.filter.Prefix, limit), f.values(r, c.filter, limit), c.want)
		}
	}
}

func (f *fixture) values(r store.ListRef, filter store.MemberFilter, limit int) string {
	f.Helper()
	var all []string
	for after := ""; ; {
		page, next, err := f.ListMembers(f.ctx, r, filter, store.Page{After: after, Limit: limit})
		f.ok("ListMembers", err)
		if len(page) > limit {
			f.Fatalf("ListMembers: %d members, want at most %d", len(page), limit)
		}
		for _, m := range page {
			all = append(all, string(m.Value))
		}
		if after = next; next == "" {
			return strings.Join(all, " ")
		}
	}
}

func memberBudget(f *fixture) {
	r := f.list(alice, "l")
	for i := range 12 {
		f.put(r, fmt.Sprintf("k%02d", i), fmt.Sprint(i))
	}
	f.put(r, "other", "12")
	for _, c := range []struct {
		prefix        string
		budget, limit int
		selects       string // members, by value
		want          string // pages, by the values on them
	}{
		{"k", 5, 9, "", "[] [] [] end"},
		{"k", 6, 9, "", "[] [] end"},
		{"k", 5, 9, "11", "[] [] [11] end"},
		{"", 5, 9, "0 4 6 12", "[0 4] [6] [12] end"},
		{"", 5, 2, "0 4 6 12", "[0 4] [6] [12] end"},
		{"", 5, 1, "0 4 6 12", "[0] [4] [6] [12] end"},
		{"", 1, 1, "1", "[] [1] [] [] [] [] [] [] [] [] [] [] [] end"},
		{"", 5, 9, "*", "[0 1 2 3 4] [5 6 7 8 9] [10 11 12] end"},
		{"", 50, 9, "12", "[12] end"},
		{"", 0, 9, "12", "[12] end"},
		{"none", 5, 9, "*", "[] end"},
	} {
		examined := 0
		filter := store.MemberFilter{Prefix: c.prefix, Match: func(m store.Member) bool {
			examined++
			return slices.Contains(strings.Fields(c.selects), string(m.Value))
		}}
		if c.selects == "*" {
			filter.Match = nil
		}
		got, most := "", 0
		for after := ""; ; {
			examined = 0
			page, next, err := f.ListMembers(f.ctx, r, filter, store.Page{After: after, Limit: c.limit, Budget: c.budget})
			f.ok("ListMembers", err)
			var values []string
			for _, m := range page {
				values = append(values, string(m.Value))
			}
			got += fmt.Sprint(values) + " "
			most = max(most, examined)
			if after = next; next == "" {
				break
			}
		}
		what := fmt.Sprintf("pages of %d of %q with a budget of %d, selecting %q", c.limit, c.prefix, c.budget, c.selects)
		f.equal(what, got+"end", c.want)
		if c.budget > 0 && most > c.budget {
			f.Fatalf("%s: examined %d members, want %d at most", what, most, c.budget)
		}
	}
}

func memberPages(f *fixture) {
	r, l := f.started(alice, "j1")
	f.commit(l, "put b 1", "put d 1", "put f 1", "put h 1", "put j 1")
	page := func(after string) (keys, next string) {
		members, next, err := f.ListMembers(f.ctx, r, store.MemberFilter{}, store.Page{After: after, Limit: 2})
		f.ok("ListMembers", err)
		for _, m := range members {
			keys += m.Key
		}
		return keys, next
	}
	keys, next := page("")
	f.equal("first page", keys, "bd")
	f.commit(l, "del d", "put a 1", "put c 1", "put e 1", "del h") // d is where the token stands
	f.reopen()
	keys, next = page(next)
	f.equal("second page", keys, "ef")
	keys, next = page(next)
	f.equal("third page", keys+next, "j")
}

func membersApart(f *fixture) {
	for i, o := range everyone {
		f.put(f.list(o, "l"), "k", fmt.Sprint(i))
		f.put(f.list(o, "m"), "k", fmt.Sprint(i, "m"))
	}
	f.ok("DeleteList", f.DeleteList(f.ctx, listRef(bob, "l")))
	f.ok("DeleteMember", f.DeleteMember(f.ctx, listRef(faraway, "l"), "k"))
	for i, o := range everyone {
		want := fmt.Sprint("k=", i)
		if o == faraway {
			want = ""
		}
		if o != bob {
			f.equal("members of l", f.members(listRef(o, "l")), want)
		}
		f.equal("members of m", f.members(listRef(o, "m")), fmt.Sprint("k=", i, "m"))
	}
}

var wholeTests = []test{
	{"a secret is made once", secretKept},
	{"a store answers", storeAnswers},
	{"a call whose caller has gone changes nothing", callerGone},
}

func secretKept(f *fixture) {
	secrets := make([]string, 8)
	for _, err := range atOnce(len(secrets), func(i int) error {
		s, err := f.Secret(f.ctx, []string{"a", "b"}[i%2])
		secrets[i] = string(s)
		return err
	}) {
		f.ok("Secret", err)
	}
	for i, s := range secrets {
		f.equal("a secret asked for again", s, secrets[i%2])
	}
	if len(secrets[0]) < 32 || secrets[0] == secrets[1] {
		f.Fatalf("secrets of %d bytes, equal: %v; want 32 and different ones", len(secrets[0]), secrets[0] == secrets[1])
	}
	f.reopen()
	s, err := f.Secret(f.ctx, "a")
	f.ok("Secret", err)
	f.equal("a secret after reopening", string(s), secrets[0])
}

func storeAnswers(f *fixture) {
	f.ok("Ping", f.Ping(f.ctx))
	f.ok("Close", f.Store.Close())
	if f.Ping(f.ctx) == nil {
		f.Fatalf("Ping of a closed store: no error, want one")
	}
	f.Store = f.open()
}

func callerGone(f *fixture) {
	r, l := f.started(alice, "j1")
	p := f.prepare(l, batch(f.job(alice, "j1").Checkpoint, "put a 1"))
	gone := *f
	gone.ctx = canceled(f.ctx)
	if _, err := gone.Commit(gone.ctx, l, p); err == nil {
		f.Fatalf("Commit: no error, want one")
	}
	if gone.putMax(r, "b", 0) == nil {
		f.Fatalf("PutMember: no error, want one")
	}
	f.equal("members", f.members(r), "")
}

// memberWhileListIsMade is the first write of many callers into a list that each makes
// where it finds none.
func memberWhileListIsMade(f *fixture) {
	const lists, writers = 20, 6
	for i := range lists {
		r := store.ListRef{Owner: alice, Kind: job.Suppression, ID: fmt.Sprint("l", i)}
		write := func(o store.PutOptions, key string) error {
			err := f.PutMember(f.ctx, r, key, nil, time.Now(), o)
			if !fault.Is(err, fault.NotFound) {
				return err
			}
			l := store.List{Ref: r, Name: r.ID, Created: time.Now(), Updated: time.Now()}
			if _, err := f.CreateList(f.ctx, l, store.Once{}, 0); err != nil && !fault.Is(err, fault.AlreadyExists) {
				return err
			}
			return f.PutMember(f.ctx, r, key, nil, time.Now(), o)
		}
		for w, err := range atOnce(writers, func(w int) error {
			return write(store.PutOptions{New: w%2 == 0}, fmt.Sprint("member", w))
		}) {
			f.ok(fmt.Sprintf("the first write of caller %d", w), err)
		}
		for w := range writers {
			_, err := f.Member(f.ctx, r, fmt.Sprint("member", w))
			f.ok("Member", err)
		}
	}
}
