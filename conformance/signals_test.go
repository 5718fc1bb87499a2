package conformance

import (
	"errors"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// hangingUpload begins an upload by a link that does not go on: a graceful stop waits
// for it. It returns when the server has read of it.
func (s *server) hangingUpload(t *testing.T) {
	t.Helper()
	_, files := s.clients()
	if _, err := files.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("rows")}); err != nil {
		t.Fatal(err)
	}
	link, err := s3.NewPresignClient(files).PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("rows"), Key: aws.String("hangs")})
	if err != nil {
		t.Fatal(err)
	}
	body, send := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, link.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = 1 << 20
	t.Cleanup(func() { send.Close() })
	go func() {
		if res, err := http.DefaultClient.Do(r); err == nil {
			res.Body.Close()
		}
	}()
	if _, err := send.Write(make([]byte, 1<<10)); err != nil {
		t.Fatal(err)
	}
	within(t, time.Minute, "the upload has begun", func() bool {
		_, metrics := s.get(t, "/metrics")
		return strings.Contains(metrics, "sluice_requests_in_flight 2") // it, and this
	})
}

// TestTwoSignalsEndTheServer: while the server stops and waits, a second signal ends it
// at once, in the middle of an import too, and the next start finishes it with exact
// counts.
func TestTwoSignalsEndTheServer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		code   int
	}{{"SIGTERM", syscall.SIGTERM, 143}, {"SIGINT", syscall.SIGINT, 130}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const n, bad = 1_000_000, 1000
			s := startOn(t, t.TempDir(), "--shutdown-timeout", "10m")
			s.hangingUpload(t)
			id := s.importRows(t, "rows.csv", rows(n, bad), types.SuppressionListImportActionPut)
			s.job(t, id, func(j *sesv2.GetImportJobOutput) bool { done, _ := counts(j); return done > 0 || final(j) })
			if err := s.cmd.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			within(t, time.Minute, "the server stops", func() bool { return strings.Contains(s.log.String(), "msg=stopping") })
			err := s.kill(c.signal)
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != c.code {
				t.Errorf("after two signals the server ended with %v, want exit code %d", err, c.code)
			}
			s = startOn(t, s.Data)
			job := s.job(t, id, final)
			if processed, failed := counts(job); job.JobStatus != types.JobStatusCompleted || int(processed) != n || int(failed) != n/bad {
				t.Errorf("the job ended %s with %d processed, %d failed; want COMPLETED %d, %d", job.JobStatus, processed, failed, n, n/bad)
			}
		})
	}
}

// TestWhatHangsIsLeftBehind: an upload that does not go on does not keep the server from
// ending after its time to stop.
func TestWhatHangsIsLeftBehind(t *testing.T) {
	t.Parallel()
	s := startOn(t, t.TempDir(), "--shutdown-timeout", "100ms")
	s.hangingUpload(t)
	if err := s.kill(syscall.SIGTERM); err != nil {
		t.Errorf("the server ended with %v, want exit code 0: cutting off a request is no failure", err)
	}
	if !strings.Contains(s.log.String(), "requests cut off") {
		t.Error("the log does not say that requests were cut off")
	}
}
