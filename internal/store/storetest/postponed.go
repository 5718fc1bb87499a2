package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// PostponedJobs is how many jobs BenchmarkClaims compares with none.
const PostponedJobs = 10_000

// ReadyJob stores a job that can be claimed.
func ReadyJob(ctx context.Context, s store.Store, id string) error {
	_, err := s.CreateJob(ctx, job.Job{
		ID: job.ID(id), Owner: HistoryOwner, Wire: job.MailManager, State: job.Created, Ready: true, Created: time.Now(),
		Destination: job.Destination{Kind: job.AddressList, List: HistoryList.ID, Action: job.Put},
	}, store.Once{Token: id}, 0)
	return err
}

// BenchmarkClaims measures claims in a store where jobs are postponed. It is run with none of
// them and with PostponedJobs, and should take the same.
func BenchmarkClaims(b *testing.B, s store.Store) {
	ctx := context.Background()
	for i := range 10 {
		if err := ReadyJob(ctx, s, fmt.Sprint("healthy-", i)); err != nil {
			b.Fatal(err)
		}
	}
	claim := func(w store.Wanted) func() error {
		return func() error {
			j, ok, err := s.Claim(ctx, w)
			if err != nil || !ok {
				return err
			}
			return s.Release(ctx, j.Lease)
		}
	}
	for _, op := range []struct {
		name string
		do   func() error
	}{
		{"claim and release", claim(store.Wanted{Holder: "a", Lease: time.Minute})},
		{"claim and release a retry", claim(store.Wanted{Holder: "a", Lease: time.Minute, Retries: true})},
		{"waiting", func() error { _, err := s.Waiting(ctx, store.Wanted{Holder: "a"}); return err }},
	} {
		b.Run(op.name, func(b *testing.B) {
			for b.Loop() {
				if err := op.do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
