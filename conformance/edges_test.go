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
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
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

// TestLogNamesNoKeys: the key of a source, which may be an address, is in no line of the
// log, neither when its job goes well nor when it fails; lines have what an audit needs.
func TestLogNamesNoKeys(t *testing.T) {
	t.Parallel()
	s := start(t, "--log-level", "debug", "--log-format", "json")
	mail, files := s.clients()
	bucket := aws.String("rows")
	if _, err := files.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	for key, text := range map[string]string{
		"of jane@example.com/good.csv": "a@example.com,BOUNCE\n", "of jane@example.com/bad.csv": "\x00\x01\x02", "of jane@example.com/none.csv": "",
	} {
		if text != "" {
			if _, err := files.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: &key, Body: strings.NewReader(text)}); err != nil {
				t.Fatal(err)
			}
		}
		made, err := mail.CreateImportJob(t.Context(), &sesv2.CreateImportJobInput{
			ImportDataSource:  &types.ImportDataSource{S3Url: aws.String("s3://rows/" + key), DataFormat: types.DataFormatCsv},
			ImportDestination: &types.ImportDestination{SuppressionListDestination: &types.SuppressionListDestination{SuppressionListImportAction: types.SuppressionListImportActionPut}},
		})
		if err == nil {
			s.job(t, *made.JobId, final)
		}
	}
	log := s.log.String()
	for _, text := range []string{"jane", "good.csv", "bad.csv", "none.csv"} {
		if strings.Contains(log, text) {
			t.Errorf("the log holds %q of a key", text)
		}
	}
	for _, want := range []string{`"msg":"job completed"`, `"duration_seconds":`, `"key":"` + accessKey + `"`, `"remote":"127.0.0.1"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	if strings.Contains(log, `"duration":`) {
		t.Error("the log has a duration without its unit")
	}
}
