package pebblestore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
)

// TestCheckpointIsOneMoment takes checkpoints while batches are ingested and single
// members are put, each put after a commit that it names. In a checkpoint, whatever was
// acknowledged before is there, nothing that began afterwards, and no put without the
// commit before it.
func TestCheckpointIsOneMoment(t *testing.T) {
	t.Parallel()
	const batch = 600
	disk := vfs.NewMem()
	s, err := pebblestore.Open("store", pebblestore.Options{FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.SetBulk(500) // so that every batch is ingested
	p := &power{T: t, Store: s, ctx: t.Context()}
	for _, step := range p.beginning("j", cutList) {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
	}
	var begun, acknowledged atomic.Int64
	written := make(chan struct{})
	go func() {
		defer close(written)
		for n := int64(1); n <= 60; n++ {
			begun.Store(n)
			if err := commitThenPut(p, n, batch); err != nil {
				t.Errorf("write %d: %v", n, err)
				return
			}
			acknowledged.Store(n)
		}
	}()
	for i, done := 0, false; !done; i++ {
		select {
		case <-written:
			done = true
		default:
		}
		dir := fmt.Sprint("snapshots/", i)
		first := acknowledged.Load()
		if err := s.Flush(t.Context()); err != nil {
			t.Fatalf("flush: %v", err)
		}
		if err := s.Checkpoint(t.Context(), dir); err != nil {
			t.Fatalf("checkpoint: %v", err)
		}
		checkMoment(t, disk, dir, batch, first, begun.Load())
	}
}

func commitThenPut(p *power, n, batch int64) error {
	texts := make([]string, batch)
	for i := range texts {
		texts[i] = fmt.Sprintf("put k%d-%d x", n, i)
	}
	if err := p.commitBatch(&store.Batch{At: time.Unix(n, 0)}, texts); err != nil {
		return err
	}
	return p.PutMember(p.ctx, cutList, fmt.Sprintf("after%06d", n), nil, time.Unix(n, 0), store.PutOptions{})
}

func checkMoment(t *testing.T, disk vfs.FS, dir string, batch, first, last int64) {
	t.Helper()
	s, err := pebblestore.Open(dir, pebblestore.Options{FS: disk})
	if err != nil {
		t.Fatalf("open checkpoint: %v", err)
	}
	defer s.Close()
	j, err := s.Job(t.Context(), cutOwner, "j")
	if err != nil {
		t.Fatal(err)
	}
	var imported, after int64
	for from, end := "", false; !end; {
		page, next, err := s.ListMembers(t.Context(), cutList, store.MemberFilter{}, store.Page{After: from, Limit: 5000})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page {
			if strings.HasPrefix(m.Key, "after") {
				after++
			} else {
				imported++
			}
		}
		from, end = next, next == ""
	}
	commits := j.Checkpoint.Record / batch
	if imported != j.Counts.Imported || imported != commits*batch {
		t.Errorf("%s: %d members, job says %d imported, at record %d; want all the same", dir, imported, j.Counts.Imported, j.Checkpoint.Record)
	}
	if after != commits && after != commits-1 {
		t.Errorf("%s: %d puts after %d commits, want as many, or one less", dir, after, commits)
	}
	if after < first || commits > last {
		t.Errorf("%s: %d commits and %d puts; %d were acknowledged before, %d begun when it was done", dir, commits, after, first, last)
	}
}

// TestCheckpointGivesUp: a write that does not end keeps a checkpoint out, and the
// checkpoint that gives up keeps nobody out.
func TestCheckpointGivesUp(t *testing.T) {
	t.Parallel()
	s, err := pebblestore.Open("store", pebblestore.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	leave := s.EnterGate()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Checkpoint(ctx, "snapshot"); !fault.Is(err, fault.Unavailable) && !errors.Is(err, context.Canceled) {
		t.Errorf("checkpoint during a write that does not end: %v, want an error", err)
	}
	if _, err := s.CreateJob(t.Context(), job.Job{ID: "j", Owner: cutOwner, State: job.Created}, store.Once{}, 0); err != nil {
		t.Errorf("write after a checkpoint that gave up: %v", err)
	}
	leave()
	if err := s.Checkpoint(t.Context(), "snapshot"); err != nil {
		t.Errorf("checkpoint: %v", err)
	}
	if err := s.Checkpoint(t.Context(), "snapshot"); err == nil {
		t.Error("a second checkpoint in the same directory: no error, want one")
	}
}
