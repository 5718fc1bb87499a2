package pebblestore_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// TestWaitingSince is about when a job came to wait: a database counts that by its own
// clock, so that the shared suite cannot say it.
func TestWaitingSince(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, open := t.Context(), inMemory(0)(t)
		s := open()
		defer func() { s.Close() }()
		want := func(what string, want time.Time) {
			t.Helper()
			for range 2 {
				c, err := s.JobCounts(ctx)
				if err != nil || !c.WaitingSince.Equal(want) {
					t.Errorf("%s: waiting since %v, %v; want %v", what, c.WaitingSince, err, want)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = open()
			}
		}
		owner := job.Owner{Account: "111111111111", Region: "eu-west-1"}
		first := time.Now().UTC()
		for _, id := range []job.ID{"j1", "j2"} {
			if _, err := s.CreateJob(ctx, job.Job{ID: id, Owner: owner, State: job.Created, Ready: true, Created: time.Now()}, store.Once{}, 0); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		want("two jobs", first)
		j, _, err := s.Claim(ctx, store.Wanted{Holder: "w", Lease: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Release(ctx, j.Lease); err != nil {
			t.Fatal(err)
		}
		want("after the first was released", first.Add(time.Minute))
	})
}
