package conformance

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// What the hostile callers do.
const (
	stalledUploads  = "stalled uploads"
	slowHeaders     = "slow headers"
	largeBodies     = "1 MiB without the secret"
	smallBodies     = "16 KiB without the secret"
	longRejections  = "jobs of long rejections"
	unreadable      = "unreadable sources"
	hangUps         = "hang-ups"
	idleConnections = "idle connections"
	fullDisk        = "uploads that a full disk refused"
	removedReports  = "reports removed"
)

var hostile = []string{stalledUploads, slowHeaders, largeBodies, smallBodies, longRejections, unreadable, hangUps, idleConnections, fullDisk, removedReports}

// attack starts all hostile callers, until ctx is done.
func (r *soak) attack(ctx context.Context, callers *sync.WaitGroup) {
	r.breakSources()
	r.long = zipped(r.T, longRows(30))
	u, err := url.Parse(r.link)
	if err != nil {
		r.Fatal(err)
	}
	upload := fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 1000000\r\n\r\n%s", u.RequestURI(), u.Host, strings.Repeat("x", 1000))
	large, small := r.wrongSecret(r.T, 1<<20), r.wrongSecret(r.T, 16<<10)
	for _, a := range []struct {
		name    string
		callers int
		once    func(ctx context.Context)
	}{
		{stalledUploads, 100, func(ctx context.Context) { r.hold(ctx, upload, 5*time.Second) }},
		{slowHeaders, 900, func(ctx context.Context) { r.drip(ctx, "GET /livez HTTP/1.1\r\nX-Slow: ") }},
		{idleConnections, 300, func(ctx context.Context) { r.hold(ctx, "", 20*time.Second) }},
		{largeBodies, 60, func(ctx context.Context) { r.hold(ctx, large+strings.Repeat(" ", 1<<20-1), 20*time.Second) }},
		{smallBodies, 60, func(ctx context.Context) { r.hold(ctx, small+strings.Repeat(" ", 16<<10-1), 20*time.Second) }},
		{hangUps, 4, r.hangUp},
		{longRejections, 2, r.rejectLong},
	} {
		for range a.callers {
			callers.Go(func() {
				for ctx.Err() == nil {
					a.once(ctx)
					r.counts[a.name].Add(1)
					wait(ctx, 100*time.Millisecond)
				}
			})
		}
	}
}

// hold sends a text and then nothing more, until the server answers or closes, or the
// time is over.
func (r *soak) hold(ctx context.Context, text string, d time.Duration) {
	conn := r.dial(ctx, d)
	if conn == nil {
		return
	}
	defer conn.Close()
	go func() { _, _ = io.WriteString(conn, text) }()
	if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
		res.Body.Close()
	}
}

// drip sends a text and then a byte now and then.
func (r *soak) drip(ctx context.Context, text string) {
	conn := r.dial(ctx, time.Minute)
	if conn == nil {
		return
	}
	defer conn.Close()
	_, err := io.WriteString(conn, text)
	for err == nil && wait(ctx, time.Second) {
		_, err = io.WriteString(conn, "x")
	}
}

// dial connects until ctx is done, for the given time at most.
func (r *soak) dial(ctx context.Context, d time.Duration) net.Conn {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", strings.TrimPrefix(r.URL, "http://"))
	if err != nil {
		return nil
	}
	end, _ := ctx.Deadline()
	if until := time.Now().Add(d); until.Before(end) {
		end = until
	}
	_ = conn.SetDeadline(end)
	return conn
}

// hangUp asks for something and goes away.
func (r *soak) hangUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Millisecond)
	defer cancel()
	_, _ = r.mail.ListSuppressedDestinations(ctx, &sesv2.ListSuppressedDestinationsInput{PageSize: aws.Int32(1000)})
}

// rejectLong imports a file whose records are long and are refused, and removes what is
// left of it on the disk.
func (r *soak) rejectLong(ctx context.Context) {
	const key = "long.csv.gz"
	if _, err := r.files.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("rows"), Key: aws.String(key), Body: strings.NewReader(r.long)}); err != nil {
		if strings.Contains(err.Error(), "InsufficientStorage") {
			r.counts[fullDisk].Add(1)
		}
		return
	}
	out, err := r.mail.CreateImportJob(ctx, suppressionOf(key))
	if err != nil {
		return
	}
	for wait(ctx, 200*time.Millisecond) {
		job, err := r.mail.GetImportJob(ctx, &sesv2.GetImportJobInput{JobId: out.JobId})
		if err == nil && final(job) {
			r.removeReport(ctx, job)
			return
		}
	}
}

// removeReport removes the report of a job, which its link names.
func (r *soak) removeReport(ctx context.Context, job *sesv2.GetImportJobOutput) {
	if job.FailureInfo == nil || job.FailureInfo.FailedRecordsS3Url == nil {
		return
	}
	u, err := url.Parse(*job.FailureInfo.FailedRecordsS3Url)
	if err != nil {
		r.Errorf("link of a report: %v", err)
		return
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if _, err := r.files.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}); err == nil {
		r.counts[removedReports].Add(1)
	}
}

func suppressionOf(key string) *sesv2.CreateImportJobInput {
	return &sesv2.CreateImportJobInput{
		ImportDataSource:  &types.ImportDataSource{S3Url: aws.String("s3://rows/" + key), DataFormat: types.DataFormatCsv},
		ImportDestination: &types.ImportDestination{SuppressionListDestination: &types.SuppressionListDestination{SuppressionListImportAction: types.SuppressionListImportActionPut}},
	}
}

// breakSources starts a dozen jobs whose files are gone from below the server.
func (r *soak) breakSources() {
	blobs := filepath.Join(r.Data, "objects", "blobs")
	before := r.blobs(blobs)
	var keys []string
	for i := range 12 {
		key := fmt.Sprintf("broken%d.csv", i)
		if _, err := r.files.PutObject(r.Context(), &s3.PutObjectInput{Bucket: aws.String("rows"), Key: &key, Body: strings.NewReader(rows(60_000, 1000))}); err != nil {
			r.Fatal(err)
		}
		keys = append(keys, key)
	}
	for path, size := range r.blobs(blobs) {
		if _, old := before[path]; !old && size > 1<<20 {
			if err := os.Remove(path); err != nil {
				r.Fatal(err)
			}
		}
	}
	for _, key := range keys {
		if _, err := r.mail.CreateImportJob(r.Context(), suppressionOf(key)); err != nil {
			r.Fatal(err)
		}
		r.counts[unreadable].Add(1)
	}
}

// blobs returns the sizes of the files below a directory.
func (r *soak) blobs(dir string) map[string]int64 {
	sizes := map[string]int64{}
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			sizes[path] = info.Size()
		}
		return nil // a file that has gone meanwhile
	})
	if err != nil {
		r.Fatal(err)
	}
	return sizes
}
