package pgstore_test

import (
	"fmt"
	"testing"

	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pgstore"
	"github.com/sluicehq/sluice/internal/store/storetest"
)

// BenchmarkHistory is storetest's, on a server that waits for its disk.
func BenchmarkHistory(b *testing.B) {
	for _, n := range []int{0, storetest.EndedJobs} {
		b.Run(fmt.Sprint("ended=", n), func(b *testing.B) {
			url := durable(b)
			open(b, url, pgstore.Options{}).Close()
			exec(b, url, fmt.Sprintf(pgstore.EndedJobs, n))
			exec(b, url, "VACUUM ANALYZE jobs")
			exec(b, url, "CHECKPOINT")
			storetest.BenchmarkHistory(b, func() store.Store { return open(b, url, pgstore.Options{}) })
		})
	}
}

// BenchmarkClaims is storetest's, where jobs are paused and where their pauses are over.
func BenchmarkClaims(b *testing.B) {
	for _, c := range []struct {
		name  string
		n     int
		pause string
	}{{"none", 0, "1 hour"}, {"paused", storetest.PostponedJobs, "1 hour"}, {"due", storetest.PostponedJobs, "-1 second"}} {
		b.Run(c.name, func(b *testing.B) {
			url := durable(b)
			s := open(b, url, pgstore.Options{})
			defer s.Close()
			exec(b, url, fmt.Sprintf(pgstore.OpenJobs, c.n))
			exec(b, url, fmt.Sprintf(pgstore.PostponedJobs, c.pause, c.n))
			exec(b, url, "VACUUM ANALYZE jobs")
			storetest.BenchmarkClaims(b, s)
		})
	}
}
