package conformance

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// stalledUpload begins an upload by a link, sends a little of it and stops. The
// connection is closed at the end of the test.
func stalledUpload(t *testing.T, link string) net.Conn {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 1000000\r\n\r\n%s", u.RequestURI(), u.Host, strings.Repeat("x", 1000)); err != nil {
		t.Logf("a stalled upload was refused: %v", err)
	}
	return conn
}

// uploadLink returns a pre-signed link for PUT into a bucket that it makes.
func (s *server) uploadLink(t *testing.T, key string) string {
	t.Helper()
	_, files := s.clients()
	if _, err := files.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("rows")}); err != nil &&
		!strings.Contains(err.Error(), "BucketAlreadyOwnedByYou") {
		t.Fatal(err)
	}
	link, err := s3.NewPresignClient(files).PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("rows"), Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	return link.URL
}

func (s *server) openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// TestStalledUploads: 900 uploads that stand, by one link and by many, take little memory
// and few files, and callers who do nothing of the kind are served.
func TestStalledUploads(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		links int
	}{{"by one link", 1}, {"by many links", 450}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const uploads, memory, files = 900, 150 << 20, 1024 + 256 + 100 // connections, uploads, and those of the store
			s := start(t)
			var links []string
			for i := range c.links {
				links = append(links, s.uploadLink(t, fmt.Sprint("k", i)))
			}
			for i := range uploads {
				stalledUpload(t, links[i%len(links)])
			}
			// Another caller is served, though not with more uploads than the account may have.
			if _, err := s.openUpload(t, "other"); err != nil && !strings.Contains(err.Error(), "SlowDown") {
				t.Errorf("another upload beside them: %v, want it served or told to slow down", err)
			}
			s.client(t, t.TempDir(), binary, "jobs")
			if status, text := s.get(t, "/readyz"); status != http.StatusOK {
				t.Errorf("/readyz: %d %s, want 200", status, text)
			}
			peak, open := s.peakMemory(t), s.openFiles(t)
			t.Logf("%d stalled uploads %s: peak memory %d MiB, %d open files", uploads, c.name, peak>>20, open)
			if peak >= memory || open >= files {
				t.Errorf("peak memory %d MiB and %d open files, want less than %d and %d", peak>>20, open, memory>>20, files)
			}
		})
	}
}

// openUpload uploads a small object with the key.
func (s *server) openUpload(t *testing.T, key string) (time.Duration, error) {
	t.Helper()
	_, files := s.clients()
	began := time.Now()
	_, err := files.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("rows"), Key: &key, Body: io.NewSectionReader(strings.NewReader("x"), 0, 1)})
	return time.Since(began), err
}
