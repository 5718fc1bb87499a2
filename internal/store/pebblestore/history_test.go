package pebblestore

import (
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/storetest"
)

// BenchmarkHistory is storetest's, on the machine's disk.
func BenchmarkHistory(b *testing.B) {
	for _, n := range []int{0, storetest.EndedJobs} {
		b.Run(fmt.Sprint("ended=", n), func(b *testing.B) {
			dir := b.TempDir()
			open := func() *Store {
				s, err := Open(dir, Options{})
				if err != nil {
					b.Fatal(err)
				}
				return s
			}
			s := open()
			seedEnded(b, s, n)
			for s.db.Metrics().Compact.NumInProgress > 0 {
				time.Sleep(10 * time.Millisecond) // what comes of writing them all at once is not measured
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			storetest.BenchmarkHistory(b, func() store.Store { return open() })
		})
	}
}

// seedEnded writes jobs that have ended, each as it was created and then as it ended: what
// is left of the former in the indexes is part of what is measured.
func seedEnded(b testing.TB, s *Store, n int) {
	b.Helper()
	token := ""
	for from := 0; from < n; from += 1000 {
		batch := s.db.NewBatch()
		for i := from; i < min(n, from+1000); i++ {
			number, err := s.number()
			if err != nil {
				b.Fatal(err)
			}
			created := jobRow{Job: storetest.EndedJob(i), Number: number, Token: &token}
			ended := created
			created.Job.State = job.Created
			if err := setJob(batch, &created, true); err != nil {
				b.Fatal(err)
			}
			if err := setJob(batch, &ended, false); err != nil {
				b.Fatal(err)
			}
			batch.Set(keyOfProgress(number), []byte(`{"Counts":{"Imported":9,"Rejected":0},"Checkpoint":{"Record":9}}`), nil)
		}
		if err := batch.Commit(pebble.NoSync); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkClaims is storetest's, where jobs are paused and where their pauses are over.
// It is in memory, for the disk takes longer than what is compared.
func BenchmarkClaims(b *testing.B) {
	for _, c := range []struct {
		name  string
		n     int
		pause time.Duration
	}{{"none", 0, 0}, {"paused", storetest.PostponedJobs, time.Hour}, {"due", storetest.PostponedJobs, 0}} {
		b.Run(c.name, func(b *testing.B) {
			s, err := Open("store", Options{FS: vfs.NewMem()})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			for i := range c.n {
				if err := storetest.ReadyJob(b.Context(), s, fmt.Sprint("postponed-", i)); err != nil {
					b.Fatal(err)
				}
				j, _, err := s.Claim(b.Context(), store.Wanted{Holder: "w", Lease: time.Minute})
				if err == nil {
					err = s.Postpone(b.Context(), j.Lease, store.Pause{Reason: job.StorageUnavailable, For: c.pause})
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			storetest.BenchmarkClaims(b, s)
		})
	}
}
