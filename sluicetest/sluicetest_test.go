package sluicetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"go.uber.org/goleak"
)

// TestMain also says that no server leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// client returns a client whose connections end with the test.
func client(t *testing.T, s *Server, change ...func(*sesv2.Options)) *sesv2.Client {
	t.Helper()
	return sesv2.NewFromConfig(config(t, s), change...)
}

func config(t *testing.T, s *Server) aws.Config {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return aws.Config{
		BaseEndpoint: aws.String(s.URL), Region: s.Region, HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider(s.AccessKeyID, s.SecretAccessKey, ""),
	}
}

// TestManyAtATime runs dozens of servers at once, which do not see each other's things.
func TestManyAtATime(t *testing.T) {
	t.Parallel()
	var asked sync.WaitGroup
	for i := range 40 {
		ses := client(t, Start(t))
		asked.Go(func() {
			if err := keepsOne(t.Context(), ses, fmt.Sprintf("ann%d@example.com", i)); err != nil {
				t.Errorf("server %d: %v", i, err)
			}
		})
	}
	asked.Wait()
}

// keepsOne puts an address on the suppression list, and fails unless it is there alone.
func keepsOne(ctx context.Context, ses *sesv2.Client, address string) error {
	if _, err := ses.PutSuppressedDestination(ctx, &sesv2.PutSuppressedDestinationInput{
		EmailAddress: &address, Reason: types.SuppressionListReasonBounce,
	}); err != nil {
		return err
	}
	page, err := ses.ListSuppressedDestinations(ctx, &sesv2.ListSuppressedDestinationsInput{})
	if err != nil {
		return err
	}
	if got := page.SuppressedDestinationSummaries; len(got) != 1 || *got[0].EmailAddress != address {
		return fmt.Errorf("the list has %d addresses, want %s alone", len(got), address)
	}
	return nil
}

func TestImportFromS3(t *testing.T) {
	t.Parallel()
	srv := Start(t)
	ctx, ses := t.Context(), client(t, srv)
	files := s3.NewFromConfig(config(t, srv), func(o *s3.Options) { o.UsePathStyle = true })
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, "user%d@example.com,BOUNCE\n", i)
	}
	text.WriteString("nobody,BOUNCE\n")
	if _, err := files.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("files")}); err != nil {
		t.Fatalf("create bucket: %v", err)
	}
	if _, err := files.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String("files"), Key: aws.String("bounces.csv"), Body: strings.NewReader(text.String()),
	}); err != nil {
		t.Fatalf("put object: %v", err)
	}
	job, err := ses.CreateImportJob(ctx, &sesv2.CreateImportJobInput{
		ImportDataSource: &types.ImportDataSource{DataFormat: types.DataFormatCsv, S3Url: aws.String("s3://files/bounces.csv")},
		ImportDestination: &types.ImportDestination{SuppressionListDestination: &types.SuppressionListDestination{
			SuppressionListImportAction: types.SuppressionListImportActionPut,
		}},
	})
	if err != nil {
		t.Fatalf("create import job: %v", err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		j, err := ses.GetImportJob(ctx, &sesv2.GetImportJobInput{JobId: job.JobId})
		if err != nil {
			t.Fatalf("get import job: %v", err)
		}
		if j.CompletedTimestamp == nil {
			continue
		}
		if j.JobStatus != types.JobStatusCompleted || *j.ProcessedRecordsCount != 1001 || *j.FailedRecordsCount != 1 {
			t.Errorf("the job is %s with %d records, %d failed; want COMPLETED, 1001, 1", j.JobStatus, *j.ProcessedRecordsCount, *j.FailedRecordsCount)
		}
		return
	}
}

func TestAWSLimits(t *testing.T) {
	t.Parallel()
	once := func(o *sesv2.Options) { o.RetryMaxAttempts = 1 }
	ses := client(t, Start(t, AWSLimits), once)
	var refused atomic.Int64
	var all sync.WaitGroup
	for range 50 { // of which 5 are saved up; the rest would take 45 seconds
		all.Go(func() {
			var throttled *types.TooManyRequestsException
			if _, err := ses.GetAccount(t.Context(), &sesv2.GetAccountInput{}); errors.As(err, &throttled) {
				refused.Add(1)
			} else if err != nil {
				t.Errorf("GetAccount: %v", err)
			}
		})
	}
	all.Wait()
	if refused.Load() == 0 {
		t.Error("50 calls at once went through, want a TooManyRequestsException")
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	var said strings.Builder
	s, err := NewServer(Log(&said))
	if err != nil {
		t.Fatal(err)
	}
	ses := client(t, s, func(o *sesv2.Options) { o.RetryMaxAttempts = 1 })
	if _, err := ses.GetAccount(t.Context(), &sesv2.GetAccountInput{}); err != nil {
		t.Errorf("GetAccount: %v", err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if !strings.Contains(said.String(), "operation=GetAccount") {
		t.Errorf("log: %q, want a line for the call", &said)
	}
	_, err = ses.GetAccount(t.Context(), &sesv2.GetAccountInput{}) // of nobody, or of another server that has the port now
	if n := strings.Count(said.String(), "operation=GetAccount"); n != 1 {
		t.Errorf("after Close the server answered %d calls, want the one before it (%v)", n, err)
	}
}

// TestEndsInTheMiddle: a server that is closed while someone is connected does not wait
// for it.
func TestEndsInTheMiddle(t *testing.T) {
	t.Parallel()
	s, err := NewServer()
	if err != nil {
		t.Fatal(err)
	}
	c, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: half"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if took := time.Since(began); took > 9*time.Second { // a request without an end is cut after 10 s anyway
		t.Errorf("Close took %s, want about %s", took, grace)
	}
}

// BenchmarkStart is a whole life of a server: started, asked once, closed.
func BenchmarkStart(b *testing.B) {
	b.ReportAllocs()
	var start time.Duration
	for b.Loop() {
		began := time.Now()
		s, err := NewServer()
		if err != nil {
			b.Fatal(err)
		}
		res, err := http.Get(s.URL + "/healthz")
		if err != nil {
			b.Fatal(err)
		}
		res.Body.Close()
		start += time.Since(began)
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(start.Microseconds())/1000/float64(b.N), "ms/ready")
}
