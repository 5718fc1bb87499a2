package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

// add puts, deletes or rejects by the first letter of a text. A letter after a put's key and
// a slash is a unique key.
func add(b *store.Batch, number int64, text string) {
	key, unique, _ := strings.Cut(text[1:], "/")
	rec := record.Record{
		Number: number, Line: 10 * number, Offset: 100 * number, Raw: []byte(text),
		Fields: []record.Field{{Kind: record.Text, Bytes: []byte(key)}},
	}
	switch text[0] {
	case 'd':
		b.Delete([]byte(key))
	case 'x':
		b.Reject(&rec, &record.Refusal{Code: "c", Reason: "r"})
	default:
		var keys []store.UniqueKey
		for _, u := range unique {
			keys = append(keys, store.UniqueKey{Key: []byte(string(u)), Taken: &record.Refusal{Code: "taken-" + string(u)}})
		}
		b.Put(&rec, []byte(key), []byte(key[1:]), keys...)
	}
}

func show(b *store.Batch) (text string) {
	for i := range b.Changes() {
		text += fmt.Sprintf("%s=%s %v\n", b.Key(i), b.Value(i), b.Deletes(i))
		if b.NeedsCheck() && !b.Deletes(i) {
			text += showReject(b.RejectOf(i, &store.ListFull))
		}
		for _, u := range b.AppendUnique(nil, i) {
			text += fmt.Sprintf("  unique %s %s\n", u.Key, u.Taken.Code)
		}
	}
	for i := range b.Rejects() {
		text += showReject(b.RejectAt(i))
	}
	return text
}

func showReject(r record.Reject) string {
	return fmt.Sprintf("  %d %d %d %s %s|%s\n", r.Record, r.Line, r.Offset, r.Code, r.Key, r.Raw)
}

const want = `one=ne false
  1 10 100 list-full one|pone
two= true
  3 30 300 c three|xthree
`

func TestBatch(t *testing.T) {
	t.Parallel()
	b := &store.Batch{MaxMembers: 1, At: time.Unix(1, 0), Through: record.Position{Record: 3}}
	for i, text := range []string{"pone", "dtwo", "xthree"} {
		add(b, int64(i+1), text)
	}
	if got := show(b); got != want {
		t.Errorf("batch holds\n%swant\n%s", got, want)
	}
	b.Reset()
	add(b, 4, "pagain")
	if got, want := show(b), "again=gain false\n"; got != want || !b.At.IsZero() || b.NeedsCheck() {
		t.Errorf("after Reset: %q, want %q", got, want)
	}
}

const wantUnique = `one=ne false
  1 10 100 list-full one|pone/ab
  unique a taken-a
  unique b taken-b
two= true
three=hree false
  3 30 300 list-full three|pthree
four=our false
  4 40 400 list-full four|pfour/c
  unique c taken-c
`

func TestBatchWithUniqueKeys(t *testing.T) {
	t.Parallel()
	b := &store.Batch{UniqueKeys: true}
	for i, text := range []string{"pone/ab", "dtwo", "pthree", "pfour/c"} {
		add(b, int64(i+1), text)
	}
	if got := show(b); got != wantUnique {
		t.Errorf("batch holds\n%swant\n%s", got, wantUnique)
	}
}

func TestBatchIsBounded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		text string
		most int
	}{
		{"short changes", "pa", 1 << 20},
		{"short rejects", "xa", 1 << 20},
		{"long changes", "p" + string(make([]byte, 1<<20)), 64},
		{"long rejects", "x" + string(make([]byte, 1<<20)), 16 << 10}, // only the first 4 KiB of each are kept
	} {
		var b store.Batch
		n := 0
		for ; !b.Full() && n <= c.most; n++ {
			add(&b, int64(n), c.text)
		}
		if n > c.most {
			t.Errorf("a batch of %s is not full after %d", c.name, n)
		}
		b.Reset()
		if b.Full() {
			t.Errorf("a batch is full after Reset")
		}
	}
}

// It is not parallel, since allocations are counted for the whole process.
func TestBatchAllocatesNothing(t *testing.T) {
	var b store.Batch
	rec := record.Record{Raw: []byte("pone"), Fields: []record.Field{{Kind: record.Text, Bytes: []byte("one")}}}
	key, unique := []byte("one"), []store.UniqueKey{{Key: []byte("u"), Taken: &record.Refusal{}}}
	for _, unique := range [][]store.UniqueKey{nil, unique} {
		fill := func() {
			b.Reset()
			b.UniqueKeys = unique != nil
			for range 1000 {
				b.Put(&rec, key, key, unique...)
			}
		}
		if n := testing.AllocsPerRun(10, fill); n > 0 {
			t.Errorf("filling a batch again, with %d unique keys each: %v allocations, want none", len(unique), n)
		}
	}
}
