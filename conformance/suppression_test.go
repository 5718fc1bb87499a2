package conformance

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// clients returns AWS's Go clients for a running server.
func (s *server) clients() (*sesv2.Client, *s3.Client) {
	keys := credentials.NewStaticCredentialsProvider(accessKey, secretKey, "")
	mail := sesv2.Options{BaseEndpoint: &s.URL, Region: region, Credentials: keys, RetryMaxAttempts: 1}
	files := s3.Options{BaseEndpoint: &s.URL, Region: region, Credentials: keys, UsePathStyle: true, RetryMaxAttempts: 1}
	if s.CA != "" {
		mail.HTTPClient, files.HTTPClient = s.http, s.http
	}
	return sesv2.New(mail), s3.New(files)
}

// importRows uploads text and starts a suppression import of it; it returns the job's id.
func (s *server) importRows(t *testing.T, key, text string, action types.SuppressionListImportAction) string {
	t.Helper()
	mail, files := s.clients()
	if _, err := files.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("rows")}); err != nil &&
		!strings.Contains(err.Error(), "BucketAlreadyOwnedByYou") {
		t.Fatal(err)
	}
	if _, err := files.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("rows"), Key: &key, Body: strings.NewReader(text),
	}); err != nil {
		t.Fatal(err)
	}
	return s.startImport(t, mail, "s3://rows/"+key, action)
}

// startImport starts a suppression import of an object; it returns the job's id.
func (s *server) startImport(t *testing.T, mail *sesv2.Client, url string, action types.SuppressionListImportAction) string {
	t.Helper()
	created, err := mail.CreateImportJob(t.Context(), &sesv2.CreateImportJobInput{
		ImportDataSource: &types.ImportDataSource{S3Url: &url, DataFormat: types.DataFormatCsv},
		ImportDestination: &types.ImportDestination{
			SuppressionListDestination: &types.SuppressionListDestination{SuppressionListImportAction: action},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *created.JobId
}

// job waits until done says that the job is as waited for.
func (s *server) job(t *testing.T, id string, done func(*sesv2.GetImportJobOutput) bool) *sesv2.GetImportJobOutput {
	t.Helper()
	mail, _ := s.clients()
	var job *sesv2.GetImportJobOutput
	within(t, 8*time.Minute, "job "+id+" is as expected", func() bool {
		var err error
		if job, err = mail.GetImportJob(t.Context(), &sesv2.GetImportJobInput{JobId: &id}); err != nil {
			t.Fatal(err)
		}
		return done(job)
	})
	return job
}

func final(job *sesv2.GetImportJobOutput) bool {
	return job.JobStatus == types.JobStatusCompleted || job.JobStatus == types.JobStatusFailed
}

func counts(job *sesv2.GetImportJobOutput) (processed, failed int32) {
	return aws.ToInt32(job.ProcessedRecordsCount), aws.ToInt32(job.FailedRecordsCount)
}

func TestGoClient(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.importRows(t, "rows.csv", "ann@example.com,BOUNCE\nnobody,BOUNCE\n", types.SuppressionListImportActionPut)
	job := s.job(t, id, final)
	if processed, failed := counts(job); job.JobStatus != types.JobStatusCompleted || processed != 2 || failed != 1 {
		t.Fatalf("the job ended %s with %d processed, %d failed; want COMPLETED 2, 1", job.JobStatus, processed, failed)
	}
	if got := fetch(t, *job.FailureInfo.FailedRecordsS3Url); strings.Count(got, "\n") != 2 || !strings.Contains(got, "nobody,") {
		t.Errorf("report: %q, want a header and the refused record", got)
	}
	mail, _ := s.clients()
	entry, err := mail.GetSuppressedDestination(t.Context(), &sesv2.GetSuppressedDestinationInput{EmailAddress: aws.String("ann@EXAMPLE.com")})
	if err != nil || entry.SuppressedDestination.Reason != types.SuppressionListReasonBounce {
		t.Errorf("GetSuppressedDestination = %+v, %v; want the imported entry", entry, err)
	}
	list, err := mail.ListImportJobs(t.Context(), &sesv2.ListImportJobsInput{})
	if err != nil || len(list.ImportJobs) != 1 || *list.ImportJobs[0].JobId != id {
		t.Errorf("ListImportJobs = %+v, %v; want the one job", list, err)
	}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET: %s, %v: %s", resp.Status, err, body)
	}
	return string(body)
}

// rows writes n suppression rows; every bad-th of them, counted from 1, is refused.
func rows(n, bad int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		if i%bad == 0 {
			fmt.Fprintf(&b, "no address %d,BOUNCE\n", i)
		} else {
			fmt.Fprintf(&b, "user%d@example.com,COMPLAINT\n", i)
		}
	}
	return b.String()
}
