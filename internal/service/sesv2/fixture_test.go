package sesv2

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	api "github.com/sluicehq/sluice/internal/api/sesv2"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
	"github.com/sluicehq/sluice/internal/wire"
)

// fixture is a Service over a real store and real objects in memory.
type fixture struct {
	*Service
	db    *pebblestore.Store
	files *diskobject.Store
	woken atomic.Int32
}

func newFixture(t *testing.T, limits service.Limits) *fixture {
	t.Helper()
	db, err := pebblestore.Open("db", pebblestore.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	files, err := diskobject.Open("files", diskobject.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatalf("open objects: %v", err)
	}
	t.Cleanup(func() { _, _ = files.Close(), db.Close() })
	secret, err := db.Secret(t.Context(), "page tokens")
	if err != nil {
		t.Fatalf("Secret: %v", err)
	}
	tokens, err := service.NewTokens(secret)
	if err != nil {
		t.Fatalf("NewTokens: %v", err)
	}
	f := &fixture{db: db, files: files}
	f.Service = New(db, files, new(links), tokens, service.Options{
		Limits: limits, Wake: func() { f.woken.Add(1) },
	})
	return f
}

// links writes into a link what it was asked for, and numbers it.
type links struct{ made atomic.Int64 }

func (l *links) Presign(_ context.Context, method string, n object.Name, base, region string, ttl time.Duration) (string, error) {
	return fmt.Sprintf("%s/%s/%s?method=%s&account=%s&region=%s&expires=%d&number=%d",
		base, n.Bucket, n.Key, method, n.Account, region, int(ttl.Seconds()), l.made.Add(1)), nil
}

// The accounts and regions of the tests.
const (
	account, region           = "111111111111", "eu-central-1"
	otherAccount, otherRegion = "222222222222", "us-east-1"
)

// as is the context of a call by an account in a region.
func as(t *testing.T, account, region string) context.Context {
	return wire.WithCaller(t.Context(), wire.Caller{Account: account, Region: region, BaseURL: "http://sluice.test"})
}

func me(t *testing.T) context.Context { return as(t, account, region) }

// strangers are callers who see nothing of mine.
func strangers(t *testing.T) map[string]context.Context {
	return map[string]context.Context{
		"other account": as(t, otherAccount, region), "other region": as(t, account, otherRegion),
	}
}

// must is for calls that a test needs and is not about.
func must[T any](out T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("%T: %v", out, err))
	}
	return out
}

// refused fails the test unless err is of kind k with a sentence that has text in it.
func refused(t *testing.T, what string, err error, k fault.Kind, text string) {
	t.Helper()
	if !fault.Is(err, k) || !strings.Contains(fault.Message(err), text) {
		t.Errorf("%s: %v, want %v %q", what, err, k, text)
	}
}

// file puts an object and returns its URL.
func (f *fixture) file(t *testing.T, key, text string) string {
	t.Helper()
	name := object.Name{Account: account, Bucket: "imports", Key: key}
	must(f.files.Put(t.Context(), name, "text/csv", strings.NewReader(text)))
	return name.URL()
}

func (f *fixture) create(ctx context.Context, url string, action api.SuppressionListImportAction) (string, error) {
	out, err := f.CreateImportJob(ctx, &api.CreateImportJobInput{
		ImportDestination: &api.ImportDestination{
			SuppressionListDestination: &api.SuppressionListDestination{SuppressionListImportAction: action},
		},
		ImportDataSource: &api.ImportDataSource{S3Url: url, DataFormat: api.DataFormatCsv},
	})
	if err != nil {
		return "", err
	}
	return *out.JobId, nil
}

func (f *fixture) newJob(t *testing.T) string {
	t.Helper()
	return must(f.create(me(t), "s3://imports/file.csv", api.SuppressionListImportActionPut))
}

func (f *fixture) get(t *testing.T, id string) *api.GetImportJobOutput {
	t.Helper()
	return must(f.GetImportJob(me(t), &api.GetImportJobInput{JobId: id}))
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
	rule, err := destination.NewRule(j.Destination.Kind, j.Destination.Action)
	if err != nil {
		t.Fatalf("NewRule: %v", err)
	}
	batch := store.Batch{At: time.Now()}
	for i, row := range rows {
		batch.Add(&record.Record{
			Number: int64(i + 1), Line: int64(i + 1), Raw: []byte(row[0] + "," + row[1]),
			Fields: []record.Field{{Kind: record.Text, Bytes: []byte(row[0])}, {Kind: record.Text, Bytes: []byte(row[1])}},
		}, rule)
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

func (f *fixture) put(ctx context.Context, address string, reason api.SuppressionListReason) error {
	_, err := f.PutSuppressedDestination(ctx, &api.PutSuppressedDestinationInput{EmailAddress: address, Reason: reason})
	return err
}

func (f *fixture) suppressed(ctx context.Context, address string) (*api.SuppressedDestination, error) {
	out, err := f.GetSuppressedDestination(ctx, &api.GetSuppressedDestinationInput{EmailAddress: address})
	if err != nil {
		return nil, err
	}
	return out.SuppressedDestination, nil
}
