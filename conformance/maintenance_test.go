package conformance

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// retained is a server with jobs that have ended, and where its files are: in its own
// bucket and in one of a caller.
type retained struct {
	*server
	files       *s3.Client
	own, prefix string // the server's bucket and what keys of the account begin with there
	flags       []string
}

const (
	usedUpload   = "imports/0b2ad4d6-8d6c-4d5c-9a55-0a5e7f1f6c01/list.csv"
	unusedUpload = "imports/0b2ad4d6-8d6c-4d5c-9a55-0a5e7f1f6c02/list.csv"
)

// TestMaintenance lets each retention pass, with the files in the server's own S3 and in
// another one. What the setting says is removed, and nothing else; of what is in a caller's
// bucket nothing is.
func TestMaintenance(t *testing.T) {
	t.Parallel()
	all := []string{usedUpload, unusedUpload, "large (multipart)", "list.csv", "other.csv", "report", "report", "report", "report"} // sorted
	for _, c := range []struct {
		flag  string
		gone  []string // of the server's own bucket
		jobs  int      // that are left
		parts bool     // multipart uploads are aborted
	}{
		{"--keep-files", []string{"list.csv", usedUpload, "report"}, 4, false},
		{"--keep-uploads", []string{"large (multipart)", unusedUpload}, 4, true},
		{"--keep-jobs", []string{usedUpload, "report"}, 0, false},
	} {
		for _, where := range []string{"own S3", "another S3"} {
			t.Run(c.flag+" "+where, func(t *testing.T) {
				t.Parallel()
				r := retain(t, where == "own S3")
				left := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(c.gone, name) })
				theirs := slices.DeleteFunc(slices.Clone(all[:5]), func(name string) bool {
					return c.parts && where == "own S3" && strings.Contains(name, "multipart") // it has no life cycle rules
				})
				flags := append([]string{c.flag, "1s"}, r.flags...)
				for _, other := range []string{"--keep-files", "--keep-uploads", "--keep-jobs"} {
					if other != c.flag {
						flags = append(flags, other, "0")
					}
				}
				r.server = startOn(t, r.Data, flags...)
				var got string
				want := fmt.Sprintf("own %q, theirs %q, %d jobs", left, theirs, c.jobs)
				matches := func() bool {
					got = fmt.Sprintf("own %q, theirs %q, %d jobs", r.list(t, r.own, r.prefix), r.list(t, "theirs", ""), r.jobs(t))
					return got == want
				}
				defer func() {
					if t.Failed() {
						t.Logf("the last time:\n got %s\nwant %s", got, want)
					}
				}()
				within(t, time.Minute, "that is left which the setting keeps", matches)
				runs := r.runs(t)
				within(t, time.Minute, "three more rounds are done", func() bool {
					if !matches() {
						t.Fatal("a later round has removed more")
					}
					return r.runs(t) >= runs+3
				})
				if _, metrics := r.get(t, "/metrics"); !strings.Contains(metrics, `sluice_maintenance_errors_total{duty="jobs"} 0`) {
					t.Error("metrics count errors of the duty jobs, or do not have it")
				}
			})
		}
	}
}

// retain starts a server that keeps everything, fills it, and stops it.
func retain(t *testing.T, embedded bool) *retained {
	t.Helper()
	keep := []string{"--keep-files", "0", "--keep-uploads", "0", "--keep-jobs", "0"}
	r := &retained{own: "sluice"}
	if embedded {
		r.server = start(t, keep...)
		_, r.files = r.clients()
		r.bucket(t, r.own)
	} else {
		other := start(t, keep...)
		_, r.files = other.clients()
		r.own, r.prefix = "work", "000000000000/"
		r.bucket(t, r.own)
		r.flags = []string{"--objects", "s3://work?endpoint=" + other.URL + "&path-style=true&region=" + region}
		r.server = start(t, append(keep, r.flags...)...)
	}
	r.bucket(t, "theirs")
	mail, _ := r.clients()
	for bucket, prefix := range map[string]string{r.own: r.prefix, "theirs": ""} {
		for _, key := range []string{"list.csv", "other.csv", usedUpload, unusedUpload} {
			if _, err := r.files.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: &bucket, Key: aws.String(prefix + key), Body: strings.NewReader("ann@example.com,BOUNCE\nnobody,BOUNCE\n"),
			}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := r.files.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: aws.String(prefix + "large")}); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"list.csv", usedUpload} {
			id := r.startImport(t, mail, "s3://"+bucket+"/"+key, types.SuppressionListImportActionPut)
			if job := r.job(t, id, final); job.JobStatus != types.JobStatusCompleted {
				t.Fatalf("the import of %s/%s ended %s: %+v", bucket, key, job.JobStatus, job.FailureInfo)
			}
		}
	}
	if err := r.kill(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if embedded {
		r.files = nil // of a port that is closed
	}
	return r
}

func (r *retained) bucket(t *testing.T, name string) {
	t.Helper()
	if _, err := r.files.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
}

// list returns the objects and multipart uploads of a bucket; all reports are "report".
func (r *retained) list(t *testing.T, bucket, prefix string) (names []string) {
	t.Helper()
	files := r.files
	if files == nil {
		_, files = r.clients()
	}
	uploads, err := files.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range uploads.Uploads {
		names = append(names, strings.TrimPrefix(*u.Key, prefix)+" (multipart)")
	}
	objects, err := files.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects.Contents {
		name := strings.TrimPrefix(*o.Key, prefix)
		if strings.HasPrefix(name, "reports/") {
			name = "report"
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (r *retained) jobs(t *testing.T) int {
	t.Helper()
	mail, _ := r.clients()
	out, err := mail.ListImportJobs(t.Context(), &sesv2.ListImportJobsInput{})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.ImportJobs)
}

var runsOfJobs = regexp.MustCompile(`(?m)^sluice_maintenance_runs_total\{duty="jobs"\} (\d+)$`)

// runs returns how many rounds maintenance has done.
func (r *retained) runs(t *testing.T) int {
	t.Helper()
	_, metrics := r.get(t, "/metrics")
	m := runsOfJobs.FindStringSubmatch(metrics)
	if m == nil {
		t.Fatal("/metrics does not count rounds of maintenance")
	}
	n, _ := strconv.Atoi(m[1])
	return n
}
