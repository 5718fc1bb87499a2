package conformance

import (
	"bytes"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestHangUp: a caller that breaks off a download is 499 in the log, at INFO, and in the
// metrics, and no error of the server.
func TestHangUp(t *testing.T) {
	t.Parallel()
	s := start(t)
	_, files := s.clients()
	bucket, key := aws.String("rows"), aws.String("large")
	if _, err := files.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	if _, err := files.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: key, Body: bytes.NewReader(make([]byte, 64<<20))}); err != nil {
		t.Fatal(err)
	}
	link, err := s3.NewPresignClient(files).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(link.URL)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", to.Host)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Write(conn); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	within(t, time.Minute, "the log has the download", func() bool { return strings.Contains(s.log.String(), "status=499") })
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, "status=499") && (!strings.Contains(line, "level=INFO") || strings.Contains(line, "error=")) ||
			strings.Contains(line, "level=ERROR") || strings.Contains(line, "level=WARN") {
			t.Errorf("log after a caller hung up: %s", line)
		}
	}
	if _, metrics := s.get(t, "/metrics"); !strings.Contains(metrics, `sluice_requests_total{code="499",operation="GetObject",service="s3"} 1`) {
		t.Error("/metrics does not count the download as 499")
	}
}
