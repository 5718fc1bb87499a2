package pebblestore

import (
	"testing"

	"github.com/cockroachdb/pebble/v2"
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
