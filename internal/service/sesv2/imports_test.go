package sesv2

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/object"
)

// importCase is a file and what comes of it.
type importCase struct {
	name    string
	action  sesv2api.SuppressionListImportAction // PUT if empty
	format  sesv2api.DataFormat                  // CSV if empty
	text    string                               // nothing is uploaded if empty
	limits  limits.Profile
	members []string // "address REASON"
	read    int64
	failed  int64
	error   string // the job ends FAILED, saying this
	report  string
}

// run imports the file with the real engine into a list that holds
// old@example.com, and returns the job at its end.
func (c importCase) run(t *testing.T, f *fixture) *sesv2api.GetImportJobOutput {
	t.Helper()
	if err := f.put(me(t), "old@example.com", bounce); err != nil {
		t.Fatalf("put: %v", err)
	}
	to := sesv2api.ImportDestination{SuppressionListDestination: &sesv2api.SuppressionListDestination{SuppressionListImportAction: c.action}}
	return f.imported(t, c.limits, f.files, to, f.source(t, c.text, c.format))
}

// source puts a file, unless its text is empty.
func (f *fixture) source(t *testing.T, text string, format sesv2api.DataFormat) sesv2api.ImportDataSource {
	t.Helper()
	url := "s3://imports/nothing"
	if text != "" {
		url = f.file(t, "file", text)
	}
	return sesv2api.ImportDataSource{S3Url: url, DataFormat: format}
}

// imported creates a job, has the real engine do it, and returns it at its end.
func (f *fixture) imported(t *testing.T, l limits.Profile, files engine.Objects, to sesv2api.ImportDestination, from sesv2api.ImportDataSource) *sesv2api.GetImportJobOutput {
	t.Helper()
	e := engine.New(f.db, files, engine.Options{Limits: l, BatchRecords: 100, Reports: func(j job.Job) object.Name {
		return object.Name{Account: account, Bucket: "sluice", Key: "reports/" + string(j.ID)}
	}})
	ctx, quit := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()

	id := *must(f.CreateImportJob(me(t), &sesv2api.CreateImportJobInput{ImportDestination: &to, ImportDataSource: &from})).JobId
	for f.get(t, id).CompletedTimestamp == nil {
		time.Sleep(time.Second) // the bubble's second
	}
	quit()
	if err := <-ended; err != nil {
		t.Errorf("engine: %v", err)
	}
	return f.get(t, id)
}

// ended checks how a job came out: with an error it is FAILED, and there is a report if
// records failed. With a text, the report has it.
func (f *fixture) ended(t *testing.T, got *sesv2api.GetImportJobOutput, read, failed int64, because, report string) {
	t.Helper()
	status := sesv2api.JobStatusCompleted
	if because != "" {
		status = sesv2api.JobStatusFailed
		if got.FailureInfo == nil || got.FailureInfo.ErrorMessage == nil || !strings.Contains(*got.FailureInfo.ErrorMessage, because) {
			t.Errorf("failure: %+v, want %q", got.FailureInfo, because)
		}
	}
	if got.JobStatus != status || *got.ProcessedRecordsCount != read || *got.FailedRecordsCount != failed {
		t.Errorf("job: %s, %d processed, %d failed; want %s, %d, %d", got.JobStatus, *got.ProcessedRecordsCount, *got.FailedRecordsCount, status, read, failed)
	}
	if hasReport := got.FailureInfo != nil && got.FailureInfo.FailedRecordsS3Url != nil; hasReport != (failed > 0) {
		t.Errorf("report: %t, want one with failed records only", hasReport)
	}
	if report == "" {
		return
	}
	r := must(f.files.Open(t.Context(), object.Name{Account: account, Bucket: "sluice", Key: "reports/" + *got.JobId}, "", 0))
	defer r.Close()
	if text := string(must(io.ReadAll(r))); text != report {
		t.Errorf("report:\n%s\nwant\n%s", text, report)
	}
}

func (c importCase) check(t *testing.T) {
	f := newFixture(t, c.limits)
	f.ended(t, c.run(t, f), c.read, c.failed, c.error, c.report)
	var members []string
	for _, m := range must(f.ListSuppressedDestinations(me(t), &sesv2api.ListSuppressedDestinationsInput{})).SuppressedDestinationSummaries {
		members = append(members, m.EmailAddress+" "+string(m.Reason))
	}
	if !slices.Equal(members, c.members) {
		t.Errorf("members: %q, want %q", members, c.members)
	}
}

func runImports(t *testing.T, cases []importCase) {
	t.Helper()
	t.Parallel()
	for _, c := range cases {
		if c.action == "" {
			c.action = sesv2api.SuppressionListImportActionPut
		}
		if c.format == "" {
			c.format = sesv2api.DataFormatCsv
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, c.check)
		})
	}
}

const old = "old@example.com BOUNCE"

func TestD37_Duplicates(t *testing.T) {
	runImports(t, []importCase{
		{name: "last wins", text: "a@example.com,BOUNCE\na@example.com,COMPLAINT\n", read: 2, members: []string{"a@example.com COMPLAINT", old}},
		{name: "there before", text: "old@example.com,COMPLAINT\n", read: 1, members: []string{"old@example.com COMPLAINT"}},
	})
}

func TestD38_DeleteAbsent(t *testing.T) {
	runImports(t, []importCase{
		{name: "both", action: sesv2api.SuppressionListImportActionDelete, text: "nobody@example.com\nold@example.com\n", read: 2},
		{name: "JSON", action: sesv2api.SuppressionListImportActionDelete, format: "JSON", text: `{"emailAddress":"nobody@example.com"}`, read: 1, members: []string{old}},
	})
}

func TestD23_MissingObjectFails(t *testing.T) {
	runImports(t, []importCase{{name: "missing", error: "s3://imports/nothing does not exist", members: []string{old}}})
}

func TestD30_OwnObjectsOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, limits.None)
		other := object.Name{Account: otherAccount, Bucket: "imports", Key: "nothing"}
		must(f.files.Put(t.Context(), other, "text/csv", strings.NewReader("a@example.com,BOUNCE\n")))
		got := importCase{action: "PUT", format: "CSV"}.run(t, f)
		if got.JobStatus != sesv2api.JobStatusFailed || *got.ProcessedRecordsCount != 0 {
			t.Errorf("import of another account's object: %+v, want FAILED", got)
		}
	})
}

func TestD44_Reasons(t *testing.T) {
	runImports(t, []importCase{
		{
			name: "missing, unknown, in small letters", text: "a@example.com\nb@example.com,\nc@example.com,SPAM\nd@example.com,bounce\ne@example.com, COMPLAINT \n",
			read: 5, failed: 4, members: []string{"e@example.com COMPLAINT", old},
		},
		{name: "names in the first row", text: "emailAddress,reason\na@example.com,BOUNCE\n", read: 1, members: []string{"a@example.com BOUNCE", old}},
		{name: "JSON", format: "JSON", text: `{"emailAddress":"a@example.com","reason":"BOUNCE"}` + "\n" + `{"emailAddress":"b@example.com"}`, read: 2, failed: 1, members: []string{"a@example.com BOUNCE", old}},
		{name: "delete with a reason", action: sesv2api.SuppressionListImportActionDelete, text: "old@example.com,BOUNCE\n", read: 1},
	})
}

func TestD50_TooManyRecords(t *testing.T) {
	three := "a@example.com,BOUNCE\nb@example.com,BOUNCE\nold@example.com,BOUNCE\n"
	runImports(t, []importCase{
		{name: "put", text: three, limits: limits.Profile{PutRecords: 2}, error: "more than 2 records", read: 2, members: []string{"a@example.com BOUNCE", "b@example.com BOUNCE", old}},
		{name: "delete", action: sesv2api.SuppressionListImportActionDelete, text: three, limits: limits.Profile{DeleteRecords: 2}, error: "more than 2 records", read: 2, members: []string{old}},
		{name: "just as many", text: three, limits: limits.Profile{PutRecords: 3}, read: 3, members: []string{"a@example.com BOUNCE", "b@example.com BOUNCE", old}},
	})
}

func TestD51_Report(t *testing.T) {
	runImports(t, []importCase{
		{
			name: "bad rows", text: "a@example.com,BOUNCE\nnot one,BOUNCE\nb@example.com,SPAM\n", read: 3, failed: 2, members: []string{"a@example.com BOUNCE", old},
			report: "emailAddress,reason,code,line,offset,record\n" +
				"not one,the address has no @; write it as name@example.com,no-at-sign,2,21,\"not one,BOUNCE\"\n" +
				"b@example.com,\"the reason is neither BOUNCE nor COMPLAINT, in capitals\",unknown-reason,3,36,\"b@example.com,SPAM\"\n",
		},
	})
}

func TestD52_LongRecord(t *testing.T) {
	long := strings.Repeat("x", 1<<20+1)
	runImports(t, []importCase{
		{name: "more than 1 MiB", text: long + ",BOUNCE\na@example.com,BOUNCE\n", read: 2, failed: 1, members: []string{"a@example.com BOUNCE", old}},
	})
}
