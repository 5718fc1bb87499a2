package sesv2

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/service/servicetest"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
)

// The words of these tests.
const (
	account, region           = servicetest.Account, servicetest.Region
	otherAccount, otherRegion = servicetest.OtherAccount, servicetest.OtherRegion
)

var me, strangers, refused, send = servicetest.Me, servicetest.Strangers, servicetest.Refused, servicetest.Send

func must[T any](out T, err error) T { return servicetest.Must(out, err) }

// fixture is a Service over a world of its own.
type fixture struct {
	*Service
	db    *pebblestore.Store
	files *diskobject.Store
	woken *atomic.Int32
}

func newFixture(t *testing.T, limits limits.Profile) *fixture {
	t.Helper()
	w := servicetest.NewWorld(t, limits)
	return &fixture{New(w.Store, w.Files, w.Links, w.Tokens, w.Options), w.Store, w.Files, w.Woken}
}

// file puts an object and returns its URL.
func (f *fixture) file(t *testing.T, key, text string) string {
	t.Helper()
	name := object.Name{Account: account, Bucket: "imports", Key: key}
	must(f.files.Put(t.Context(), name, "text/csv", strings.NewReader(text)))
	return name.URL()
}

func (f *fixture) create(ctx context.Context, url string, action sesv2api.SuppressionListImportAction) (string, error) {
	out, err := f.CreateImportJob(ctx, &sesv2api.CreateImportJobInput{
		ImportDestination: &sesv2api.ImportDestination{
			SuppressionListDestination: &sesv2api.SuppressionListDestination{SuppressionListImportAction: action},
		},
		ImportDataSource: &sesv2api.ImportDataSource{S3Url: url, DataFormat: sesv2api.DataFormatCsv},
	})
	if err != nil {
		return "", err
	}
	return *out.JobId, nil
}

func (f *fixture) newJob(t *testing.T) string {
	t.Helper()
	return must(f.create(me(t), "s3://imports/file.csv", sesv2api.SuppressionListImportActionPut))
}

func (f *fixture) get(t *testing.T, id string) *sesv2api.GetImportJobOutput {
	t.Helper()
	return must(f.GetImportJob(me(t), &sesv2api.GetImportJobInput{JobId: id}))
}

// work does a worker's part: it claims the one job there is, begins it, and commits
// what rows of address and reason hold. The caller may finish the job.
func (f *fixture) work(t *testing.T, rows ...[2]string) job.Lease {
	t.Helper()
	j, found, err := f.db.Claim(t.Context(), store.Wanted{Holder: "worker", Lease: time.Hour})
	if err != nil || !found {
		t.Fatalf("Claim: %v, %v", found, err)
	}
	j = must(f.db.Begin(t.Context(), j.Lease, j.Source))
	rule, err := destination.NewRule(destination.Target{Kind: j.Destination.Kind, Action: j.Destination.Action})
	if err != nil {
		t.Fatalf("NewRule: %v", err)
	}
	batch := store.Batch{At: time.Now()}
	for i, row := range rows {
		rec := &record.Record{
			Number: int64(i + 1), Line: int64(i + 1), Raw: []byte(row[0] + "," + row[1]),
			Fields: []record.Field{{Kind: record.Text, Bytes: []byte(row[0])}, {Kind: record.Text, Bytes: []byte(row[1])}},
		}
		var c destination.Change
		switch refusal := rule.Decide(rec, &c); {
		case refusal != nil:
			batch.Reject(rec, refusal)
		case c.Action == destination.Delete:
			batch.Delete(c.Key)
		default:
			batch.Put(rec, c.Key, c.Value)
		}
	}
	batch.Through = record.Position{Record: int64(len(rows)), Line: int64(len(rows))}
	p := must(f.db.Prepare(t.Context(), j.Lease, &batch))
	must(f.db.Commit(t.Context(), j.Lease, p))
	return j.Lease
}

func (f *fixture) finish(t *testing.T, l job.Lease, o store.Outcome) {
	t.Helper()
	must(f.db.Finish(t.Context(), l, o))
}

func (f *fixture) put(ctx context.Context, address string, reason sesv2api.SuppressionListReason) error {
	_, err := f.PutSuppressedDestination(ctx, &sesv2api.PutSuppressedDestinationInput{EmailAddress: address, Reason: reason})
	return err
}

func (f *fixture) suppressed(ctx context.Context, address string) (*sesv2api.SuppressedDestination, error) {
	out, err := f.GetSuppressedDestination(ctx, &sesv2api.GetSuppressedDestinationInput{EmailAddress: address})
	if err != nil {
		return nil, err
	}
	return out.SuppressedDestination, nil
}
