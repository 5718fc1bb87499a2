package sesv2

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/store"
)

var mine = job.Owner{Account: account, Region: region}

func TestD25_ImportJobLife(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	url := f.file(t, "list.csv", "a@example.com,BOUNCE\nnot one,BOUNCE\n")
	id := must(f.create(me(t), url, sesv2api.SuppressionListImportActionPut))
	if uuid.Validate(id) != nil {
		t.Errorf("CreateImportJob: id %q is no UUID", id)
	}
	if n := f.woken.Load(); n != 1 {
		t.Errorf("CreateImportJob woke the engine %d times, want once", n)
	}
	got := f.get(t, id)
	if *got.JobId != id || got.JobStatus != sesv2api.JobStatusCreated || got.ImportDataSource.S3Url != url ||
		got.ImportDataSource.DataFormat != sesv2api.DataFormatCsv || got.CreatedTimestamp == nil || got.CompletedTimestamp != nil ||
		got.ImportDestination.SuppressionListDestination.SuppressionListImportAction != sesv2api.SuppressionListImportActionPut ||
		got.ImportDestination.ContactListDestination != nil || got.FailureInfo != nil ||
		*got.ProcessedRecordsCount != 0 || *got.FailedRecordsCount != 0 {
		t.Errorf("created: %+v", got)
	}
	if j := must(f.db.Job(t.Context(), mine, job.ID(id))); j.Source.Size != 36 || j.Source.Version != "" || !j.Ready {
		t.Errorf("in the store: %+v, want it ready, with a size and no version", j)
	}
	lease := f.work(t, [2]string{"a@example.com", "BOUNCE"}, [2]string{"not one", "BOUNCE"})
	if got = f.get(t, id); got.JobStatus != sesv2api.JobStatusProcessing || *got.ProcessedRecordsCount != 2 || *got.FailedRecordsCount != 1 || got.FailureInfo != nil {
		t.Errorf("in the middle: %+v, want PROCESSING, 2 and 1", got)
	}
	f.finish(t, lease, store.Outcome{State: job.Completed, Report: "reports/" + id + ".csv"})
	got = f.get(t, id)
	if got.JobStatus != sesv2api.JobStatusCompleted || got.CompletedTimestamp == nil || got.FailureInfo.ErrorMessage != nil {
		t.Errorf("completed: %+v", got)
	}
	want := "http://sluice.test/sluice/reports/" + id + ".csv?method=GET&account=111111111111&region=eu-central-1&expires=3600&"
	if report := *got.FailureInfo.FailedRecordsS3Url; !strings.HasPrefix(report, want) {
		t.Errorf("FailedRecordsS3Url: %s, want %s…", report, want)
	}
	if m := must(f.suppressed(me(t), "a@example.com")); m.Reason != sesv2api.SuppressionListReasonBounce {
		t.Errorf("member of the import: %+v", m)
	}
}

func TestImportJob_WithoutRejects(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := f.newJob(t)
	f.finish(t, f.work(t, [2]string{"a@example.com", "COMPLAINT"}), store.Outcome{State: job.Completed})
	if got := f.get(t, id); got.FailureInfo != nil || *got.ProcessedRecordsCount != 1 || *got.FailedRecordsCount != 0 {
		t.Errorf("completed without rejects: %+v, want no FailureInfo", got)
	}
}

func TestImportJob_Delete(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	if err := f.put(me(t), "a@example.com", sesv2api.SuppressionListReasonBounce); err != nil {
		t.Fatalf("put: %v", err)
	}
	id := must(f.create(me(t), "s3://imports/file.csv", sesv2api.SuppressionListImportActionDelete))
	f.finish(t, f.work(t, [2]string{"a@example.com", ""}), store.Outcome{State: job.Completed})
	if got := f.get(t, id).ImportDestination.SuppressionListDestination.SuppressionListImportAction; got != sesv2api.SuppressionListImportActionDelete {
		t.Errorf("action: %s, want DELETE", got)
	}
	if m, err := f.suppressed(me(t), "a@example.com"); !fault.Is(err, fault.NotFound) {
		t.Errorf("deleted by the import: %+v, %v, want NotFound", m, err)
	}
}

func TestD26_ReportOfFailedJob(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := f.newJob(t)
	f.finish(t, f.work(t), store.Outcome{State: job.Failed, Error: "the gzip stream ends at byte 7", Report: "reports/x.csv"})
	got := f.get(t, id)
	if got.JobStatus != sesv2api.JobStatusFailed || *got.FailureInfo.ErrorMessage != "the gzip stream ends at byte 7" || got.FailureInfo.FailedRecordsS3Url == nil {
		t.Errorf("failed: %+v, want its error and its report", got.FailureInfo)
	}
	id = f.newJob(t)
	f.finish(t, f.work(t), store.Outcome{State: job.Failed, Error: "broken"})
	if got := f.get(t, id); got.FailureInfo.FailedRecordsS3Url != nil {
		t.Errorf("failed without rejects: %+v, want no report", got.FailureInfo)
	}
}

func TestD24_StoppedImportJob(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := f.newJob(t)
	must(f.db.ChangeJob(t.Context(), mine, job.ID(id), func(j *job.Job) error { return j.Become(job.Stopped, time.Now()) }))
	if got := f.get(t, id); got.JobStatus != sesv2api.JobStatusCancelled || got.CompletedTimestamp == nil || got.FailureInfo != nil {
		t.Errorf("stopped: %+v, want CANCELLED with its end", got)
	}
}

func TestD23_MissingObject(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := must(f.create(me(t), "s3://nowhere/nothing.csv", sesv2api.SuppressionListImportActionPut))
	if got := f.get(t, id); got.JobStatus != sesv2api.JobStatusCreated {
		t.Errorf("job of a missing object: %+v, want CREATED", got)
	}
}

func TestD113_JobsAreKept(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	f.newList(me(t), "l")
	destination := into("l", "PUT")
	id := *must(f.CreateImportJob(me(t), &sesv2api.CreateImportJobInput{
		ImportDestination: &destination,
		ImportDataSource:  &sesv2api.ImportDataSource{S3Url: "s3://imports/file.csv", DataFormat: sesv2api.DataFormatCsv},
	})).JobId
	f.finish(t, f.work(t), store.Outcome{State: job.Completed, Report: "reports/x.csv"})
	must(f.DeleteContactList(me(t), &sesv2api.DeleteContactListInput{ContactListName: "l"}))
	if got := f.get(t, id); got.JobStatus != sesv2api.JobStatusCompleted || got.FailureInfo.FailedRecordsS3Url == nil {
		t.Errorf("without its list: %+v, want it COMPLETED with its report", got)
	}
	if jobs := must(f.ListImportJobs(me(t), &sesv2api.ListImportJobsInput{})).ImportJobs; len(jobs) != 1 {
		t.Errorf("without its list: %d jobs, want the one", len(jobs))
	}
}

func TestD114_S3Url(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	for url, good := range map[string]bool{
		"s3://b/k": true, "s3://b/a/b c.csv": true, "s3://b/a/": true,
		"https://b.s3.amazonaws.com/k?X-Amz-Signature=1": false, "S3://b/k": false, "s3://b": false, "s3://b/": false, "/k": false,
	} {
		_, err := f.create(me(t), url, sesv2api.SuppressionListImportActionPut)
		if good && err != nil || !good && !fault.Is(err, fault.Invalid) {
			t.Errorf("S3Url %s: %v, want it taken: %t", url, err, good)
		}
	}
}

func TestCreateImportJob_Refusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	source := &sesv2api.ImportDataSource{S3Url: "s3://imports/file.csv", DataFormat: sesv2api.DataFormatJson}
	suppression := &sesv2api.SuppressionListDestination{SuppressionListImportAction: sesv2api.SuppressionListImportActionPut}
	contacts := &sesv2api.ContactListDestination{ContactListName: "customers", ContactListImportAction: sesv2api.ContactListImportActionPut}
	for _, tt := range []struct {
		name string
		in   sesv2api.CreateImportJobInput
		want string
	}{
		{"no destination", sesv2api.CreateImportJobInput{ImportDataSource: source, ImportDestination: &sesv2api.ImportDestination{}}, "neither SuppressionListDestination nor ContactListDestination"},
		{"both destinations", sesv2api.CreateImportJobInput{ImportDataSource: source, ImportDestination: &sesv2api.ImportDestination{SuppressionListDestination: suppression, ContactListDestination: contacts}}, "both SuppressionListDestination and ContactListDestination"},
		{"contact list without a key", sesv2api.CreateImportJobInput{ImportDataSource: &sesv2api.ImportDataSource{S3Url: "s3://imports/"}, ImportDestination: &sesv2api.ImportDestination{ContactListDestination: contacts}}, "s3://bucket/key"},
		{"URL of the web", sesv2api.CreateImportJobInput{ImportDataSource: &sesv2api.ImportDataSource{S3Url: "https://imports/file.csv"}, ImportDestination: &sesv2api.ImportDestination{SuppressionListDestination: suppression}}, "s3://bucket/key"},
		{"no key", sesv2api.CreateImportJobInput{ImportDataSource: &sesv2api.ImportDataSource{S3Url: "s3://imports/"}, ImportDestination: &sesv2api.ImportDestination{SuppressionListDestination: suppression}}, "s3://bucket/key"},
	} {
		_, err := f.CreateImportJob(me(t), &tt.in)
		refused(t, tt.name, err, fault.Invalid, tt.want)
	}
	_, err := f.CreateImportJob(me(t), &sesv2api.CreateImportJobInput{ImportDataSource: source, ImportDestination: &sesv2api.ImportDestination{ContactListDestination: contacts}})
	refused(t, "unknown contact list", err, fault.NotFound, "ContactList customers doesn't exist")
	if out := must(f.ListImportJobs(me(t), &sesv2api.ListImportJobsInput{})); len(out.ImportJobs) != 0 || f.woken.Load() != 0 {
		t.Errorf("jobs after refusals: %+v, want none", out.ImportJobs)
	}
}

func TestD28_UnfinishedJobs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.AWS)
	for range 20 {
		f.newJob(t)
	}
	_, err := f.create(me(t), "s3://imports/file.csv", sesv2api.SuppressionListImportActionPut)
	refused(t, "job 21", err, fault.LimitExceeded, "at most 20 unfinished import jobs")
	for _, ctx := range strangers(t) {
		must(f.create(ctx, "s3://imports/file.csv", sesv2api.SuppressionListImportActionPut))
	}
	jobs := must(f.ListImportJobs(me(t), &sesv2api.ListImportJobsInput{})).ImportJobs
	must(f.db.ChangeJob(t.Context(), mine, job.ID(*jobs[0].JobId), func(j *job.Job) error { return j.Become(job.Stopped, time.Now()) }))
	f.newJob(t)

	unlimited := newFixture(t, limits.None)
	for range 25 {
		unlimited.newJob(t)
	}
}

func TestImportJob_Owners(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := f.newJob(t)
	for who, ctx := range strangers(t) {
		_, err := f.GetImportJob(ctx, &sesv2api.GetImportJobInput{JobId: id})
		refused(t, "get as "+who, err, fault.NotFound, "import job "+id+" does not exist")
		if out := must(f.ListImportJobs(ctx, &sesv2api.ListImportJobsInput{})); len(out.ImportJobs) != 0 {
			t.Errorf("jobs as %s: %+v, want none", who, out.ImportJobs)
		}
	}
	must(f.db.CreateJob(t.Context(), job.Job{ID: "job-mm", Owner: mine, Wire: job.MailManager, State: job.Created}, store.Once{}, 0))
	_, err := f.GetImportJob(me(t), &sesv2api.GetImportJobInput{JobId: "job-mm"})
	refused(t, "get a job of Mail Manager", err, fault.NotFound, "import job job-mm does not exist")
	if out := must(f.ListImportJobs(me(t), &sesv2api.ListImportJobsInput{})); len(out.ImportJobs) != 1 || *out.ImportJobs[0].JobId != id {
		t.Errorf("jobs: %+v, want that of SES only", out.ImportJobs)
	}
}

// TestImportJob_ContactList: a job shows the list that it imports into, and is listed
// with those of its kind.
func TestImportJob_ContactList(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	f.newList(me(t), "customers")
	contacts := &sesv2api.ContactListDestination{ContactListName: "customers", ContactListImportAction: sesv2api.ContactListImportActionDelete}
	id := *must(f.CreateImportJob(me(t), &sesv2api.CreateImportJobInput{
		ImportDestination: &sesv2api.ImportDestination{ContactListDestination: contacts},
		ImportDataSource:  &sesv2api.ImportDataSource{S3Url: "s3://imports/file.json", DataFormat: sesv2api.DataFormatJson},
	})).JobId
	other := f.newJob(t)
	shown := func(what string, d *sesv2api.ImportDestination) {
		t.Helper()
		if d.SuppressionListDestination != nil || d.ContactListDestination == nil || *d.ContactListDestination != *contacts {
			t.Errorf("%s: %+v, want %+v", what, d, contacts)
		}
	}
	shown("get", f.get(t, id).ImportDestination)
	for kind, want := range map[sesv2api.ImportDestinationType][]string{
		"": {id, other}, sesv2api.ImportDestinationTypeContactList: {id}, sesv2api.ImportDestinationTypeSuppressionList: {other},
	} {
		var got []string
		for _, j := range must(f.ListImportJobs(me(t), &sesv2api.ListImportJobsInput{ImportDestinationType: kind})).ImportJobs {
			got = append(got, *j.JobId)
			if *j.JobId == id {
				shown("list", j.ImportDestination)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("jobs of kind %q: %v, want %v", kind, got, want)
		}
	}
	if n := f.woken.Load(); n != 2 {
		t.Errorf("two jobs woke the engine %d times, want twice", n)
	}
	for who, ctx := range strangers(t) {
		_, err := f.CreateImportJob(ctx, &sesv2api.CreateImportJobInput{
			ImportDestination: &sesv2api.ImportDestination{ContactListDestination: contacts},
			ImportDataSource:  &sesv2api.ImportDataSource{S3Url: "s3://imports/file.json", DataFormat: sesv2api.DataFormatJson},
		})
		refused(t, "my list as "+who, err, fault.NotFound, "ContactList customers doesn't exist")
	}
}

func TestD27_ListImportJobs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	var want, got []string
	for range 25 {
		want = append(want, f.newJob(t))
	}
	in := &sesv2api.ListImportJobsInput{ImportDestinationType: sesv2api.ImportDestinationTypeSuppressionList, PageSize: new(int64(10))}
	for page := 0; ; page++ {
		out := must(f.ListImportJobs(me(t), in))
		for _, j := range out.ImportJobs {
			got = append(got, *j.JobId)
		}
		if page == 0 {
			want = append(want, f.newJob(t))
			_, err := f.ListImportJobs(me(t), &sesv2api.ListImportJobsInput{NextToken: out.NextToken})
			refused(t, "token of another filter", err, fault.BadToken, "Token is invalid.")
		}
		if out.NextToken == nil {
			break
		}
		in.NextToken = out.NextToken
	}
	if !slices.Equal(got, want) {
		t.Errorf("jobs in pages:\n%v, want\n%v", got, want)
	}
	if out := must(f.ListImportJobs(me(t), &sesv2api.ListImportJobsInput{})); len(out.ImportJobs) != 26 || out.NextToken != nil {
		t.Errorf("jobs without filter and page size: %d, want all 26", len(out.ImportJobs))
	}
	if out := must(f.ListImportJobs(me(t), &sesv2api.ListImportJobsInput{ImportDestinationType: sesv2api.ImportDestinationTypeContactList})); len(out.ImportJobs) != 0 {
		t.Errorf("jobs into contact lists: %+v, want none", out.ImportJobs)
	}
	for _, size := range []int64{0, 1001} {
		_, err := f.ListImportJobs(me(t), &sesv2api.ListImportJobsInput{PageSize: &size})
		refused(t, "page size", err, fault.Invalid, fmt.Sprintf("Page size %d is invalid, expected a number between 1 and 1000", size))
	}
}
