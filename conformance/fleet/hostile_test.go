package fleet

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
	"github.com/sluicehq/sluice/internal/testenv"
)

// TestFleetOnHostileSettings imports, with a node killed on the way, where the database has
// defaults that are made for other programs.
func TestFleetOnHostileSettings(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the tests of pgstore have these settings too")
	}
	for _, isolation := range []string{"serializable", "repeatable%20read"} {
		t.Run(isolation, func(t *testing.T) {
			t.Parallel()
			f := &fleet{t: t, random: testenv.Rand(t), server: pgtest.New(t)}
			f.database = f.server.URL(t)
			endpoint := startS3(t)
			f.files = fileClient(endpoint)
			f.makeSources()
			for i := range 2 {
				f.nodes = append(f.nodes, newNode(t, fmt.Sprint("node ", i+1), f.database+"&default_transaction_isolation="+isolation+
					"&statement_timeout=150&lock_timeout=20&idle_in_transaction_session_timeout=100", endpoint))
				f.nodes[i].launch()
			}
			for _, n := range f.nodes {
				within(t, soon, n.name+" is ready", func() bool { return n.listens() && n.healthy() })
			}
			tr := f.begin("eu-test-1", 6_000)
			f.kill(tr)
			tr.end()
		})
	}
}

// TestFirstWrites has callers of two nodes make the suppression lists of many regions by
// their first writes, a moment after one another.
func TestFirstWrites(t *testing.T) {
	t.Parallel()
	const regions, callers = 40, 4
	f := &fleet{t: t, random: testenv.Rand(t), server: pgtest.New(t)}
	f.database = f.server.URL(t)
	endpoint := startS3(t)
	for i := range 2 {
		f.nodes = append(f.nodes, newNode(t, fmt.Sprint("node ", i+1), f.database, endpoint))
		f.nodes[i].start()
	}
	for r := range regions {
		region := fmt.Sprint("eu-test-", r)
		var all sync.WaitGroup
		for i := range callers {
			lag := time.Duration(f.random.IntN(12)) * time.Millisecond
			mail := f.nodes[i%2].mail(region)
			all.Go(func() {
				<-time.After(lag)
				var err error
				switch i {
				case 0: // each makes the list in another way
					_, err = mail.PutAccountSuppressionAttributes(t.Context(), &sesv2.PutAccountSuppressionAttributesInput{})
				default:
					address := fmt.Sprintf("write%d@writer.example", i)
					_, err = mail.PutSuppressedDestination(t.Context(), &sesv2.PutSuppressedDestinationInput{
						EmailAddress: &address, Reason: types.SuppressionListReasonBounce,
					})
				}
				if err != nil {
					t.Errorf("%s: the first write of caller %d: %v", region, i, err)
				}
			})
		}
		all.Wait()
		if got := len(f.list(region)); got != callers-1 {
			t.Errorf("%s has %d addresses, want %d", region, got, callers-1)
		}
	}
}
