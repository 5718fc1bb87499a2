package s3

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// TestConditionalChanges: a change whose condition does not hold, or is not served, is
// refused, and the object stays as it is.
func TestConditionalChanges(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	const source = "/uploads/k"
	past := time.Now().Add(-24 * time.Hour).UTC().Format(http.TimeFormat)
	for _, c := range []struct {
		method, what string
		headers      []string
		status       int
		code         string
	}{
		{"DELETE", "of another ETag", []string{"If-Match", `"nope"`}, 412, "PreconditionFailed"},
		{"DELETE", "of another ETag without quotes", []string{"If-Match", "nope"}, 412, "PreconditionFailed"},
		{"DELETE", "of an empty ETag", []string{"If-Match", `""`}, 400, "InvalidArgument"},
		{"DELETE", "of another size", []string{ifMatchSize, "5"}, 412, "PreconditionFailed"},
		{"DELETE", "of a size that is none", []string{ifMatchSize, "much"}, 400, "InvalidArgument"},
		{"DELETE", "of another time", []string{ifMatchModified, past}, 412, "PreconditionFailed"},
		{"DELETE", "of a time that is none", []string{ifMatchModified, "yesterday"}, 400, "InvalidArgument"},
		{"DELETE", "if it is not there", []string{"If-None-Match", "*"}, 501, "NotImplemented"},
		{"DELETE", "if unmodified", []string{"If-Unmodified-Since", past}, 501, "NotImplemented"},
		{"PUT", "under a size", []string{ifMatchSize, "5"}, 501, "NotImplemented"},
		{"PUT", "if unmodified", []string{"If-Unmodified-Since", past}, 501, "NotImplemented"},
		{"PUT", "over an empty ETag", []string{"If-Match", ""}, 400, "InvalidArgument"},
		{"PUT", "copy over another ETag", []string{copySource, source, "If-Match", `"nope"`}, 412, "PreconditionFailed"},
		{"PUT", "copy over something", []string{copySource, source, "If-None-Match", "*"}, 412, "PreconditionFailed"},
		{"PUT", "copy of another ETag", []string{copySource, source, copySource + "-If-Match", "nope"}, 412, "PreconditionFailed"},
		{"PUT", "copy of an older source", []string{copySource, source, copySource + "-If-Unmodified-Since", past}, 412, "PreconditionFailed"},
		{"PUT", "copy since no time", []string{copySource, source, copySource + "-If-Modified-Since", "never"}, 400, "InvalidArgument"},
		{"PUT", "of a source's ETag", []string{copySource + "-If-Match", "nope"}, 501, "NotImplemented"},
	} {
		if res, reply := e.raw(t, http.MethodPut, "/uploads/target", "text"); res.StatusCode != http.StatusOK {
			t.Fatalf("PUT: %s %s", res.Status, reply)
		}
		what := c.method + " " + c.what
		res, reply := e.raw(t, c.method, "/uploads/target", "", c.headers...)
		wantError(t, what, res, reply, c.status, c.code)
		if res, text := e.raw(t, http.MethodGet, "/uploads/target", ""); res.StatusCode != http.StatusOK || text != "text" {
			t.Errorf("after %s the object is %s %q, want its old text", what, res.Status, text)
		}
	}
}

// TestConditionsThatHold: the same changes go through when their conditions hold.
func TestConditionsThatHold(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	for _, c := range []struct {
		method  string
		headers func(etag, modified string) []string
		status  int
	}{
		{"DELETE", func(etag, _ string) []string { return []string{"If-Match", etag} }, 204},
		{"DELETE", func(string, string) []string { return []string{"If-Match", "*"} }, 204},
		{"DELETE", func(_, modified string) []string { return []string{ifMatchSize, "4", ifMatchModified, modified} }, 204},
		{"PUT", func(etag, _ string) []string { return []string{copySource, "/uploads/k", "If-Match", etag} }, 200},
	} {
		e.raw(t, http.MethodPut, "/uploads/target", "text")
		head, _ := e.raw(t, http.MethodHead, "/uploads/target", "")
		headers := c.headers(head.Header.Get("ETag"), head.Header.Get("Last-Modified"))
		if res, reply := e.raw(t, c.method, "/uploads/target", "", headers...); res.StatusCode != c.status {
			t.Errorf("%s with %q: %s %s, want %d", c.method, headers, res.Status, reply, c.status)
		}
	}
	// A size is asked of an object only if there is one; an ETag needs one.
	if res, reply := e.raw(t, http.MethodDelete, "/uploads/nobody", "", ifMatchSize, "4"); res.StatusCode != http.StatusNoContent {
		t.Errorf("DELETE of nothing under a size: %s %s, want 204", res.Status, reply)
	}
	res, reply := e.raw(t, http.MethodDelete, "/uploads/nobody", "", "If-Match", "*")
	wantError(t, "DELETE of nothing under an ETag", res, reply, http.StatusNotFound, "NoSuchKey")
}

func TestConditionalDeleteObjects(t *testing.T) {
	both(t, func(t *testing.T, _ *endpoint, c *sdk.Client) {
		tags := map[string]*string{}
		for _, key := range []string{"right", "wrong", "size", "time", "version", "plain"} {
			tags[key] = put(t, c, key, "text").ETag
		}
		out, err := c.DeleteObjects(t.Context(), &sdk.DeleteObjectsInput{Bucket: aws.String("uploads"), Delete: &types.Delete{
			Objects: []types.ObjectIdentifier{
				{Key: aws.String("right"), ETag: tags["right"], Size: aws.Int64(4)},
				{Key: aws.String("wrong"), ETag: aws.String("nope")},
				{Key: aws.String("size"), Size: aws.Int64(5)},
				{Key: aws.String("time"), LastModifiedTime: aws.Time(time.Now().Add(-time.Hour))},
				{Key: aws.String("version"), VersionId: aws.String("abc")},
				{Key: aws.String("plain")},
			},
		}})
		if err != nil {
			t.Fatalf("DeleteObjects: %v", err)
		}
		got := map[string]string{}
		for _, d := range out.Deleted {
			got[aws.ToString(d.Key)] = "deleted"
		}
		for _, e := range out.Errors {
			got[aws.ToString(e.Key)] = aws.ToString(e.Code)
		}
		want := map[string]string{
			"right": "deleted", "wrong": "PreconditionFailed", "size": "PreconditionFailed",
			"time": "PreconditionFailed", "version": "NotImplemented", "plain": "deleted",
		}
		for key, result := range want {
			if got[key] != result {
				t.Errorf("DeleteObjects of %s: %q, want %q", key, got[key], result)
			}
			if _, _, err := get(c, key); (err == nil) != (result != "deleted") {
				t.Errorf("after DeleteObjects, GetObject %s: %v; the reply said %s", key, err, result)
			}
		}
	})
}

func TestConditionalAbort(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	_, reply := e.raw(t, http.MethodPost, "/uploads/multi?uploads", "")
	var u createUploadResult
	if err := xml.Unmarshal([]byte(reply), &u); err != nil {
		t.Fatalf("CreateMultipartUpload: %s: %v", reply, err)
	}
	target := "/uploads/multi?uploadId=" + u.UploadID
	res, reply := e.raw(t, http.MethodDelete, target, "", ifMatchStarted, time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
	wantError(t, "abort of an upload of another time", res, reply, http.StatusPreconditionFailed, "PreconditionFailed")
	stored, err := e.store.Upload(t.Context(), diskName("multi"), u.UploadID)
	if err != nil {
		t.Fatalf("after a refused abort: %v", err)
	}
	res, reply = e.raw(t, http.MethodDelete, target, "", ifMatchStarted, stored.Started.Format(http.TimeFormat))
	if res.StatusCode != http.StatusNoContent {
		t.Errorf("abort of the upload's time: %s %s, want 204", res.Status, reply)
	}
}

// TestConditionIsAtomic: of many copies that must find nothing, one finds nothing.
func TestConditionIsAtomic(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	var made atomic.Int32
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			res, reply := e.raw(t, http.MethodPut, "/uploads/one", "", copySource, "/uploads/k", "If-None-Match", "*", "X-Amz-Meta-Who", fmt.Sprint(i))
			switch res.StatusCode {
			case http.StatusOK:
				made.Add(1)
			case http.StatusPreconditionFailed:
			default:
				t.Errorf("copy %d: %s %s", i, res.Status, reply)
			}
		})
	}
	all.Wait()
	if made.Load() != 1 {
		t.Errorf("%d copies found nothing at the destination, want 1", made.Load())
	}
}
