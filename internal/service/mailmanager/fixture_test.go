package mailmanager

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/api/mailmanagerapi"
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

var me, strangers, refused = servicetest.Me, servicetest.Strangers, servicetest.Refused

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

func (f *fixture) list(t *testing.T, name string) string {
	t.Helper()
	return must(f.CreateAddressList(me(t), &mailmanagerapi.CreateAddressListInput{AddressListName: name})).AddressListId
}

func (f *fixture) newJob(t *testing.T, list string) string {
	t.Helper()
	return must(f.CreateAddressListImportJob(me(t), &mailmanagerapi.CreateAddressListImportJobInput{
		AddressListId: list, Name: "import", ImportDataFormat: &mailmanagerapi.ImportDataFormat{ImportDataType: mailmanagerapi.ImportDataTypeCsv},
	})).JobId
}

// upload puts a file where the job's link leads.
func (f *fixture) upload(t *testing.T, id, text string) object.Info {
	t.Helper()
	name := object.Name{Account: account, Bucket: "sluice", Key: "uploads/" + id}
	return must(f.files.Put(t.Context(), name, "text/csv", strings.NewReader(text)))
}

func (f *fixture) start(t *testing.T, id string) {
	t.Helper()
	must(f.StartAddressListImportJob(me(t), &mailmanagerapi.StartAddressListImportJobInput{JobId: id}))
}

// running is a job that has been started.
func (f *fixture) running(t *testing.T, list string) string {
	t.Helper()
	id := f.newJob(t, list)
	f.upload(t, id, "address\n")
	f.start(t, id)
	return id
}

func (f *fixture) get(t *testing.T, id string) *mailmanagerapi.GetAddressListImportJobOutput {
	t.Helper()
	return must(f.GetAddressListImportJob(me(t), &mailmanagerapi.GetAddressListImportJobInput{JobId: id}))
}

// work does a worker's part: it claims the one job there is and commits what rows
// hold. The caller may finish the job.
func (f *fixture) work(t *testing.T, rows ...string) job.Lease {
	t.Helper()
	j, found, err := f.db.Claim(t.Context(), store.Wanted{Holder: "worker", Lease: time.Hour})
	if err != nil || !found {
		t.Fatalf("Claim: %v, %v", found, err)
	}
	rule, err := destination.NewRule(destination.Target{Kind: j.Destination.Kind, Action: j.Destination.Action})
	if err != nil {
		t.Fatalf("NewRule: %v", err)
	}
	batch := store.Batch{At: time.Now()}
	for i, row := range rows {
		rec := &record.Record{
			Number: int64(i + 1), Line: int64(i + 1), Raw: []byte(row),
			Fields: []record.Field{{Kind: record.Text, Bytes: []byte(row)}},
		}
		var c destination.Change
		if refusal := rule.Decide(rec, &c); refusal != nil {
			batch.Reject(rec, refusal)
		} else {
			batch.Put(rec, c.Key, c.Value)
		}
	}
	batch.Through = record.Position{Record: int64(len(rows)), Line: int64(len(rows))}
	p := must(f.db.Prepare(t.Context(), j.Lease, &batch))
	must(f.db.Commit(t.Context(), j.Lease, p))
	return j.Lease
}

func (f *fixture) finish(t *testing.T, l job.Lease, s job.State, why string) {
	t.Helper()
	must(f.db.Finish(t.Context(), l, store.Outcome{State: s, Error: why}))
}
