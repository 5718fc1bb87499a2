package engine

import (
	"context"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

func textFields(texts ...string) []record.Field {
	fields := make([]record.Field, 11) // as many as any rule looks at
	for i, text := range texts {
		fields[i] = record.Field{Kind: record.Text, Bytes: []byte(text)}
	}
	return fields
}

// It is not parallel, since allocations are counted for the whole process.
func TestDeciderAllocatesNothing(t *testing.T) {
	for _, c := range []struct {
		kind       job.Kind
		action     job.Action
		uniqueKeys bool
		fields     []record.Field
	}{
		{job.Suppression, job.Put, false, textFields("ann@example.com", "BOUNCE")},
		{job.Suppression, job.Put, false, textFields("no address", "BOUNCE")},
		{job.Suppression, job.Delete, false, textFields("ann@example.com")},
		{job.QuickResponses, job.Put, true, textFields("name", "content", "", "short")},
	} {
		rule, err := destination.NewRule(destination.Target{Kind: c.kind, Action: c.action, Job: "j"})
		if err != nil {
			t.Fatal(err)
		}
		d := decider{rule: rule}
		rec := record.Record{Raw: []byte("raw"), Fields: c.fields}
		var b store.Batch
		fill := func() {
			b.Reset()
			b.UniqueKeys = c.uniqueKeys
			for range 100 {
				d.add(&b, &rec)
			}
		}
		fill()
		if n := testing.AllocsPerRun(10, fill); n > 0 || b.Changes()+b.Rejects() != 100 {
			t.Errorf("%s %s: %v allocations for %d records, want none for 100", c.action, c.kind, n, b.Changes()+b.Rejects())
		}
	}
}

// prepares is a store that has prepared a batch as soon as it is given one.
type prepares struct{ Store }

func (prepares) Prepare(context.Context, job.Lease, *store.Batch) (store.Prepared, error) {
	return prepared{}, nil
}

type prepared struct{}

func (prepared) Discard() {}

// TestCheckedBatchStays: a batch that needs a check is not filled again before it is
// committed or discarded; any other is free when it is prepared.
func TestCheckedBatchStays(t *testing.T) {
	t.Parallel()
	e := New(prepares{}, nil, Options{})
	p := &pipeline{attempt: &attempt{engine: e, lease: newLease(job.Lease{}, time.Hour, time.Now(), func() {})}}
	for _, c := range []struct {
		name       string
		most       int
		uniqueKeys bool
		free       int // batches, once it is prepared
	}{{"plain", 0, false, 1}, {"limit", 9, false, 0}, {"unique keys", 0, true, 0}} {
		pool := make(chan *buffer, 1)
		b := newBuffer(pool, e.memory)
		b.MaxMembers, b.UniqueKeys = c.most, c.uniqueKeys
		b.Put(&record.Record{}, []byte("key"), nil)
		f := &inflight{release: func() {}, ready: make(chan struct{})}
		p.prepare(t.Context(), b, f)
		if got := len(pool); got != c.free {
			t.Errorf("%s: %d batches are free after Prepare, want %d", c.name, got, c.free)
		}
		f.discard()
		if got := len(pool); got != 1 {
			t.Errorf("%s: %d batches are free in the end, want 1", c.name, got)
		}
	}
}
