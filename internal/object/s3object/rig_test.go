package s3object_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/s3object"
)

var keys = credentials.NewStaticCredentialsProvider(foreignKey, foreignSecret, "")

var buckets atomic.Int64

// rig is a bucket that no other test uses, and a client of its own that looks at it from
// outside. Its methods fail the test.
type rig struct {
	testing.TB
	address string
	bucket  string
	client  *s3.Client
}

func newRig(t testing.TB, address string) *rig {
	return &rig{
		TB: t, address: address, bucket: fmt.Sprint("bucket-", buckets.Add(1)),
		client: s3.New(s3.Options{
			BaseEndpoint: &address, UsePathStyle: true, Region: "us-east-1", Credentials: keys,
		}),
	}
}

func (r *rig) check(what string, err error) {
	r.Helper()
	if err != nil {
		r.Fatalf("%s: %v", what, err)
	}
}

// keepVersions makes the bucket, as one that keeps versions.
func (r *rig) keepVersions() {
	r.Helper()
	_, err := r.client.CreateBucket(r.Context(), &s3.CreateBucketInput{Bucket: &r.bucket})
	r.check("CreateBucket", err)
	_, err = r.client.PutBucketVersioning(r.Context(), &s3.PutBucketVersioningInput{
		Bucket:                  &r.bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	r.check("PutBucketVersioning", err)
}

// open opens the bucket, with a prefix.
func (r *rig) open(o s3object.Options) *s3object.Store {
	r.Helper()
	return r.openAt(r.address, o)
}

// openAt opens the bucket by another way than the rig's own, with more pairs of names
// and values in its URL.
func (r *rig) openAt(address string, o s3object.Options, more ...string) *s3object.Store {
	r.Helper()
	if o.Credentials == nil {
		o.Credentials = keys
	}
	if o.Pause == 0 {
		o.Pause = 20 * time.Millisecond
	}
	q := url.Values{"endpoint": {address}, "prefix": {"some/prefix"}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	s, err := s3object.Open(r.Context(), "s3://"+r.bucket+"?"+q.Encode(), o)
	r.check("Open the store", err)
	return s
}

const account = "123456789012"

// name is a name in the work bucket.
func (r *rig) name(key string) object.Name {
	return object.Name{Account: account, Bucket: r.bucket, Key: key}
}

// keys returns the keys of the bucket and of the uploads that are under way.
func (r *rig) keys() (objects, uploads []string) {
	r.Helper()
	list, err := r.client.ListObjectsV2(r.Context(), &s3.ListObjectsV2Input{Bucket: &r.bucket})
	r.check("ListObjectsV2", err)
	for _, o := range list.Contents {
		objects = append(objects, *o.Key)
	}
	pending, err := r.client.ListMultipartUploads(r.Context(), &s3.ListMultipartUploadsInput{Bucket: &r.bucket})
	r.check("ListMultipartUploads", err)
	for _, u := range pending.Uploads {
		uploads = append(uploads, *u.Key)
	}
	return objects, uploads
}

// put puts an object from outside.
func (r *rig) put(bucket, key string, text []byte) {
	r.Helper()
	_, err := r.client.PutObject(r.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(text)})
	r.check("PutObject", err)
}

// makeBucket makes a bucket that is not the work bucket.
func (r *rig) makeBucket() string {
	r.Helper()
	name := fmt.Sprint("source-", buckets.Add(1))
	_, err := r.client.CreateBucket(r.Context(), &s3.CreateBucketInput{Bucket: aws.String(name)})
	r.check("CreateBucket", err)
	return name
}

func read(ctx context.Context, s object.Store, n object.Name, version string, offset int64) ([]byte, error) {
	in, err := s.Open(ctx, n, version, offset)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }() // it was only read from
	return io.ReadAll(in)
}

func ptr(s string) *string { return &s }

// fresh returns an HTTP client that takes a connection for each request.
func fresh(t testing.TB) *http.Client {
	tr := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// refusing answers 403 where the query has a part.
type refusing struct {
	*http.Client
	part string
}

// Do implements s3.HTTPClient.
func (c refusing) Do(r *http.Request) (*http.Response, error) {
	if !strings.Contains(r.URL.RawQuery, c.part) {
		return c.Client.Do(r)
	}
	w := httptest.NewRecorder()
	w.WriteHeader(http.StatusForbidden)
	return w.Result(), nil
}
