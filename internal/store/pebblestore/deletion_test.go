package pebblestore

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/testenv"
)

var spaceOwner = job.Owner{Account: "111111111111", Region: "eu-west-1"}

// space is a store on a disk that is only in memory, with lists and what was imported.
type space struct {
	*testing.T
	*Store
	fs *testenv.CrashDisk
}

func newSpace(t *testing.T) *space {
	s := &space{T: t, fs: testenv.NewCrashDisk()}
	s.open()
	return s
}

func (s *space) open() {
	s.Helper()
	var err error
	if s.Store, err = Open("store", Options{FS: s.fs}); err != nil {
		s.Fatal(err)
	}
}

func (s *space) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// imported makes a list and a job of the same name, and imports records: every other
// one is a reject.
func (s *space) imported(name string, batches, records int) store.ListRef {
	s.Helper()
	ctx := context.Background()
	r := store.ListRef{Owner: spaceOwner, Kind: job.Suppression, ID: name}
	_, err := s.CreateList(ctx, store.List{Ref: r, Name: name}, store.Once{}, 0)
	s.ok(err)
	_, err = s.CreateJob(ctx, job.Job{
		ID: job.ID(name), Owner: spaceOwner, State: job.Created, Ready: true,
		Destination: job.Destination{Kind: r.Kind, List: r.ID},
	}, store.Once{}, 0)
	s.ok(err)
	j, _, err := s.Claim(ctx, store.Wanted{Holder: "w", Lease: time.Hour})
	s.ok(err)
	_, err = s.Begin(ctx, j.Lease, job.Source{})
	s.ok(err)
	for n := range batches {
		b := &store.Batch{At: time.Now(), Through: record.Position{Record: int64((n + 1) * records)}}
		for i := range records {
			number := uint64(n*records + i)
			rec := &record.Record{Number: int64(number), Raw: keyLike(number)}
			if number%2 == 1 {
				b.Reject(rec, &record.Refusal{Code: "c", Reason: "r"})
			} else {
				b.Put(rec, rec.Raw, nil)
			}
		}
		p, err := s.Prepare(ctx, j.Lease, b)
		s.ok(err)
		_, err = s.Commit(ctx, j.Lease, p)
		s.ok(err)
	}
	_, err = s.Finish(ctx, j.Lease, store.Outcome{State: job.Completed})
	s.ok(err)
	return r
}

// keyLike is a key that does not compress to nothing.
func keyLike(i uint64) []byte {
	return fmt.Appendf(nil, "%016x%016x", i*0x9e3779b97f4a7c15, (i^7)*0xff51afd7ed558ccd)
}

// used is the bytes of all files, once nothing works on them any more.
func (s *space) used() (n int64) {
	s.Helper()
	time.Sleep(time.Minute) // of the bubble's, which is over when all is quiet
	synctest.Wait()
	names, err := s.fs.List("store")
	s.ok(err)
	for _, name := range names {
		info, err := s.fs.Stat(s.fs.PathJoin("store", name))
		s.ok(err)
		n += info.Size()
	}
	return n
}

func (s *space) count(r store.ListRef) (n int) {
	s.Helper()
	for after, end := "", false; !end; {
		page, word, err := s.ListMembers(context.Background(), r, store.MemberFilter{}, store.Page{After: after, Limit: 10_000})
		s.ok(err)
		n, after, end = n+len(page), word, word == ""
	}
	return n
}

func TestDeletionFreesSpace(t *testing.T) {
	t.Parallel()
	const batches, records = 3, 50_000
	for _, c := range []struct {
		name string
		do   func(s *space, r store.ListRef, id job.ID) error
	}{
		{"at once", func(s *space, r store.ListRef, id job.ID) error {
			return errors.Join(s.DeleteList(s.Context(), r), s.DeleteJob(s.Context(), r.Owner, id))
		}},
		{"when it is opened again", func(s *space, r store.ListRef, id job.ID) error {
			s.sweeping.Lock() // the power goes before the files are cut out
			err := errors.Join(s.DeleteList(s.Context(), r), s.DeleteJob(s.Context(), r.Owner, id))
			crashed := s.fs.CrashClone(vfs.CrashCloneCfg{})
			s.sweeping.Unlock()
			err = errors.Join(err, s.Close())
			s.fs = crashed
			s.open()
			return err
		}},
		{"from the lower levels", func(s *space, r store.ListRef, id job.ID) error {
			if err := s.db.Compact(s.Context(), []byte{0}, []byte{255}, false); err != nil {
				return err
			}
			return errors.Join(s.DeleteList(s.Context(), r), s.DeleteJob(s.Context(), r.Owner, id))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSpace(t)
				defer func() { s.Close() }()
				small := s.imported("a", 1, records/20)
				large := s.imported("b", batches, records)
				other := s.imported("c", 1, records/20)
				before := s.used()
				s.ok(c.do(s, large, "b"))
				if after := s.used(); after > before/4 {
					t.Errorf("%d bytes are used after the deletion, %d before it; want less than a quarter", after, before)
				}
				for _, r := range []store.ListRef{small, other} {
					if n := s.count(r); n != records/40 {
						t.Errorf("list %s: %d members left, want %d", r.ID, n, records/40)
					}
				}
				if notes, err := s.notes(); err != nil || len(notes) > 0 {
					t.Errorf("notes: %d, %v; want none left", len(notes), err)
				}
				s.imported("b", 1, 10)
			})
		})
	}
}

// TestSmallListGoesByTombstone: a cut would leave two pieces of a file that it shares.
func TestSmallListGoesByTombstone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSpace(t)
		defer func() { s.Close() }()
		r := s.imported("a", 1, 100)
		s.ok(s.db.Flush())
		s.sweeping.Lock()
		defer s.sweeping.Unlock()
		s.ok(s.DeleteList(t.Context(), r))
		if notes, err := s.notes(); err != nil || len(notes) > 0 {
			t.Errorf("notes: %d, %v; want none", len(notes), err)
		}
		it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{tableMembers}})
		s.ok(err)
		defer it.Close()
		if it.First() {
			t.Errorf("a member of list %d is left", binary.BigEndian.Uint64(it.Key()[1:]))
		}
	})
}

// TestSweepWaitsForTheNote: others see a deletion before it is on the disk. If the power
// goes then the list is there again, and so must be its members.
func TestSweepWaitsForTheNote(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		logs := new(slowLogs)
		s := &space{T: t, fs: testenv.NewCrashDisk()}
		var err error
		s.Store, err = Open("store", Options{FS: errorfs.Wrap(s.fs, logs)})
		s.ok(err)
		const records = 40_000
		r := s.imported("a", 1, records)
		s.cut = 1
		written := make(chan struct{})
		logs.until.Store(&written)
		var all sync.WaitGroup
		all.Go(func() { s.ok(s.DeleteList(t.Context(), r)) })
		synctest.Wait()
		if notes, err := s.notes(); err != nil || len(notes) != 1 {
			t.Errorf("notes: %d, %v; want one", len(notes), err)
		}
		all.Go(func() { s.sweep(t.Context()) }) // after another deletion, say
		synctest.Wait()
		crashed := s.fs.CrashClone(vfs.CrashCloneCfg{})
		close(written)
		all.Wait()
		s.ok(s.Close())
		s.fs = crashed
		s.open()
		defer func() { s.Close() }()
		if n := s.count(r); n != records/2 {
			t.Errorf("%d members are left of a list that is not deleted, want %d", n, records/2)
		}
	})
}

// slowLogs makes who syncs a log wait.
type slowLogs struct{ until atomic.Pointer[chan struct{}] }

func (*slowLogs) String() string { return "slow logs" }

// MaybeError implements errorfs.Injector. It never makes an error.
func (l *slowLogs) MaybeError(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		if until := l.until.Load(); until != nil && strings.HasSuffix(op.Path, ".log") {
			<-*until
		}
	default:
	}
	return nil
}

// TestTokenOfFormerRelease: rows of the first release do not tell their token.
func TestTokenOfFormerRelease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSpace(t)
		defer func() { s.Close() }()
		create := func(id, token string) job.ID {
			j, err := s.CreateJob(t.Context(), job.Job{ID: job.ID(id), Owner: spaceOwner, State: job.Failed}, store.Once{Token: token}, 0)
			s.ok(err)
			return j.ID
		}
		create("a", "first")
		create("b", "second")
		k := jobKey{owner: spaceOwner, id: "a"}
		row, err := s.jobRow(s.db, k)
		s.ok(err)
		row.Token = nil
		old, err := json.Marshal(row)
		s.ok(err)
		s.ok(s.db.Set(keyOfJob(k), old, pebble.Sync))
		if got := create("c", "first"); got != "a" {
			t.Errorf("CreateJob with the token of a job that is there: %s, want it", got)
		}
		s.ok(s.DeleteJob(t.Context(), spaceOwner, "a"))
		if got := create("c", "first"); got != "c" {
			t.Errorf("CreateJob with the token of a deleted job: %s, want a new one", got)
		}
		if got := create("c", "second"); got != "b" {
			t.Errorf("CreateJob with another job's token: %s, want it", got)
		}
	})
}
