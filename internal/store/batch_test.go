package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

// rule puts, deletes or refuses by the first letter of the record's text.
type rule struct{}

func (rule) Schema(record.Format) record.Schema { return record.Schema{} }

func (rule) Decide(rec *record.Record, c *destination.Change) *record.Refusal {
	c.Action, c.Key, c.Value = destination.Put, rec.Fields[0].Bytes, rec.Fields[0].Bytes[1:]
	switch rec.Raw[0] {
	case 'd':
		c.Action, c.Value = destination.Delete, nil
	case 'x':
		return &record.Refusal{Code: "c", Reason: "r"}
	}
	return nil
}

func add(b *store.Batch, number int64, text string) {
	b.Add(&record.Record{
		Number: number, Line: 10 * number, Offset: 100 * number, Raw: []byte(text),
		Fields: []record.Field{{Kind: record.Text, Bytes: []byte(text[1:])}},
	}, rule{})
}

func show(b *store.Batch) (text string) {
	for i := range b.Changes() {
		text += fmt.Sprintf("%s=%s %v\n", b.Key(i), b.Value(i), b.Deletes(i))
		if b.Contested() {
			text += showReject(b.RefuseChange(i, &store.ListFull))
		}
	}
	for i := range b.Rejects() {
		text += showReject(b.Reject(i))
	}
	return text
}

func showReject(r destination.Reject) string {
	return fmt.Sprintf("  %d %d %d %s %s|%s\n", r.Record, r.Line, r.Offset, r.Code, r.Key, r.Raw)
}

const want = `one=ne false
  1 10 100 list-full one|pone
two= true
  2 20 200 list-full two|dtwo
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
	var c store.Batch
	add(&c, 9, "pother")
	c.CopyFrom(b)
	b.Reset()
	add(b, 4, "pagain")
	if got := show(&c); got != want || c.Through.Record != 3 || !c.At.Equal(time.Unix(1, 0)) {
		t.Errorf("copy holds through %d\n%swant\n%s", c.Through.Record, got, want)
	}
	if got, want := show(b), "again=gain false\n"; got != want || !b.At.IsZero() {
		t.Errorf("after Reset: %q, want %q", got, want)
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
	fill := func() {
		b.Reset()
		for range 1000 {
			b.Add(&rec, rule{})
		}
	}
	if n := testing.AllocsPerRun(10, fill); n > 0 {
		t.Errorf("filling a batch again: %v allocations, want none", n)
	}
}
