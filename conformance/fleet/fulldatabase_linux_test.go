package fleet

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
	"github.com/sluicehq/sluice/internal/testenv"
)

// TestFaultsFullDatabase fills the disk of PostgreSQL in the middle of imports. Without space
// for data it refuses what needs some; without space for its log it ends. Either way calls are
// refused so that clients repeat them, jobs wait, and all goes on when there is space: nothing
// that was acknowledged is missing, and all counts are exact.
func TestFaultsFullDatabase(t *testing.T) {
	if os.Getenv(forSoLong) == "" {
		t.Skip("it is for make test-faults: " + forSoLong + " says for how long")
	}
	for _, c := range []struct {
		name    string
		message string // of calls that are refused
	}{
		{"data", "the database is out of space"},
		{"log", "the database "}, // is out of space, and then does not answer
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			disk := testenv.NewSmallDisk(t, 256)
			data, log := disk.Dir(), ""
			if c.name == "log" {
				data, log = log, data
			}
			f := newFleetWithoutNodes(t, startS3(t), pgtest.NewIn(t, data, log, "max_wal_size=1GB"))
			for range 2 {
				f.addNode("--log-level", "debug")
			}
			for _, n := range f.nodes {
				n.start()
			}
			tr := f.begin("eu-test-1", 30_000)
			_, id, _ := tr.worker()
			disk.Fill(0)
			f.refusesWrites(c.message)
			for _, n := range f.nodes {
				within(t, soon, n.name+" is not ready, and says why", func() bool {
					ready, text := n.get("/readyz")
					return !ready && strings.Contains(text, c.message)
				})
			}
			if c.name == "data" {
				f.waitsFor(tr, id, "disk full", c.message)
			}
			disk.Clear()
			within(t, soon, "the nodes are ready", func() bool {
				if f.server.HasEnded() {
					t.Log("PostgreSQL has ended, and is started again")
					f.server.Resume(t)
				}
				return !slices.ContainsFunc(f.nodes, func(n *node) bool { ready, _ := n.get("/readyz"); return !ready })
			})
			tr.end()
		})
	}
}

// refusesWrites writes until a call is refused, as one that clients repeat.
func (f *fleet) refusesWrites(message string) {
	f.t.Helper()
	i := 0
	within(f.t, soon, "a write is refused", func() bool {
		i++
		address := fmt.Sprintf("%d-%s@full.example", i, strings.Repeat("x", 40))
		_, err := f.any().mail("eu-test-full").PutSuppressedDestination(f.t.Context(), &sesv2.PutSuppressedDestinationInput{
			EmailAddress: &address, Reason: types.SuppressionListReasonBounce,
		})
		if err == nil {
			return false
		}
		var api smithy.APIError
		var answer *smithyhttp.ResponseError
		if !errors.As(err, &api) || !errors.As(err, &answer) || answer.HTTPStatusCode() != 503 || !strings.Contains(api.ErrorMessage(), message) {
			f.t.Errorf("a write to a full database: %v, want 503 and %q", err, message)
		}
		f.t.Logf("write %d was refused: %v", i, err)
		return true
	})
}
