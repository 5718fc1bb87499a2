package s3object

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
)

// Stat implements object.Store.
func (s *Store) Stat(ctx context.Context, n object.Name) (object.Info, error) {
	a, err := s.location.find(n)
	if err != nil {
		return object.Info{}, err
	}
	return s.stat(ctx, a)
}

func (s *Store) stat(ctx context.Context, a at) (object.Info, error) {
	i, err := s.head(ctx, a, "")
	if err != nil {
		return object.Info{}, s.toFault("read", a, err)
	}
	return i, nil
}

// head is stat of the version with the id, if there is one, with S3's own errors.
func (s *Store) head(ctx context.Context, a at, id string) (object.Info, error) {
	in := &s3.HeadObjectInput{Bucket: &a.bucket, Key: &a.key}
	if id != "" {
		in.VersionId = &id
	}
	ctx, end := s.limited(ctx, 0)
	defer end()
	var out *s3.HeadObjectOutput
	err := s.with(a.bucket, func(o func(*s3.Options)) (err error) {
		out, err = s.client.HeadObject(ctx, in, o)
		return err
	})
	if err != nil {
		return object.Info{}, s.spelled(ctx, a, err)
	}
	v := versionOf(out.ETag, out.VersionId)
	if v.etag == "" {
		return object.Info{}, errNoETag
	}
	return object.Info{
		Name:     a.name,
		Size:     aws.ToInt64(out.ContentLength),
		ETag:     v.etag,
		Version:  v.String(),
		Modified: aws.ToTime(out.LastModified),
	}, nil
}

var errNoETag = fault.New(fault.Broken, "the storage of objects gives no ETag")

// spelled returns err with the reason that an answer to HEAD cannot hold, having no
// body: credentials that have ended are another matter than a bucket that is closed.
func (s *Store) spelled(ctx context.Context, a at, err error) error {
	if status(err) != http.StatusForbidden {
		return err
	}
	again := s.with(a.bucket, func(o func(*s3.Options)) error {
		out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &a.bucket, Key: &a.key, Range: aws.String("bytes=0-0")}, o)
		if err != nil {
			return err
		}
		return out.Body.Close()
	})
	if again != nil {
		return again
	}
	return err
}

// Hold implements object.Store, as far as the bucket lets it: a version that the bucket
// does not keep is gone once it is replaced, but never mistaken for another.
func (s *Store) Hold(ctx context.Context, n object.Name, holder string) (object.Info, error) {
	if err := checkHolder(holder); err != nil {
		return object.Info{}, err
	}
	return s.Stat(ctx, n)
}

// Release implements object.Store; there is nothing to release.
func (s *Store) Release(context.Context, string) error { return nil }

func checkHolder(holder string) error {
	if holder == "" || strings.ContainsRune(holder, 0) {
		return fault.New(fault.Invalid, "a holder has a name, without a zero byte in it")
	}
	return nil
}

// Open implements object.Store. The reader lives until ctx ends, or Close; it is for one
// goroutine at a time.
func (s *Store) Open(ctx context.Context, n object.Name, version string, offset int64) (io.ReadCloser, error) {
	if offset < 0 {
		return nil, fault.New(fault.Invalid, "an offset is not negative")
	}
	a, err := s.location.find(n)
	if err != nil {
		return nil, err
	}
	r := &reader{s: s, ctx: ctx, at: a, version: parseVersion(version), pos: offset}
	if err := r.ready(); err != nil {
		return nil, err
	}
	return r, nil
}

// Delete implements object.Store.
func (s *Store) Delete(ctx context.Context, n object.Name) error {
	a, err := s.location.own(n)
	if err != nil {
		return err
	}
	ctx, end := s.limited(ctx, 0)
	defer end()
	_, err = s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &a.bucket, Key: &a.key})
	if err == nil || status(err) == http.StatusNotFound {
		return nil
	}
	return s.toFault("delete", a, err)
}
