package pebblestore

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// TestDamagedJobs damages what is stored of the jobs that have waited longest, in each
// way, while the store is open and before it opens: the others run, and the log names
// the damaged ones, once each.
func TestDamagedJobs(t *testing.T) {
	t.Parallel()
	owner := job.Owner{Account: "111111111111", Region: "eu-west-1"}
	junk := []byte("{junk")
	damages := map[job.ID]func(b *pebble.Batch, k jobKey, number uint64) error{
		"row":       func(b *pebble.Batch, k jobKey, _ uint64) error { return b.Set(keyOfJob(k), junk, nil) },
		"other-row": func(b *pebble.Batch, k jobKey, _ uint64) error { return b.Set(keyOfJob(k), []byte(goldenJob), nil) },
		"no-row":    func(b *pebble.Batch, k jobKey, _ uint64) error { return b.Delete(keyOfJob(k), nil) },
		"progress":  func(b *pebble.Batch, _ jobKey, n uint64) error { return b.Set(keyOfProgress(n), junk, nil) },
	}
	for id, damage := range damages {
		for _, reopen := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, reopened %t", id, reopen), func(t *testing.T) {
				t.Parallel()
				var log bytes.Buffer
				fs := vfs.NewMem()
				open := func() *Store {
					s, err := Open("store", Options{FS: fs, Logger: slog.New(slog.NewTextHandler(&log, nil))})
					if err != nil {
						t.Fatalf("Open: %v", err)
					}
					return s
				}
				s := open()
				for _, id := range []job.ID{id, "sound"} {
					_, err := s.CreateJob(t.Context(), job.Job{
						ID: id, Owner: owner, State: job.Created, Ready: true,
						Destination: job.Destination{Kind: job.Suppression, List: "l"},
					}, store.Once{Token: string(id)}, 9)
					if err != nil {
						t.Fatal(err)
					}
				}
				k := jobKey{owner: owner, id: id}
				row, err := s.jobRow(s.db, k)
				if err != nil {
					t.Fatal(err)
				}
				b := s.db.NewBatch()
				if err := damage(b, k, row.Number); err != nil {
					t.Fatal(err)
				}
				if err := s.apply(b); err != nil {
					t.Fatal(err)
				}
				if reopen {
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
					s = open()
				}
				defer s.Close()
				wanted := store.Wanted{Holder: "w", Lease: time.Hour}
				if got, ok, err := s.Claim(t.Context(), wanted); !ok || err != nil || got.ID != "sound" {
					t.Errorf("Claim: got %s, %t, %v; want job sound", got.ID, ok, err)
				}
				if got, ok, err := s.Claim(t.Context(), wanted); ok || err != nil {
					t.Errorf("Claim: got %s, %t, %v; want none", got.ID, ok, err)
				}
				for range 2 {
					listed, next, err := s.ListJobs(t.Context(), owner, store.JobFilter{}, store.Page{Limit: 10})
					if err != nil || next != "" || len(listed) != 1 || listed[0].ID != "sound" {
						t.Errorf("ListJobs: %v, %q, %v; want job sound alone", listed, next, err)
					}
				}
				if n := strings.Count(log.String(), "level=ERROR msg=\"job is damaged"); n != 1 || !strings.Contains(log.String(), "job="+string(id)) {
					t.Errorf("%d lines of damaged jobs, want 1 that names %s:\n%s", n, id, log.String())
				}
			})
		}
	}
}
