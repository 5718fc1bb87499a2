package mailmanager

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/api/mailmanagerapi"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/store"
)

func TestJob_Life(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	list := f.list(t, "customers")
	id := f.newJob(t, list)
	if !regexp.MustCompile(`^job-[a-z0-9]{24}$`).MatchString(id) {
		t.Errorf("CreateAddressListImportJob: id %q is not in AWS's form", id)
	}
	got := f.get(t, id)
	if got.JobId != id || got.Name != "import" || got.Status != mailmanagerapi.ImportJobStatusCreated || got.AddressListId != list ||
		got.ImportDataFormat.ImportDataType != mailmanagerapi.ImportDataTypeCsv || got.CreatedTimestamp.IsZero() {
		t.Errorf("created: %+v", got)
	}
	if got.StartTimestamp != nil || got.CompletedTimestamp != nil || got.ImportedItemsCount != nil || got.FailedItemsCount != nil || got.Error != nil {
		t.Errorf("created: %+v, want no start, no end, no counts, no error", got)
	}
	f.upload(t, id, "address\na@example.com\nnot one\n")
	f.start(t, id)
	if n := f.woken.Load(); n != 1 {
		t.Errorf("StartAddressListImportJob woke the engine %d times, want once", n)
	}
	got = f.get(t, id)
	if got.Status != mailmanagerapi.ImportJobStatusProcessing || got.StartTimestamp == nil || *got.ImportedItemsCount != 0 || *got.FailedItemsCount != 0 || got.CompletedTimestamp != nil {
		t.Errorf("started: %+v, want counts of zero and no end", got)
	}
	lease := f.work(t, "a@example.com", "not one")
	if got = f.get(t, id); *got.ImportedItemsCount != 1 || *got.FailedItemsCount != 1 || got.Status != mailmanagerapi.ImportJobStatusProcessing {
		t.Errorf("in the middle: %+v, want running counts 1 and 1", got)
	}
	f.finish(t, lease, job.Completed, "")
	got = f.get(t, id)
	if got.Status != mailmanagerapi.ImportJobStatusCompleted || got.CompletedTimestamp == nil || *got.ImportedItemsCount != 1 || *got.FailedItemsCount != 1 || got.Error != nil {
		t.Errorf("completed: %+v", got)
	}
	if _, err := f.member(me(t), list, "a@example.com"); err != nil {
		t.Errorf("member of the import: %v", err)
	}
}

func TestJob_Failed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := f.running(t, f.list(t, "customers"))
	f.finish(t, f.work(t, "a@example.com"), job.Failed, "line 2 is not text")
	got := f.get(t, id)
	if got.Status != mailmanagerapi.ImportJobStatusFailed || got.Error == nil || *got.Error != "line 2 is not text" || *got.ImportedItemsCount != 1 || got.CompletedTimestamp == nil {
		t.Errorf("failed: %+v", got)
	}
}

func TestJob_JSON(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := must(f.CreateAddressListImportJob(me(t), &mailmanagerapi.CreateAddressListImportJobInput{
		AddressListId: f.list(t, "customers"), Name: "json", ImportDataFormat: &mailmanagerapi.ImportDataFormat{ImportDataType: mailmanagerapi.ImportDataTypeJson},
	})).JobId
	if got := f.get(t, id); got.ImportDataFormat.ImportDataType != mailmanagerapi.ImportDataTypeJson {
		t.Errorf("format: %v, want JSON", got.ImportDataFormat)
	}
	if j := must(f.db.Job(t.Context(), job.Owner{Account: account, Region: region}, job.ID(id))); j.Source.Format != "JSON" {
		t.Errorf("format in the store: %v, want JSON", j.Source.Format)
	}
}

func TestJob_Absent(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	_, get := f.GetAddressListImportJob(me(t), &mailmanagerapi.GetAddressListImportJobInput{JobId: "job-nothing"})
	_, start := f.StartAddressListImportJob(me(t), &mailmanagerapi.StartAddressListImportJobInput{JobId: "job-nothing"})
	_, stop := f.StopAddressListImportJob(me(t), &mailmanagerapi.StopAddressListImportJobInput{JobId: "job-nothing"})
	for op, err := range map[string]error{"get": get, "start": start, "stop": stop} {
		refused(t, op, err, fault.NotFound, "import job job-nothing does not exist")
	}
	_, err := f.CreateAddressListImportJob(me(t), &mailmanagerapi.CreateAddressListImportJobInput{
		AddressListId: "al-nothing", Name: "import", ImportDataFormat: new(mailmanagerapi.ImportDataFormat),
	})
	refused(t, "create for an absent list", err, fault.NotFound, "address list al-nothing does not exist")
}

func TestD3_JobOfOtherAPI(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	owner := job.Owner{Account: account, Region: region}
	must(f.db.CreateJob(t.Context(), job.Job{ID: "ses", Owner: owner, Wire: job.SESv2, State: job.Created}, store.Once{}, 0))
	_, err := f.GetAddressListImportJob(me(t), &mailmanagerapi.GetAddressListImportJobInput{JobId: "ses"})
	refused(t, "get a job of SES", err, fault.NotFound, "import job ses does not exist")
}

func TestD1_StartWithoutUpload(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := f.newJob(t, f.list(t, "customers"))
	_, err := f.StartAddressListImportJob(me(t), &mailmanagerapi.StartAddressListImportJobInput{JobId: id})
	refused(t, "start", err, fault.Conflict, "nothing has been uploaded to its pre-signed URL")
	if got := f.get(t, id); got.Status != mailmanagerapi.ImportJobStatusCreated {
		t.Errorf("after a Start that was refused: %v, want CREATED", got.Status)
	}
	f.upload(t, id, "")
	f.start(t, id) // an empty file is a file
}

func TestD2_StartAndStopInOtherStates(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	list := f.list(t, "customers")
	inState := map[mailmanagerapi.ImportJobStatus]func() string{
		mailmanagerapi.ImportJobStatusCreated: func() string {
			id := f.newJob(t, list)
			f.upload(t, id, "address\n")
			return id
		},
		mailmanagerapi.ImportJobStatusProcessing: func() string { return f.running(t, list) },
		mailmanagerapi.ImportJobStatusCompleted: func() string {
			id := f.running(t, list)
			f.finish(t, f.work(t), job.Completed, "")
			return id
		},
		mailmanagerapi.ImportJobStatusFailed: func() string {
			id := f.running(t, list)
			f.finish(t, f.work(t), job.Failed, "broken")
			return id
		},
		mailmanagerapi.ImportJobStatusStopped: func() string {
			id := f.running(t, list)
			must(f.StopAddressListImportJob(me(t), &mailmanagerapi.StopAddressListImportJobInput{JobId: id}))
			return id
		},
	}
	// PROCESSING comes last: its job would be claimed in place of the others.
	for _, s := range []mailmanagerapi.ImportJobStatus{
		mailmanagerapi.ImportJobStatusCreated, mailmanagerapi.ImportJobStatusCompleted, mailmanagerapi.ImportJobStatusFailed,
		mailmanagerapi.ImportJobStatusStopped, mailmanagerapi.ImportJobStatusProcessing,
	} {
		id := inState[s]()
		if s != mailmanagerapi.ImportJobStatusCreated {
			_, err := f.StartAddressListImportJob(me(t), &mailmanagerapi.StartAddressListImportJobInput{JobId: id})
			refused(t, "start", err, fault.Conflict, fmt.Sprintf("cannot be started: it is %s, not CREATED", s))
		}
		if s != mailmanagerapi.ImportJobStatusProcessing {
			_, err := f.StopAddressListImportJob(me(t), &mailmanagerapi.StopAddressListImportJobInput{JobId: id})
			refused(t, "stop", err, fault.Conflict, fmt.Sprintf("cannot be stopped: it is %s, not PROCESSING", s))
		}
		if got := f.get(t, id).Status; got != s {
			t.Errorf("after refusals: %s, want %s", got, s)
		}
	}
}

func TestD4_FreshLinkInEveryState(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	list := f.list(t, "customers")
	created := must(f.CreateAddressListImportJob(me(t), &mailmanagerapi.CreateAddressListImportJobInput{
		AddressListId: list, Name: "import", ImportDataFormat: &mailmanagerapi.ImportDataFormat{ImportDataType: mailmanagerapi.ImportDataTypeCsv},
	}))
	id, seen := created.JobId, map[string]bool{}
	check := func(what, url string) {
		t.Helper()
		want := "http://sluice.test/sluice/uploads/" + id + "?method=PUT&account=111111111111&region=eu-central-1&expires=3600&"
		if !strings.HasPrefix(url, want) || seen[url] {
			t.Errorf("%s: link %s, want a fresh %s…", what, url, want)
		}
		seen[url] = true
	}
	both := func(state string) {
		t.Helper()
		check("get when "+state, f.get(t, id).PreSignedUrl)
		jobs := must(f.ListAddressListImportJobs(me(t), &mailmanagerapi.ListAddressListImportJobsInput{AddressListId: list})).ImportJobs
		check("list when "+state, jobs[0].PreSignedUrl)
	}
	check("create", created.PreSignedUrl)
	both("created")
	f.upload(t, id, "address\n")
	f.start(t, id)
	both("processing")
	must(f.StopAddressListImportJob(me(t), &mailmanagerapi.StopAddressListImportJobInput{JobId: id}))
	both("stopped")
}

func TestD5_UploadAfterStart(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := f.newJob(t, f.list(t, "customers"))
	f.upload(t, id, "replaced before the start")
	bound := f.upload(t, id, "address\na@example.com\n")
	f.start(t, id)
	f.upload(t, id, "too late")
	j := must(f.db.Job(t.Context(), job.Owner{Account: account, Region: region}, job.ID(id)))
	if j.Source.Version != bound.Version || j.Source.ETag != bound.ETag || j.Source.Size != bound.Size {
		t.Errorf("source of the job: %+v, want that of %+v", j.Source, bound)
	}
	name := object.Name{Account: account, Bucket: j.Source.Bucket, Key: j.Source.Key}
	r := must(f.files.Open(t.Context(), name, j.Source.Version, 0))
	defer r.Close()
	if text := must(io.ReadAll(r)); string(text) != "address\na@example.com\n" {
		t.Errorf("what the job reads: %q, want what lay there at the start", text)
	}
}

func TestStart_AtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := f.newJob(t, f.list(t, "customers"))
	f.upload(t, id, "address\n")
	var starts sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		starts.Go(func() {
			f.upload(t, id, fmt.Sprintf("address\na%d@example.com\n", i))
			_, errs[i] = f.StartAddressListImportJob(me(t), &mailmanagerapi.StartAddressListImportJobInput{JobId: id})
		})
	}
	starts.Wait()
	good := slices.IndexFunc(errs, func(err error) bool { return err == nil })
	for i, err := range errs {
		if i != good && !fault.Is(err, fault.Conflict) {
			t.Errorf("start %d: %v, want one start and Conflict for all others", i, err)
		}
	}
	j := must(f.db.Job(t.Context(), job.Owner{Account: account, Region: region}, job.ID(id)))
	name := object.Name{Account: account, Bucket: j.Source.Bucket, Key: j.Source.Key}
	must(f.files.Open(t.Context(), name, j.Source.Version, 0)).Close()
}

func TestD8_StoppedJob(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	list := f.list(t, "customers")
	id := f.running(t, list)
	lease := f.work(t, "a@example.com", "not one", "b@example.com")
	must(f.StopAddressListImportJob(me(t), &mailmanagerapi.StopAddressListImportJobInput{JobId: id}))
	got := f.get(t, id)
	if got.Status != mailmanagerapi.ImportJobStatusStopped || got.CompletedTimestamp == nil || *got.ImportedItemsCount != 2 || *got.FailedItemsCount != 1 || got.Error != nil {
		t.Errorf("stopped: %+v, want its end, counts 2 and 1, no error", got)
	}
	if _, err := f.member(me(t), list, "b@example.com"); err != nil {
		t.Errorf("member imported before the stop: %v", err)
	}
	if _, err := f.db.Renew(t.Context(), lease, time.Hour); !fault.Is(err, fault.LeaseLost) {
		t.Errorf("Renew after the stop: %v, want LeaseLost", err)
	}
	// What the job held is let go: the next upload takes the last reference away.
	j := must(f.db.Job(t.Context(), job.Owner{Account: account, Region: region}, job.ID(id)))
	f.upload(t, id, "something else")
	name := object.Name{Account: account, Bucket: j.Source.Bucket, Key: j.Source.Key}
	if _, err := f.files.Open(t.Context(), name, j.Source.Version, 0); !fault.Is(err, fault.Broken) {
		t.Errorf("open what a stopped job held: %v, want Broken", err)
	}
}

func TestD15_ImportJobClientToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	list := f.list(t, "customers")
	create := func(list, name string, format mailmanagerapi.ImportDataType) (*mailmanagerapi.CreateAddressListImportJobOutput, error) {
		return f.CreateAddressListImportJob(me(t), &mailmanagerapi.CreateAddressListImportJobInput{
			AddressListId: list, Name: name, ImportDataFormat: &mailmanagerapi.ImportDataFormat{ImportDataType: format}, ClientToken: new("token"),
		})
	}
	first, again := must(create(list, "import", "CSV")), must(create(list, "import", "CSV"))
	if again.JobId != first.JobId || again.PreSignedUrl == first.PreSignedUrl {
		t.Errorf("repeated: %+v, want job %s with a fresh link", again, first.JobId)
	}
	for what, in := range map[string][3]string{
		"list": {f.list(t, "others"), "import", "CSV"}, "name": {list, "other", "CSV"}, "format": {list, "import", "JSON"},
	} {
		_, err := create(in[0], in[1], mailmanagerapi.ImportDataType(in[2]))
		refused(t, "create with the same token and another "+what, err, fault.Conflict, "client token was used before")
	}
	without := f.newJob(t, list)
	if other := f.newJob(t, list); other == without {
		t.Errorf("created twice without a token: the same job %s", other)
	}
}

func TestD19_ImportJobPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	list, other := f.list(t, "customers"), f.list(t, "others")
	var want, got []string
	for range 55 {
		want = append(want, f.newJob(t, list))
		f.newJob(t, other)
	}
	if out := must(f.ListAddressListImportJobs(me(t), &mailmanagerapi.ListAddressListImportJobsInput{AddressListId: list})); len(out.ImportJobs) != 50 {
		t.Errorf("jobs without a page size: %d, want 50", len(out.ImportJobs))
	}
	in := &mailmanagerapi.ListAddressListImportJobsInput{AddressListId: list, PageSize: new(int64(10))}
	for page := 0; ; page++ {
		out := must(f.ListAddressListImportJobs(me(t), in))
		for _, j := range out.ImportJobs {
			got = append(got, j.JobId)
		}
		if page == 1 {
			want = append(want, f.newJob(t, list))
		}
		if out.NextToken == nil {
			break
		}
		in.NextToken = out.NextToken
	}
	if !slices.Equal(got, want) {
		t.Errorf("jobs in pages:\n%v, want\n%v", got, want)
	}
	if out := must(f.ListAddressListImportJobs(me(t), &mailmanagerapi.ListAddressListImportJobsInput{AddressListId: f.list(t, "empty")})); len(out.ImportJobs) != 0 || out.NextToken != nil {
		t.Errorf("jobs of a new list: %+v, want none", out)
	}
}

func TestD9_JobNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	list := f.list(t, "customers")
	first, second := f.newJob(t, list), f.newJob(t, list)
	if a, b := f.get(t, first), f.get(t, second); a.Name != b.Name || a.JobId == b.JobId {
		t.Errorf("two jobs under one name: %+v and %+v, want both", a, b)
	}
}
