package qconnect

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/store"
)

func TestD85_Uploads(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base := f.newBase(t, "Answers")
	for _, tt := range []struct {
		contentType string
		minutes     *int64
		life        time.Duration
	}{
		{"text/csv", nil, time.Hour},
		{"text/csv", new(int64(1)), time.Minute},
		{"application/pdf", new(int64(60)), time.Hour},
	} {
		before := time.Now()
		got := must(f.StartContentUpload(me(t), &qconnectapi.StartContentUploadInput{
			KnowledgeBaseId: base, ContentType: tt.contentType, PresignedUrlTimeToLive: tt.minutes,
		}))
		want := fmt.Sprintf("http://sluice.test/sluice/uploads/%s/%s?method=PUT&account=%s&region=%s&expires=%d&",
			base, got.UploadId, account, region, int(tt.life.Seconds()))
		if !strings.HasPrefix(got.Url, want) || !strings.HasSuffix(got.Url, "&Content-Type="+tt.contentType) {
			t.Errorf("url: %s, want %s… with the content type signed", got.Url, want)
		}
		if headers := map[string]string{"Content-Type": tt.contentType}; !reflect.DeepEqual(got.HeadersToInclude, headers) {
			t.Errorf("headersToInclude: %v, want %v", got.HeadersToInclude, headers)
		}
		if life := got.UrlExpiry.Sub(before); life < tt.life || life > tt.life+time.Minute {
			t.Errorf("urlExpiry: in %v, want %v", life, tt.life)
		}
	}
	_, err := f.StartContentUpload(me(t), &qconnectapi.StartContentUploadInput{KnowledgeBaseId: nobody, ContentType: "text/csv"})
	refused(t, "upload to nothing", err, fault.NotFound, "does not exist")
}

func TestImportJob_Life(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base := f.newBase(t, "Answers")
	upload := f.upload(t, base, "name,content\n")
	in := &qconnectapi.StartImportJobInput{
		KnowledgeBaseId: base, UploadId: upload, ImportJobType: "QUICK_RESPONSES", Metadata: map[string]string{"by": "test"},
		ExternalSourceConfiguration: &qconnectapi.ExternalSourceConfiguration{Source: "AMAZON_CONNECT", Configuration: &qconnectapi.Configuration{
			ConnectConfiguration: &qconnectapi.ConnectConfiguration{InstanceId: new("instance")},
		}},
	}
	got := must(f.StartImportJob(me(t), in)).ImportJob
	if f.woken.Load() != 1 {
		t.Errorf("woken %d times, want 1", f.woken.Load())
	}
	if _, err := uuid.Parse(got.ImportJobId); err != nil {
		t.Errorf("id: %q, want a UUID", got.ImportJobId)
	}
	want := &qconnectapi.ImportJobData{
		ImportJobId: got.ImportJobId, ImportJobType: "QUICK_RESPONSES", Status: "START_IN_PROGRESS",
		KnowledgeBaseId: base, KnowledgeBaseArn: arnPrefix + "knowledge-base/" + base, UploadId: upload,
		Metadata: in.Metadata, ExternalSourceConfiguration: in.ExternalSourceConfiguration,
		CreatedTime: got.CreatedTime, LastModifiedTime: got.CreatedTime, Url: got.Url, UrlExpiry: got.UrlExpiry,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("started: %+v, want %+v", got, want)
	}
	lease := f.claim(t)
	running := f.job(t, base, got.ImportJobId)
	if running.Status != "START_IN_PROGRESS" || running.LastModifiedTime.Before(got.CreatedTime) {
		t.Errorf("running: %+v", running)
	}
	f.end(t, lease, store.Outcome{State: job.Completed})
	ended := f.job(t, base, got.ImportJobId)
	if ended.Status != "FAILED" || !ended.LastModifiedTime.After(running.LastModifiedTime) || ended.FailedRecordReport != nil {
		t.Errorf("ended: %+v", ended)
	}
}

func TestImportJob_Owners(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base, other := f.newBase(t, "mine"), f.newBase(t, "other")
	id := f.newJob(t, base)
	in := &qconnectapi.GetImportJobInput{KnowledgeBaseId: base, ImportJobId: id}
	for who, ctx := range strangers(t) {
		_, err := f.GetImportJob(ctx, in)
		refused(t, "my job for "+who, err, fault.NotFound, "does not exist")
	}
	in.KnowledgeBaseId = other
	_, err := f.GetImportJob(me(t), in)
	refused(t, "a job of another base", err, fault.NotFound, "import job "+id+" does not exist")
	if jobs := must(f.ListImportJobs(me(t), &qconnectapi.ListImportJobsInput{KnowledgeBaseId: other})).ImportJobSummaries; jobs == nil || len(jobs) != 0 {
		t.Errorf("jobs of another base: %#v, want an empty list", jobs)
	}
	foreign := job.Job{ID: nobody, Owner: job.Owner{Account: account, Region: region}, Wire: job.SESv2, State: job.Created, Created: time.Now()}
	foreign.Destination.List = base
	must(f.db.CreateJob(t.Context(), foreign, store.Once{}, 0))
	_, err = f.GetImportJob(me(t), &qconnectapi.GetImportJobInput{KnowledgeBaseId: base, ImportJobId: nobody})
	refused(t, "a job of another API", err, fault.NotFound, "does not exist")
}

func TestD19_QuickResponseJobPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base, other := f.newBase(t, "mine"), f.newBase(t, "other")
	var want, got []string
	for range 5 {
		want = append(want, f.newJob(t, base))
		f.newJob(t, other)
	}
	in := &qconnectapi.ListImportJobsInput{KnowledgeBaseId: arnPrefix + "knowledge-base/" + base, MaxResults: new(int64(2))}
	for pages := 0; pages == 0 || in.NextToken != nil; pages++ {
		out := must(f.ListImportJobs(me(t), in))
		for _, j := range out.ImportJobSummaries {
			got = append(got, j.ImportJobId)
		}
		in.NextToken = out.NextToken
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("pages: %q, want %q", got, want)
	}
	token := must(f.ListImportJobs(me(t), in)).NextToken
	_, err := f.ListImportJobs(me(t), &qconnectapi.ListImportJobsInput{KnowledgeBaseId: other, NextToken: token})
	refused(t, "a token of another base", err, fault.BadToken, "Token is invalid.")
	_, err = f.ListImportJobs(me(t), &qconnectapi.ListImportJobsInput{KnowledgeBaseId: nobody})
	refused(t, "jobs of nothing", err, fault.NotFound, "does not exist")
}

func TestD83_ImportJobClientToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base, other := f.newBase(t, "mine"), f.newBase(t, "other")
	upload := f.upload(t, base, "name,content\n")
	in := qconnectapi.StartImportJobInput{KnowledgeBaseId: base, UploadId: upload, ImportJobType: "QUICK_RESPONSES", ClientToken: new("token")}
	ids := make([]string, 10)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() { ids[i] = must(f.StartImportJob(me(t), &in)).ImportJob.ImportJobId })
	}
	all.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("ids of one token: %q, want one", ids)
			break
		}
	}
	metadata := in
	metadata.Metadata = map[string]string{"a": "b"}
	elsewhere := in
	elsewhere.KnowledgeBaseId, elsewhere.UploadId = other, f.upload(t, other, "name,content\n")
	for what, in := range map[string]*qconnectapi.StartImportJobInput{"metadata": &metadata, "base": &elsewhere} {
		_, err := f.StartImportJob(me(t), in)
		refused(t, "the token with another "+what, err, fault.Conflict, "client token was used before")
	}
	f.end(t, f.claim(t), store.Outcome{State: job.Completed})
	if again := must(f.StartImportJob(me(t), &in)).ImportJob; again.ImportJobId != ids[0] || again.Status != "FAILED" {
		t.Errorf("repeated after the end: %s %s, want %s FAILED", again.ImportJobId, again.Status, ids[0])
	}
}

func TestD86_StartWithoutUpload(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base, other := f.newBase(t, "mine"), f.newBase(t, "other")
	waiting := must(f.StartContentUpload(me(t), &qconnectapi.StartContentUploadInput{KnowledgeBaseId: base, ContentType: "text/csv"})).UploadId
	there := f.upload(t, base, "name,content\n")
	must(f.files.Put(t.Context(), object.Name{Account: account, Bucket: "sluice", Key: "uploads/" + base + "/x"}, "", strings.NewReader("x")))
	for what, tt := range map[string]struct{ base, upload string }{
		"nothing put":         {base, waiting},
		"unknown id":          {base, nobody},
		"no UUID":             {base, "x"},
		"a path":              {base, "../" + base + "/" + there},
		"in other letters":    {base, strings.ToUpper(there)},
		"in braces":           {base, "{" + there + "}"},
		"upload of another":   {other, there},
		"base and upload bad": {other, "x"},
	} {
		_, err := f.start(me(t), tt.base, tt.upload)
		refused(t, what, err, fault.NotFound, "call StartContentUpload")
	}
	if jobs := must(f.ListImportJobs(me(t), &qconnectapi.ListImportJobsInput{KnowledgeBaseId: base})).ImportJobSummaries; len(jobs) != 0 {
		t.Errorf("jobs after refusals: %v, want none", jobs)
	}
}

func TestD86_UploadUsedTwice(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base := f.newBase(t, "Answers")
	upload := f.upload(t, base, "name,content\n")
	first, second := must(f.start(me(t), base, upload)), must(f.start(me(t), base, upload))
	if first.ImportJobId == second.ImportJobId || second.UploadId != upload {
		t.Errorf("two jobs of one upload: %s and %s, want two", first.ImportJobId, second.ImportJobId)
	}
}

func TestD87_StoppedJob(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base := f.newBase(t, "Answers")
	id := f.newJob(t, base)
	must(f.db.ChangeJob(t.Context(), job.Owner{Account: account, Region: region}, job.ID(id), func(j *job.Job) error {
		return j.Become(job.Stopped, time.Now())
	}))
	if got := f.job(t, base, id).Status; got != "FAILED" {
		t.Errorf("stopped beside the API: %s, want FAILED", got)
	}
}

func TestD88_Links(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base := f.newBase(t, "Answers")
	id := f.newJob(t, base)
	get := func(key string) string {
		return fmt.Sprintf("http://sluice.test/sluice/%s?method=GET&account=%s&region=%s&expires=3600&", key, account, region)
	}
	first := f.job(t, base, id)
	if want := get("uploads/" + base + "/" + first.UploadId); !strings.HasPrefix(first.Url, want) {
		t.Errorf("url: %s, want %s…", first.Url, want)
	}
	if left := time.Until(first.UrlExpiry); left < 59*time.Minute || left > time.Hour {
		t.Errorf("urlExpiry: in %v, want an hour", left)
	}
	f.end(t, f.claim(t), store.Outcome{State: job.Failed, Error: "broken", Report: "reports/1.csv"})
	last := f.job(t, base, id)
	if last.Url == first.Url {
		t.Errorf("url: %s twice, want a fresh one", last.Url)
	}
	if want := get("reports/1.csv"); last.FailedRecordReport == nil || !strings.HasPrefix(*last.FailedRecordReport, want) {
		t.Errorf("failedRecordReport: %v, want %s…", last.FailedRecordReport, want)
	}
}

func TestD89_DeleteImportJob(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base := f.newBase(t, "Answers")
	response := must(f.create(me(t), input(base, "Greeting")))
	id := f.newJob(t, base)
	file := object.Name{Account: account, Bucket: "sluice", Key: "uploads/" + base + "/" + f.job(t, base, id).UploadId}
	report := object.Name{Account: account, Bucket: "sluice", Key: "reports/1.csv"}
	must(f.files.Put(t.Context(), report, "text/csv", strings.NewReader("reason\n")))
	remove := func(base string) error {
		_, err := f.DeleteImportJob(me(t), &qconnectapi.DeleteImportJobInput{KnowledgeBaseId: base, ImportJobId: id})
		return err
	}
	refused(t, "delete a new job", remove(base), fault.Conflict, "cannot be deleted: it is START_IN_PROGRESS")
	lease := f.claim(t)
	refused(t, "delete a running job", remove(base), fault.Conflict, "cannot be deleted: it is START_IN_PROGRESS")
	f.end(t, lease, store.Outcome{State: job.Completed, Report: report.Key})
	refused(t, "delete at another base", remove(f.newBase(t, "other")), fault.NotFound, "does not exist")
	if err := remove(base); err != nil {
		t.Fatalf("delete an ended job: %v", err)
	}
	refused(t, "delete it again", remove(base), fault.NotFound, "import job "+id+" does not exist")
	_, err := f.GetImportJob(me(t), &qconnectapi.GetImportJobInput{KnowledgeBaseId: base, ImportJobId: id})
	refused(t, "get a deleted job", err, fault.NotFound, "import job "+id+" does not exist")
	_, err = f.files.Stat(t.Context(), report)
	refused(t, "the report of a deleted job", err, fault.NotFound, "")
	must(f.files.Stat(t.Context(), file))
	f.get(t, base, response.QuickResponseId)
}
