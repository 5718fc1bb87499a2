package conformance

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// longRows writes n quoted rows of almost 1 MiB, the longest that is read, which are no
// addresses.
func longRows(n int) string {
	var b strings.Builder
	for i := range n {
		head := fmt.Sprintf("\"%03d", i)
		b.WriteString(head + strings.Repeat("q", 1<<20-len(head)-10) + "\"\n")
	}
	return b.String()
}

// TestLongRejections: four jobs whose records are refused, 300 each of 1 MiB, take no more
// memory than others, and their reports have each record whole.
func TestLongRejections(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("1.2 GB of reports")
	}
	const jobs, records, bound = 4, 300, 300 << 20
	s := start(t)
	source := zipped(t, longRows(records))
	var ids []string
	for i := range jobs {
		ids = append(ids, s.importRows(t, fmt.Sprintf("long%d.csv.gz", i), source, types.SuppressionListImportActionPut))
	}
	for _, id := range ids {
		job := s.job(t, id, final)
		if processed, failed := counts(job); job.JobStatus != types.JobStatusCompleted || processed != records || failed != records {
			t.Errorf("the job ended %s with %d processed, %d failed; want COMPLETED, %d, %d", job.JobStatus, processed, failed, records, records)
		}
		if job.FailureInfo != nil && job.FailureInfo.FailedRecordsS3Url != nil {
			checkLongReport(t, *job.FailureInfo.FailedRecordsS3Url, records)
		} else {
			t.Error("the job has no report")
		}
	}
	peak := s.peakMemory(t)
	t.Logf("%d jobs of %d rejections of 1 MiB, %d bytes each: peak memory %d MiB", jobs, records, len(source), peak>>20)
	if peak >= bound {
		t.Errorf("peak memory: %d MiB, want less than %d", peak>>20, bound>>20)
	}
}

func checkLongReport(t *testing.T, url string, records int) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	in := csv.NewReader(resp.Body)
	in.ReuseRecord = true
	if _, err := in.Read(); err != nil {
		t.Fatalf("read report: %v", err)
	}
	for i := range records {
		row, err := in.Read()
		if err != nil {
			t.Fatalf("read report: row %d: %v", i, err)
		}
		want := fmt.Sprintf("\"%03d", i)
		if got := row[5]; !strings.HasPrefix(got, want) || len(got) != 1<<20-9 || strings.Trim(got[len(want):], "q") != `"` {
			t.Fatalf("row %d has a record of %d bytes that begins with %.10q, want all of its %d bytes", i, len(got), got, 1<<20-9)
		}
	}
	if _, err := in.Read(); !errors.Is(err, io.EOF) {
		t.Errorf("the report has more than %d rows: %v", records, err)
	}
}

// TestBoundsOfAJob: a job with too many rejections, or whose source unpacks to too much,
// fails with a sentence; what it imported before stays and is counted.
func TestBoundsOfAJob(t *testing.T) {
	t.Parallel()
	s := start(t, "--max-rejections", "1000")
	good := rows(5000, 1<<30)
	blank := zipped(t, strings.Repeat("\n", 100<<20))
	for name, c := range map[string]struct {
		text   string
		failed int32
		says   string
	}{
		"rejections": {zipped(t, good+strings.Repeat("x\n", 3_000_000)), 1001, "more than 1000 records were rejected"},
		"unpacks":    {zipped(t, good) + strings.Repeat(blank, 20), 0, "the source unpacks to more than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := s.importRows(t, name, c.text, types.SuppressionListImportActionPut)
			job := s.job(t, id, final)
			processed, failed := counts(job)
			if job.JobStatus != types.JobStatusFailed || processed != 5000+c.failed || failed != c.failed {
				t.Errorf("the job ended %s with %d processed, %d failed; want FAILED %d, %d", job.JobStatus, processed, failed, 5000+c.failed, c.failed)
			}
			if out := s.sluice(t, "job", id); !strings.Contains(out, c.says) {
				t.Errorf("sluice job: %q, want %q in it", out, c.says)
			}
			if n := s.suppressed(t); n != 5000 {
				t.Errorf("%d addresses on the list, want 5000", n)
			}
		})
	}
}

// TestLongMembers: four jobs whose records are all imported, and long, stay within the
// memory of a small machine.
func TestLongMembers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("imports of 800 MB")
	}
	const jobs, records, bound = 4, 3000, 400 << 20
	s := start(t)
	mail, files := s.clients()
	var text strings.Builder
	text.WriteString("emailAddress,attributesData\n")
	for i := range records {
		fmt.Fprintf(&text, "c%d@example.com,%s\n", i, strings.Repeat(fmt.Sprint(i%10), 65_000))
	}
	source := zipped(t, text.String())
	if _, err := mail.CreateContactList(t.Context(), &sesv2.CreateContactListInput{ContactListName: aws.String("long")}); err != nil {
		t.Fatal(err)
	}
	if _, err := files.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("rows")}); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i := range jobs {
		key := fmt.Sprint("contacts", i)
		if _, err := files.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("rows"), Key: &key, Body: strings.NewReader(source)}); err != nil {
			t.Fatal(err)
		}
		out, err := mail.CreateImportJob(t.Context(), &sesv2.CreateImportJobInput{
			ImportDataSource: &types.ImportDataSource{S3Url: aws.String("s3://rows/" + key), DataFormat: types.DataFormatCsv},
			ImportDestination: &types.ImportDestination{ContactListDestination: &types.ContactListDestination{
				ContactListName: aws.String("long"), ContactListImportAction: types.ContactListImportActionPut,
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, *out.JobId)
	}
	for _, id := range ids {
		job := s.job(t, id, final)
		if processed, failed := counts(job); job.JobStatus != types.JobStatusCompleted || processed != records || failed != 0 {
			t.Errorf("the job ended %s with %d processed, %d failed; want COMPLETED, %d, 0", job.JobStatus, processed, failed, records)
		}
	}
	peak := s.peakMemory(t)
	t.Logf("%d jobs of %d members of 65 kB: peak memory %d MiB", jobs, records, peak>>20)
	if peak >= bound {
		t.Errorf("peak memory: %d MiB, want less than %d", peak>>20, bound>>20)
	}
}
