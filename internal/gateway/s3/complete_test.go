package s3

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/sluicehq/sluice/internal/object/diskobject"
)

// TestCompleteAgain: a client whose answer was lost repeats the call and gets it.
func TestCompleteAgain(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	m := e.multipart(t, checksumAlgorithm, "SHA256")
	m.put(t, diskobject.SHA256)
	good := m.document(element(diskobject.SHA256))
	res, want := m.complete(t, good, "If-None-Match", "*")
	if res.StatusCode != http.StatusOK {
		t.Fatalf("Complete: %s %s", res.Status, want)
	}
	for range 2 {
		if res, reply := m.complete(t, good, "If-None-Match", "*"); res.StatusCode != http.StatusOK || reply != want {
			t.Errorf("Complete again: %s %s, want 200 %s", res.Status, reply, want)
		}
	}
	for _, c := range []struct {
		what, document string
		headers        []string
		status         int
		code           string
	}{
		{"other parts", strings.Replace(good, m.tags[0], m.tags[1], 1), nil, 404, "NoSuchUpload"},
		{"no checksums", m.document(nil), nil, 404, "NoSuchUpload"},
		{"another size", good, []string{objectSize, "3"}, 400, "InvalidRequest"},
		{"another checksum", good, []string{"X-Amz-Checksum-Sha256", sumOf(diskobject.SHA256, "x")}, 400, "BadDigest"},
		{"another type", good, []string{checksumKind, "FULL_OBJECT"}, 400, "InvalidRequest"},
	} {
		res, reply := m.complete(t, c.document, c.headers...)
		wantError(t, "Complete again with "+c.what, res, reply, c.status, c.code)
	}
	res, reply := e.raw(t, http.MethodDelete, m.target, "")
	wantError(t, "abort of a completed upload", res, reply, http.StatusNotFound, "NoSuchUpload")
}

func TestCompleteConcurrently(t *testing.T) {
	both(t, func(t *testing.T, _ *endpoint, c *sdk.Client) {
		u, err := c.CreateMultipartUpload(t.Context(), &sdk.CreateMultipartUploadInput{Bucket: aws.String("uploads"), Key: aws.String("k")})
		if err != nil {
			t.Fatalf("CreateMultipartUpload: %v", err)
		}
		p, err := c.UploadPart(t.Context(), &sdk.UploadPartInput{
			Bucket: u.Bucket, Key: u.Key, UploadId: u.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("text"),
		})
		if err != nil {
			t.Fatalf("UploadPart: %v", err)
		}
		in := &sdk.CompleteMultipartUploadInput{
			Bucket: u.Bucket, Key: u.Key, UploadId: u.UploadId, MpuObjectSize: aws.Int64(4),
			MultipartUpload: &types.CompletedMultipartUpload{
				Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: p.ETag, ChecksumCRC32: p.ChecksumCRC32}},
			},
		}
		var all sync.WaitGroup
		tags := make([]string, 8)
		for i := range tags {
			all.Go(func() {
				out, err := c.CompleteMultipartUpload(t.Context(), in)
				if err != nil {
					t.Errorf("CompleteMultipartUpload %d: %v", i, err)
					return
				}
				tags[i] = aws.ToString(out.ETag)
			})
		}
		all.Wait()
		for i, tag := range tags {
			if tag != tags[0] || tag == "" {
				t.Errorf("CompleteMultipartUpload %d has ETag %q, another has %q", i, tag, tags[0])
			}
		}
		wantText(t, c, "k", "text")
	})
}
