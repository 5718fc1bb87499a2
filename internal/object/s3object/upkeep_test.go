package s3object_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object/s3object"
)

// TestUpkeepOfTheWorkBucket: uploads and objects outside of the prefix, and those of other
// buckets, are left alone.
func TestUpkeepOfTheWorkBucket(t *testing.T) {
	t.Parallel()
	r := newRig(t, endpoint(t))
	s := r.open(s3object.Options{})
	other := r.makeBucket()
	for _, at := range [][2]string{
		{r.bucket, "some/prefix/" + account + "/one"}, {r.bucket, "some/prefix/" + account + "/two"}, {r.bucket, "elsewhere/" + account + "/three"}, {other, "some/prefix/" + account + "/four"},
	} {
		_, err := r.client.CreateMultipartUpload(r.Context(), &s3.CreateMultipartUploadInput{Bucket: &at[0], Key: &at[1]})
		r.check("CreateMultipartUpload", err)
		r.put(at[0], at[1]+"-object", []byte("text"))
	}
	for _, want := range []struct {
		before       time.Duration
		limit, ended int
	}{{-time.Hour, 10, 0}, {time.Hour, 1, 1}, {time.Hour, 10, 1}, {time.Hour, 10, 0}} {
		ended, _, err := s.AbortUploads(t.Context(), time.Now().Add(want.before), want.limit)
		if err != nil || ended != want.ended {
			t.Errorf("AbortUploads before %v: %d, %v; want %d", want.before, ended, err, want.ended)
		}
	}
	if _, uploads := r.keys(); !slices.Equal(uploads, []string{"elsewhere/" + account + "/three"}) {
		t.Errorf("uploads of the work bucket: %q, want the one outside of the prefix", uploads)
	}
	left, err := r.client.ListMultipartUploads(r.Context(), &s3.ListMultipartUploadsInput{Bucket: &other})
	if err != nil || len(left.Uploads) != 1 {
		t.Errorf("uploads of another bucket: %d, %v; want one", len(left.Uploads), err)
	}
	var keys []string
	for i, err := range s.Objects(t.Context(), r.bucket) {
		r.check("Objects", err)
		keys = append(keys, i.Name.Key)
	}
	if !slices.Equal(keys, []string{"one-object", "two-object"}) {
		t.Errorf("Objects: %q, want those below the prefix", keys)
	}
	for _, err := range s.Objects(t.Context(), other) {
		if !fault.Is(err, fault.Denied) {
			t.Errorf("Objects of another bucket: %v, want Denied", err)
		}
	}
	head, err := r.client.HeadObject(r.Context(), &s3.HeadObjectInput{Bucket: &other, Key: aws.String("some/prefix/" + account + "/four-object")})
	r.check("HeadObject", err)
	info := r.name("x")
	info.Bucket, info.Key = other, "some/prefix/"+account+"/four-object"
	i, err := s.Stat(t.Context(), info)
	r.check("Stat", err)
	if ok, err := s.DeleteIfUnchanged(t.Context(), i); ok || !fault.Is(err, fault.Denied) {
		t.Errorf("DeleteIfUnchanged in another bucket of %s: %t, %v; want Denied", aws.ToString(head.ETag), ok, err)
	}
}
