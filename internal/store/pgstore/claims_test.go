package pgstore_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pgstore"
	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
	"github.com/sluicehq/sluice/internal/testenv"
)

// Many who claim at a time get each job once at a time, and all jobs come to their ends,
// whatever the isolation that a database sets.
func TestConcurrentClaims(t *testing.T) {
	t.Parallel()
	for _, isolation := range []string{"read committed", "repeatable read", "serializable"} {
		t.Run(isolation, func(t *testing.T) {
			t.Parallel()
			concurrentClaims(t, isolation)
		})
	}
}

func concurrentClaims(t *testing.T, isolation string) {
	const jobs, claimers = 200, 8
	random := testenv.Rand(t)
	s := open(t, pgtest.Start(t)+"&default_transaction_isolation="+url.PathEscape(isolation), pgstore.Options{})
	defer s.Close()
	for i := range jobs {
		o := job.Owner{Account: fmt.Sprintf("%012d", 1+random.IntN(20)), Region: "eu-west-1"}
		r := store.ListRef{Owner: o, Kind: destination.Suppression, ID: "suppression"}
		j := newJob(fmt.Sprint("j", i), r)
		j.Owner = o
		j.Source.Size = int64(random.IntN(3)) << 20
		if _, err := s.CreateJob(ctx, j, store.Once{Token: fmt.Sprint(i)}, 0); err != nil {
			t.Fatalf("CreateJob: %v", err)
		}
	}
	var mu sync.Mutex
	held, ended, claims := map[job.ID]bool{}, map[job.ID]bool{}, 0
	deadline := time.Now().Add(2 * time.Minute)
	var all sync.WaitGroup
	for c := range claimers {
		seed := random.Uint64()
		all.Go(func() {
			random := rand.New(rand.NewPCG(seed, 0))
			w := store.Wanted{Holder: fmt.Sprint("holder", c%3), Lease: time.Minute}
			for time.Now().Before(deadline) {
				mu.Lock()
				left := jobs - len(ended)
				mu.Unlock()
				if left == 0 {
					return
				}
				w.Retries = random.IntN(2) == 0
				w.MaxSize = int64(random.IntN(2)) << 20
				j, ok, err := s.Claim(ctx, w)
				if err != nil {
					t.Errorf("Claim: %v", err)
					return
				}
				if !ok {
					continue
				}
				mu.Lock()
				if claims++; held[j.ID] || ended[j.ID] {
					t.Errorf("job %s was claimed at term %d while it was held (%t) or had ended (%t)", j.ID, j.Lease.Term, held[j.ID], ended[j.ID])
				}
				if w.Retries != (j.Attempts > 0) || w.MaxSize > 0 && j.Source.Size > w.MaxSize {
					t.Errorf("claimed a job with %d attempts and %d bytes, wanted %+v", j.Attempts, j.Source.Size, w)
				}
				held[j.ID] = true
				mu.Unlock()
				what := random.IntN(3)
				mu.Lock() // before another can have it
				held[j.ID] = false
				ended[j.ID] = what == 0
				if what != 0 {
					delete(ended, j.ID)
				}
				mu.Unlock()
				switch what {
				case 0:
					_, err = s.Begin(ctx, j.Lease, j.Source)
					if err == nil {
						_, err = s.Finish(ctx, j.Lease, store.Outcome{State: job.Completed})
					}
				case 1:
					err = s.Release(ctx, j.Lease)
				case 2:
					err = s.Postpone(ctx, j.Lease, store.Pause{Reason: job.StorageUnavailable, Error: "e", For: time.Millisecond, Avoid: 20 * time.Millisecond})
				}
				if err != nil {
					t.Errorf("end of job %s: %v", j.ID, err)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d claims", claims)
	if len(ended) != jobs {
		t.Errorf("%d jobs ended, want %d", len(ended), jobs)
	}
}
