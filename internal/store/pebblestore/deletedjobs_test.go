package pebblestore

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// endedJobs makes jobs of a list that have ended, each with a token.
func endedJobs(t *testing.T, s *Store, r store.ListRef, n int) {
	t.Helper()
	ctx := t.Context()
	for i := range n {
		id := job.ID(fmt.Sprint("j", i))
		_, err := s.CreateJob(ctx, job.Job{
			ID: id, Owner: r.Owner, Wire: job.QConnect, State: job.Created, Ready: true, Created: time.Now(),
			Destination: job.Destination{Kind: r.Kind, List: r.ID},
		}, store.Once{Token: string(id)}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.ChangeJob(ctx, r.Owner, id, func(j *job.Job) error { return j.Become(job.Stopped, time.Now()) }); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDeletedJobsAreRemoved looks at the rows: no job of a deleted list leaves any, also
// when it is interrupted, and when a job takes an ID or a token over before its turn.
func TestDeletedJobsAreRemoved(t *testing.T) {
	t.Parallel()
	ctx, fs := t.Context(), vfs.NewCrashableMem()
	s, err := Open("store", Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	r := store.ListRef{Owner: spaceOwner, Kind: job.QuickResponses, ID: "base"}
	create := func() {
		t.Helper()
		if _, err := s.CreateList(ctx, store.List{Ref: r, Name: "n", Created: time.Now()}, store.Once{}, 0); err != nil {
			t.Fatal(err)
		}
	}
	create()
	const n = 3*removeAtOnce + 1
	endedJobs(t, s, r, n)
	s.sweeping.Lock() // until the jobs below are created
	if err := s.DeleteListWithJobs(ctx, r); err != nil {
		t.Fatal(err)
	}
	create()
	endedJobs(t, s, r, 2) // j0 and j1 again
	if got := rowsOf(t, s, tableJobs); got != n {
		t.Errorf("%d jobs are stored, want the %d old ones, but for 2, and 2 new ones", got, n)
	}
	// Of the rest one step is done, and then the process ends.
	lists := []deletedList{}
	err = each(ctx, s.db, []byte{tableDeletedLists}, func(k, v []byte) error {
		l, err := decodeDeletedList(k, v)
		lists = append(lists, l)
		return err
	})
	if err != nil || len(lists) != 1 || lists[0].ID != r.ID {
		t.Fatalf("deleted lists: %+v, %v; want %s", lists, err, r.ID)
	}
	if _, err := s.removeJobsOf(ctx, lists[0], jobsOfList.prefix(r.Owner, r.ID)); err != nil {
		t.Fatal(err)
	}
	after := fs.CrashClone(vfs.CrashCloneCfg{})
	s.sweeping.Unlock()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open("store", Options{FS: after}); err != nil {
		t.Fatal(err)
	}
	s.Quiet()
	for table, want := range map[byte]int{
		tableJobs: 2, tableTokens: 2, tableJobOrder: 2, tableJobsOfList: 2, tableJobsOfWire: 2, tableDeletedLists: 0, tableUnfinished: 0,
	} {
		if got := rowsOf(t, s, table); got != want {
			t.Errorf("table %c has %d rows, want %d", table, got, want)
		}
	}
	got, _ := findings(t, s, after)
	expectFindings(t, got, nil)
}

func rowsOf(t *testing.T, s *Store, table byte) (n int) {
	t.Helper()
	if err := each(context.Background(), s.db, []byte{table}, func(_, _ []byte) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}
