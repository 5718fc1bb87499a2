package engine

import (
	"context"
	"testing"

	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

// TestBatchesShareMemory: all batches together hold no more than their budget, whatever
// their number, and no batch waits for another to grow.
func TestBatchesShareMemory(t *testing.T) {
	t.Parallel()
	m := newMemory()
	rec := record.Record{Raw: make([]byte, 64<<10)}
	pool := make(chan *buffer, 64)
	total, most := int64(0), int64(0)
	for range 64 {
		b := newBuffer(pool, m)
		for b.hasRoom() {
			b.Put(&rec, rec.Raw[:1], rec.Raw)
		}
		if b.Bytes() < batchBase-lastRecord {
			t.Errorf("a batch is full with %d bytes, want %d for each at least", b.Bytes(), batchBase-lastRecord)
		}
		total, most = total+int64(b.Bytes()), max(most, int64(b.Bytes()))
		defer b.free()
	}
	bound := 64*(batchBase+64<<10+1) + fillingPerCore*(m.most/inFlightPerCore+1)
	if total > bound || most < 20<<20 {
		t.Errorf("64 batches hold %d MiB, the largest %d, want at most %d, and one of 20", total>>20, most>>20, bound>>20)
	}
}

// TestBatchesOfOneJobBecomeFull: a job that is alone fills one batch more than there are
// cores, and finds room for all of them. Otherwise it would allocate them anew again and
// again.
func TestBatchesOfOneJobBecomeFull(t *testing.T) {
	t.Parallel()
	m := newMemory()
	rec := record.Record{Raw: make([]byte, 150)}
	for range m.most/inFlightPerCore + 1 {
		b := newBuffer(make(chan *buffer, 1), m)
		for b.hasRoom() {
			b.Put(&rec, rec.Raw[:1], rec.Raw)
		}
		if !b.Full() {
			t.Errorf("no room for a batch with %d bytes, want %d", b.Bytes(), store.MaxBytes)
		}
		b.free()
		if m.refused.Load() || b.room != batchMost {
			t.Errorf("room of a batch that was full: %d bytes, want that it keeps %d", b.room, batchMost)
		}
	}
}

// TestShortMemoryIsGivenBack: a batch keeps the memory that it has grown to, unless
// another was short of it.
func TestShortMemoryIsGivenBack(t *testing.T) {
	t.Parallel()
	m := newMemory()
	rec := record.Record{Raw: make([]byte, 1<<20)}
	fill := func(b *buffer) {
		for b.hasRoom() {
			b.Put(&rec, rec.Raw[:1], rec.Raw)
		}
	}
	b := newBuffer(make(chan *buffer, 1), m)
	fill(b)
	b.free()
	if b.room < 20<<20 {
		t.Fatalf("room of an empty batch that was full: %d MiB, want it kept", b.room>>20)
	}
	var others []*buffer
	for !m.refused.Load() {
		others = append(others, newBuffer(make(chan *buffer, 1), m))
		fill(others[len(others)-1])
	}
	b.Reset()
	m.settle(b)
	if b.room != batchBase {
		t.Errorf("room of an empty batch while others are short: %d, want %d", b.room, batchBase)
	}
	for _, o := range others {
		m.shrink(o)
	}
	if !m.filling.TryAcquire(fillingPerCore * (m.most/inFlightPerCore + 1)) {
		t.Error("not all memory was given back")
	}
}

func TestMemoryInFlightIsBounded(t *testing.T) {
	t.Parallel()
	m := newMemory()
	b := newBuffer(make(chan *buffer, 1), m)
	rec := record.Record{Raw: make([]byte, 1<<20)}
	for !b.Full() {
		b.Put(&rec, rec.Raw[:1], rec.Raw)
	}
	var releases []func()
	for sent := int64(b.Bytes()); sent <= m.most; sent += int64(b.Bytes()) {
		release, err := m.send(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		releases = append(releases, release)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.send(ctx, b); err == nil {
		t.Error("one more batch is sent, want that it waits")
	}
	releases[0]()
	release, err := m.send(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	release()
	for _, release := range releases[1:] {
		release()
	}
}
