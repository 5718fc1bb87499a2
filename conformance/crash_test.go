package conformance

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// TestKilledInMidImport kills the process with -9 again and again while an import
// runs, and once asks it politely to end; the job must come out as if nothing had
// happened.
func TestKilledInMidImport(t *testing.T) {
	t.Parallel()
	n, bad := 3_000_000, 1000
	if testing.Short() {
		n = 300_000
	}
	data := t.TempDir()
	s := startOn(t, data)
	id := s.importRows(t, "rows.csv", rows(n, bad), types.SuppressionListImportActionPut)
	seen := int32(0)
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGKILL} {
		job := s.job(t, id, func(job *sesv2.GetImportJobOutput) bool {
			processed, _ := counts(job)
			return processed > seen || final(job)
		})
		processed, _ := counts(job)
		t.Logf("%v after %d of %d records", sig, processed, n)
		if err := s.kill(sig); sig == syscall.SIGTERM && err != nil {
			t.Errorf("after SIGTERM the server ended with %v, want exit code 0", err)
		}
		s = startOn(t, data)
		again, _ := counts(s.job(t, id, func(*sesv2.GetImportJobOutput) bool { return true }))
		if again < processed {
			t.Errorf("after %v %d records are counted, before it were %d: counted work was lost", sig, again, processed)
		}
		seen = again
	}
	job := s.job(t, id, final)
	if processed, failed := counts(job); job.JobStatus != types.JobStatusCompleted || int(processed) != n || int(failed) != n/bad {
		t.Fatalf("the job ended %s with %d processed, %d failed; want COMPLETED %d, %d", job.JobStatus, processed, failed, n, n/bad)
	}
	checkReport(t, fetch(t, *job.FailureInfo.FailedRecordsS3Url), n, bad)
	if got, want := s.suppressed(t), n-n/bad; got != want {
		t.Errorf("%d addresses are suppressed, want %d", got, want)
	}
}

// checkReport expects exactly the bad rows, in order, each with its line.
func checkReport(t *testing.T, report string, n, bad int) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(report, "\r\n", "\n")), "\n")[1:]
	if len(lines) != n/bad {
		t.Fatalf("the report has %d rows, want %d", len(lines), n/bad)
	}
	for i, line := range lines {
		row := (i + 1) * bad
		if !strings.HasPrefix(line, fmt.Sprintf("no address %d,", row)) || !strings.Contains(line, fmt.Sprintf(",%d,", row)) {
			t.Fatalf("row %d of the report is %q, want the record of line %d", i+1, line, row)
		}
	}
}

// suppressed counts the suppression list by reading it all.
func (s *server) suppressed(t *testing.T) int {
	t.Helper()
	mail, _ := s.clients()
	total := 0
	in := &sesv2.ListSuppressedDestinationsInput{PageSize: aws.Int32(1000)}
	for {
		page, err := mail.ListSuppressedDestinations(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		total += len(page.SuppressedDestinationSummaries)
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			return total
		}
	}
}

// TestAcknowledgedUploadsSurviveKill puts objects until the process is killed; each
// one that was acknowledged is whole afterwards.
func TestAcknowledgedUploadsSurviveKill(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := startOn(t, data)
	_, files := s.clients()
	makeBucket(t, files)
	acknowledged := make(chan int, 10_000)
	go func() {
		defer close(acknowledged)
		for i := 0; ; i++ {
			if err := putObject(t, files, i); err != nil {
				return
			}
			acknowledged <- i
		}
	}()
	for range 25 {
		<-acknowledged
	}
	s.kill(syscall.SIGKILL)
	total := 25
	for range acknowledged {
		total++
	}
	s = startOn(t, data)
	_, files = s.clients()
	for i := range total {
		checkObject(t, files, i)
	}
	t.Logf("%d acknowledged objects are whole", total)
}
