package pebblestore

import (
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/job"
)

// TestIndexJobs opens a directory from before there were all indexes of jobs.
func TestIndexJobs(t *testing.T) {
	t.Parallel()
	s, fs := checked(t)
	b := s.db.NewBatch()
	for _, x := range jobIndexes {
		if x != allJobs && x != unfinishedJobs {
			b.DeleteRange([]byte{x.table}, []byte{x.table + 1}, nil)
		}
	}
	err := each(t.Context(), s.db, []byte{unfinishedJobs.table}, func(k, _ []byte) error { return b.Set(k, nil, nil) })
	if err != nil {
		t.Fatal(err)
	}
	b.Delete(keyOfJobIndexes(), nil)
	b.Set(keyOfJob(jobKey{owner: checkOwner, id: "damaged"}), []byte("{junk"), nil)
	if err := b.Commit(pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open("store", Options{FS: fs}); err != nil {
		t.Fatal(err)
	}
	if c, err := s.JobCounts(t.Context()); err != nil || c.Created != 1 {
		t.Errorf("JobCounts: %+v, %v; want one that is created", c, err)
	}
	got, _ := findings(t, s, fs)
	expectFindings(t, got, []string{RowDamaged + " job damaged"})
}

// TestIndexesAreWrittenWithTheState: a row whose state is as it was stored is written
// without the rows of the indexes.
func TestIndexesAreWrittenWithTheState(t *testing.T) {
	t.Parallel()
	s, _ := checked(t)
	keys, err := s.allJobKeys(t)
	if err != nil || len(keys) == 0 {
		t.Fatalf("jobs of the store: %v, %v; want some", keys, err)
	}
	for _, k := range keys {
		row, err := s.storedJob(s.db, k)
		if err != nil {
			t.Fatal(err)
		}
		b := s.db.NewBatch()
		row.Job.Lease.Term++
		if err := setJob(b, row, false); err != nil {
			t.Fatal(err)
		}
		if got := b.Count(); got != 1 {
			t.Errorf("job %s, %s: a new lease writes %d rows, want 1", k.id, row.Job.State, got)
		}
		if row.Job.State == job.Created {
			row.Job.State = job.Processing
			if err := setJob(b, row, false); err != nil {
				t.Fatal(err)
			}
			if got := b.Count(); got <= 2 {
				t.Errorf("job %s: a new state writes %d rows, want those of the indexes too", k.id, got-1)
			}
		}
		_ = b.Close()
	}
}

// allJobKeys returns the keys of all jobs.
func (s *Store) allJobKeys(t *testing.T) (keys []jobKey, err error) {
	t.Helper()
	err = each(t.Context(), s.db, []byte{tableJobs}, func(k, v []byte) error {
		row, err := decodeStoredJob(k, v)
		if err == nil {
			keys = append(keys, keyFor(&row.Job))
		}
		return nil
	})
	return keys, err
}
