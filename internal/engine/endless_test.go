package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
)

// Sources that send a record without an end, fast enough for a source that is not slow, have
// turns of their own: a job whose trouble is over comes soon, be it that nobody answered for it
// or that it has lost turns as well.
func TestRetriesBesideEndlessRecords(t *testing.T) {
	for _, n := range []int{100, 300} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			if n > 100 && testing.Short() {
				t.Skip("takes a while")
			}
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.list(destination.Suppression)
				in, long := newRows(1000), strings.Repeat("x", 1<<20)
				r.put("silent", in.String())
				r.ready("silent")
				r.put("cured", long+"\n"+in.String())
				r.ready("cured")
				for i := range n {
					key := fmt.Sprint("endless", i)
					r.put(key, long)
					r.ready(key)
				}
				began := time.Now()
				silentUntil, curedFrom := began.Add(10*time.Minute), began.Add(20*time.Minute)
				read := func(ctx context.Context, n object.Name, at int64) error {
					switch {
					case n.Key == "silent" && time.Now().Before(silentUntil):
						return silence(ctx)
					case n.Key == "silent", n.Key == "cured" && time.Now().After(curedFrom), at < 8<<10:
						return nil
					}
					return wait(ctx, time.Second)
				}
				r.start(engine.Options{Jobs: 2, BatchRecords: 8192}, &troubledObjects{Objects: r.objects, piece: 2 << 10, read: read})
				r.journal.await("job completed", job.ID("silent"), 1)
				silent := time.Since(silentUntil)
				r.journal.await("job completed", job.ID("cured"), 1)
				cured := time.Since(curedFrom)
				t.Logf("done %v after nobody answered, and %v after the source was slow", silent, cured)
				for _, d := range []time.Duration{silent, cured} {
					if d < 0 || d > time.Minute+10*time.Second {
						t.Errorf("done after %v, want about a minute at most", d)
					}
				}
			})
		})
	}
}
