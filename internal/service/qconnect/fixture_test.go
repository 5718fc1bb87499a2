package qconnect

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/service/servicetest"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
)

// The words of these tests.
const (
	account, region = servicetest.Account, servicetest.Region
	arnPrefix       = "arn:aws:wisdom:" + region + ":" + account + ":"
	nobody          = "00000000-0000-4000-8000-000000000000" // the id of nothing
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

// newBase makes a knowledge base for quick responses, and returns its id.
func (f *fixture) newBase(t *testing.T, name string) string {
	t.Helper()
	return must(f.CreateKnowledgeBase(me(t), &qconnectapi.CreateKnowledgeBaseInput{
		Name: name, KnowledgeBaseType: qconnectapi.KnowledgeBaseTypeQuickResponses,
	})).KnowledgeBase.KnowledgeBaseId
}

// input asks for a quick response with the least that it needs.
func input(base, name string) *qconnectapi.CreateQuickResponseInput {
	return &qconnectapi.CreateQuickResponseInput{KnowledgeBaseId: base, Name: name, Content: content("Hello!")}
}

func content(text string) *qconnectapi.QuickResponseDataProvider {
	return &qconnectapi.QuickResponseDataProvider{Content: &text}
}

func (f *fixture) create(ctx context.Context, in *qconnectapi.CreateQuickResponseInput) (*qconnectapi.QuickResponseData, error) {
	out, err := f.CreateQuickResponse(ctx, in)
	if err != nil {
		return nil, err
	}
	return out.QuickResponse, nil
}

func (f *fixture) update(ctx context.Context, in *qconnectapi.UpdateQuickResponseInput) (*qconnectapi.QuickResponseData, error) {
	out, err := f.UpdateQuickResponse(ctx, in)
	if err != nil {
		return nil, err
	}
	return out.QuickResponse, nil
}

func (f *fixture) get(t *testing.T, base, id string) *qconnectapi.QuickResponseData {
	t.Helper()
	return must(f.GetQuickResponse(me(t), &qconnectapi.GetQuickResponseInput{KnowledgeBaseId: base, QuickResponseId: id})).QuickResponse
}

// names lists the names of a base's quick responses, in the order of ids.
func (f *fixture) names(t *testing.T, base string) []string {
	t.Helper()
	var names []string
	for _, r := range must(f.ListQuickResponses(me(t), &qconnectapi.ListQuickResponsesInput{KnowledgeBaseId: base})).QuickResponseSummaries {
		names = append(names, r.Name)
	}
	return names
}

// upload asks for a link and puts a file where it leads.
func (f *fixture) upload(t *testing.T, base, text string) (id string) {
	t.Helper()
	id = must(f.StartContentUpload(me(t), &qconnectapi.StartContentUploadInput{KnowledgeBaseId: base, ContentType: "text/csv"})).UploadId
	name := object.Name{Account: account, Bucket: "sluice", Key: "uploads/" + base + "/" + id}
	must(f.files.Put(t.Context(), name, "text/csv", strings.NewReader(text)))
	return id
}

func (f *fixture) start(ctx context.Context, base, upload string) (*qconnectapi.ImportJobData, error) {
	out, err := f.StartImportJob(ctx, &qconnectapi.StartImportJobInput{
		KnowledgeBaseId: base, UploadId: upload, ImportJobType: qconnectapi.ImportJobTypeQuickResponses,
	})
	if err != nil {
		return nil, err
	}
	return out.ImportJob, nil
}

// newJob starts a job for a new upload.
func (f *fixture) newJob(t *testing.T, base string) string {
	t.Helper()
	return must(f.start(me(t), base, f.upload(t, base, "name,content\nGreeting,Hello!\n"))).ImportJobId
}

func (f *fixture) job(t *testing.T, base, id string) *qconnectapi.ImportJobData {
	t.Helper()
	return must(f.GetImportJob(me(t), &qconnectapi.GetImportJobInput{KnowledgeBaseId: base, ImportJobId: id})).ImportJob
}

// claim does the beginning of a worker's part with the one job there is.
func (f *fixture) claim(t *testing.T) job.Lease {
	t.Helper()
	j, found, err := f.db.Claim(t.Context(), store.Wanted{Holder: "worker", Lease: time.Hour})
	if err != nil || !found {
		t.Fatalf("Claim: %v, %v", found, err)
	}
	return must(f.db.Begin(t.Context(), j.Lease, j.Source)).Lease
}

// end does the end of it; the job has imported nothing.
func (f *fixture) end(t *testing.T, l job.Lease, o store.Outcome) {
	t.Helper()
	must(f.db.Finish(t.Context(), l, o))
}

// member reads what the store holds.
func (f *fixture) member(t *testing.T, base, id string) destination.QuickResponse {
	t.Helper()
	m := must(f.db.Member(t.Context(), refOf(job.Owner{Account: account, Region: region}, base), id))
	return must(destination.DecodeQuickResponse(m.Value))
}
