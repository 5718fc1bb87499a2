package storetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

var wordTests = []test{
	{"a word is one member's", wordTaken},
	{"a member gives up the words that it no longer has", wordGivenUp},
	{"members cannot swap their words", wordSwap},
	{"a change of a member keeps to the words that are left", wordChanged},
	{"what is refused for another reason takes no word", wordRefused},
	{"words of two lists do not meet", wordsApart},
	{"the words of a deleted list are gone", wordsOfDeletedList},
	{"one of many gets a word", wordConcurrent},
	{"words and members agree when all write at once", wordsAgree},
}

// quick is the value of a quick response whose name and shortcut key are written as
// "name/shortcut key"; either may be missing.
func quick(words string) []byte {
	name, shortcut, _ := strings.Cut(words, "/")
	return destination.QuickResponse{Name: name, ShortcutKey: shortcut, Content: "c"}.Encode()
}

func unquick(value []byte) string {
	q, err := destination.DecodeQuickResponse(value)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(q.Name+"/"+q.ShortcutKey, "/")
}

// The refusals of the two words that a quick response has.
var takenName, takenShortcut = func() (name, shortcut string) {
	words, err := destination.Words(destination.QuickResponses, quick("n/s"))
	if err != nil || len(words) != 2 {
		panic(fmt.Sprint("words of a quick response: ", words, err))
	}
	return words[0].Taken.Code, words[1].Taken.Code
}()

// sentences are what a single put is told, by the refusal's code.
var sentences = func() map[string]string {
	words, _ := destination.Words(destination.QuickResponses, quick("n/s"))
	all := map[string]string{}
	for _, w := range words {
		all[w.Taken.Code] = w.Taken.Reason
	}
	return all
}()

// base makes a list whose members have words.
func (f *fixture) base(o job.Owner, id string) store.ListRef {
	f.Helper()
	l := newList(o, id)
	l.Ref.Kind = destination.QuickResponses
	l, err := f.CreateList(f.ctx, l, store.Once{}, 0)
	f.ok("CreateList "+id, err)
	return l.Ref
}

func (f *fixture) tryWords(r store.ListRef, key, words string) error {
	return f.PutMember(f.ctx, r, key, quick(words), time.Now(), store.PutOptions{})
}

func (f *fixture) putWords(r store.ListRef, key, words string) {
	f.Helper()
	f.ok(fmt.Sprintf("PutMember %s with %s", key, words), f.tryWords(r, key, words))
}

// taken wants a put refused for a word, by the code of its refusal.
func (f *fixture) taken(err error, code string) {
	f.Helper()
	f.fails("a taken word", err, fault.AlreadyExists)
	f.equal("the sentence", fault.Message(err), sentences[code])
}

// words returns all members of a list as "key=name/shortcut key".
func (f *fixture) words(r store.ListRef) string {
	f.Helper()
	var all []string
	for after := ""; ; {
		page, word, err := f.ListMembers(f.ctx, r, store.MemberFilter{}, store.Page{After: after, Limit: 1000})
		f.ok("ListMembers", err)
		for _, m := range page {
			all = append(all, m.Key+"="+unquick(m.Value))
		}
		if after = word; word == "" {
			return strings.Join(all, " ")
		}
	}
}

// free checks that nobody has the words, by taking them and giving them up.
func (f *fixture) free(r store.ListRef, all ...string) {
	f.Helper()
	for _, words := range all {
		f.putWords(r, "probe", words)
		f.ok("DeleteMember", f.DeleteMember(f.ctx, r, "probe"))
	}
}

func wordTaken(f *fixture) {
	r := f.base(alice, "l")
	f.putWords(r, "a", "one/1")
	for range 2 {
		f.taken(f.tryWords(r, "b", "one"), takenName)
		f.taken(f.tryWords(r, "b", "two/1"), takenShortcut)
		f.taken(f.tryWords(r, "b", "one/1"), takenName)
		f.reopen()
	}
	f.putWords(r, "b", "1/one") // a name is no shortcut key
	f.putWords(r, "c", "ONE")
	f.putWords(r, "d", "on")
	f.putWords(r, "a", "one/1") // its own
	f.equal("members", f.words(r), "a=one/1 b=1/one c=ONE d=on")
}

func wordGivenUp(f *fixture) {
	r := f.base(alice, "l")
	f.putWords(r, "a", "one/1")
	f.putWords(r, "a", "two/1")
	f.taken(f.tryWords(r, "b", "x/1"), takenShortcut)
	f.taken(f.tryWords(r, "b", "two"), takenName)
	f.putWords(r, "b", "one")
	f.putWords(r, "a", "two")
	f.putWords(r, "b", "one/1")
	f.reopen()
	f.ok("DeleteMember", f.DeleteMember(f.ctx, r, "b"))
	f.free(r, "one/1")
	f.putWords(r, "c", "one/1")
	f.equal("members", f.words(r), "a=two c=one/1")
}

func wordSwap(f *fixture) {
	r := f.base(alice, "l")
	f.putWords(r, "a", "one/1")
	f.putWords(r, "b", "two/2")
	f.taken(f.tryWords(r, "a", "two/1"), takenName)
	f.taken(f.tryWords(r, "b", "two/1"), takenShortcut)
	f.taken(f.tryWords(r, "a", "two/2"), takenName)
	f.equal("members", f.words(r), "a=one/1 b=two/2")
	f.putWords(r, "a", "three") // but by a third
	f.putWords(r, "b", "one/1")
	f.putWords(r, "a", "two/2")
	f.equal("members", f.words(r), "a=two/2 b=one/1")
}

func wordChanged(f *fixture) {
	r := f.base(alice, "l")
	f.putWords(r, "a", "one/1")
	f.putWords(r, "b", "two")
	rename := func(key, words string) error {
		_, err := f.ChangeMember(f.ctx, r, key, time.Now(), func(m *store.Member) error {
			m.Value = quick(words)
			return nil
		})
		return err
	}
	f.taken(rename("b", "one"), takenName)
	f.taken(rename("b", "two/1"), takenShortcut)
	f.equal("members", f.words(r), "a=one/1 b=two")
	f.ok("ChangeMember", rename("a", "three/1"))
	f.ok("ChangeMember", rename("b", "one/2"))
	f.ok("ChangeMember", rename("a", "three"))
	f.reopen()
	f.taken(rename("a", "three/2"), takenShortcut)
	f.equal("members", f.words(r), "a=three b=one/2")
	f.free(r, "two/1")
}

func wordRefused(f *fixture) {
	r := f.base(alice, "l")
	put := func(key, words string, o store.PutOptions) error {
		return f.PutMember(f.ctx, r, key, quick(words), time.Now(), o)
	}
	f.putWords(r, "a", "one/1")
	f.putWords(r, "b", "two/2")
	f.fails("PutMember of one that is there", put("a", "three/3", store.PutOptions{New: true}), fault.AlreadyExists)
	f.fails("PutMember beyond the limit", put("c", "three/3", store.PutOptions{Max: 2}), fault.LimitExceeded)
	f.taken(put("c", "one/3", store.PutOptions{New: true, Max: 2}), takenName)
	f.taken(put("c", "four/2", store.PutOptions{Max: 9}), takenShortcut)
	f.ok("PutMember at the limit", put("b", "five/2", store.PutOptions{Max: 2}))
	f.equal("members", f.words(r), "a=one/1 b=five/2")
	f.free(r, "two", "three/3", "four")
	f.ok("PutMember below the limit", put("c", "six", store.PutOptions{New: true, Max: 3}))
	f.fails("PutMember at the limit", put("d", "seven", store.PutOptions{New: true, Max: 3}), fault.LimitExceeded)
}

func wordsApart(f *fixture) {
	for i, o := range everyone {
		for _, id := range []string{"l", "m"} {
			f.putWords(f.base(o, id), fmt.Sprint("k", i), "one/1")
		}
		plain := f.list(o, "l") // of another kind
		f.put(plain, "a", string(quick("one/1")))
		f.put(plain, "b", string(quick("one/1")))
		f.put(plain, "c", "none at all")
		f.equal("members of another kind", f.memberCount(plain), 3)
	}
	other := store.ListRef{Owner: bob, Kind: destination.QuickResponses, ID: "l"}
	f.ok("DeleteList", f.DeleteList(f.ctx, other))
	f.taken(f.tryWords(store.ListRef{Owner: alice, Kind: other.Kind, ID: "l"}, "x", "one"), takenName)
	f.taken(f.tryWords(store.ListRef{Owner: bob, Kind: other.Kind, ID: "m"}, "x", "one"), takenName)
}

func wordsOfDeletedList(f *fixture) {
	r := f.base(alice, "l")
	f.putWords(r, "a", "one/1")
	f.ok("DeleteList", f.DeleteList(f.ctx, r))
	f.base(alice, "l")
	f.putWords(r, "b", "one")
	f.reopen()
	f.putWords(r, "c", "two/1")
	f.equal("members", f.words(r), "b=one c=two/1")
}

func wordConcurrent(f *fixture) {
	const n = 10
	r := f.base(alice, "l")
	f.putWords(r, "k0", "mine")
	f.putWords(r, "k1", "other")
	won := 0
	for _, err := range atOnce(n, func(i int) error {
		words := fmt.Sprintf("one/%d", i)
		if i%2 == 0 {
			words = fmt.Sprintf("%d/one", i) // half for a name, half for a shortcut key
		}
		if i > 1 {
			return f.tryWords(r, fmt.Sprint("k", i), words)
		}
		_, err := f.ChangeMember(f.ctx, r, fmt.Sprint("k", i), time.Now(), func(m *store.Member) error {
			m.Value = quick(words)
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
	f.equal("members of the name", strings.Count(f.words(r), "=one/"), 1)
	f.equal("members of the shortcut key", strings.Count(f.words(r)+" ", "/one "), 1)
}

func wordsAgree(f *fixture) {
	r := f.base(alice, "l")
	errs := atOnce(12, func(i int) error {
		for n := range 12 {
			key, words := fmt.Sprint("k", (i+n)%5), fmt.Sprintf("n%d/s%d", (i*n)%4, (i+2*n)%3)
			err := f.tryWords(r, key, words)
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

// agree checks that the words taken are those of the members, no more and no less.
func (f *fixture) agree(r store.ListRef) {
	f.Helper()
	seen := map[string]string{}
	for _, m := range strings.Fields(f.words(r)) {
		key, words, _ := strings.Cut(m, "=")
		name, shortcut, _ := strings.Cut(words, "/")
		for _, word := range []string{"name " + name, "shortcut " + shortcut} {
			if other, ok := seen[word]; ok && word != "shortcut " {
				f.Fatalf("%s and %s have both %s", key, other, word)
			}
			seen[word] = key
		}
	}
	for i := range 4 {
		name, shortcut := fmt.Sprint("n", i), fmt.Sprint("s", i)
		for _, probe := range []struct{ word, put string }{{"name " + name, name}, {"shortcut " + shortcut, "probe/" + shortcut}} {
			err := f.tryWords(r, "probe", probe.put)
			if _, has := seen[probe.word]; has != (err != nil) {
				f.Fatalf("PutMember with %s: %v, though a member has it: %v", probe.put, err, has)
			}
			if err == nil {
				f.ok("DeleteMember", f.DeleteMember(f.ctx, r, "probe"))
			}
		}
	}
}
