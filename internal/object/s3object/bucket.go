package s3object

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sluicehq/sluice/internal/object"
)

// Bucket is plain access to the objects of a bucket below a prefix, by their keys. It has
// no accounts, versions or holds; a Store has.
type Bucket struct{ s *Store }

// OpenBucket returns the bucket that a URL names, in the form that Open describes. With
// write the bucket is made if it is not there, and writing to it is tried.
func OpenBucket(ctx context.Context, url string, write bool, o Options) (*Bucket, error) {
	s, err := connect(url, o)
	if err != nil {
		return nil, err
	}
	if write {
		if err := s.prove(ctx); err != nil {
			return nil, err
		}
	}
	return &Bucket{s}, nil
}

// String returns the URL of the prefix.
func (b *Bucket) String() string {
	return strings.TrimSuffix("s3://"+b.s.location.bucket+"/"+b.s.location.prefix, "/")
}

// Endpoint returns the URL of the S3, empty if it is AWS.
func (b *Bucket) Endpoint() string { return b.s.location.endpoint }

// object returns where a key is. For errors it is named by its whole key.
func (b *Bucket) object(key string) (at, error) {
	whole := b.s.location.prefix + key
	a := at{name: object.Name{Bucket: b.s.location.bucket, Key: whole}, bucket: b.s.location.bucket, key: whole}
	return a, checkKey(whole)
}

// Put stores what r gives until its end, whole or not at all.
func (b *Bucket) Put(ctx context.Context, key string, r io.Reader) error {
	a, err := b.object(key)
	if err != nil {
		return err
	}
	const contentType = "application/octet-stream"
	first, err := fill(r, nil, b.s.opts.PartSize)
	switch err { // readers return io.EOF itself
	case nil:
		_, _, err = b.s.putParts(ctx, a, contentType, first, r)
	case io.EOF:
		_, err = b.s.putWhole(ctx, a, contentType, first)
	default:
		err = unread(a, err)
	}
	return err
}

// Open reads an object; fault.NotFound. The reader lives until ctx ends, or Close.
func (b *Bucket) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	a, err := b.object(key)
	if err != nil {
		return nil, err
	}
	r := &reader{s: b.s, ctx: ctx, at: a}
	if err := r.ready(); err != nil {
		return nil, err
	}
	return r, nil
}

// List calls each with the key and the size of every object whose key starts with
// prefix.
func (b *Bucket) List(ctx context.Context, prefix string, each func(key string, size int64)) error {
	whole := b.s.location.prefix + prefix
	pages := s3.NewListObjectsV2Paginator(b.s.client, &s3.ListObjectsV2Input{Bucket: &b.s.location.bucket, Prefix: &whole})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list %s: %w", b, err)
		}
		for _, o := range page.Contents {
			each(strings.TrimPrefix(aws.ToString(o.Key), b.s.location.prefix), aws.ToInt64(o.Size))
		}
	}
	return nil
}

// Delete removes an object, if it is there.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	a, err := b.object(key)
	if err != nil {
		return err
	}
	_, err = b.s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &a.bucket, Key: &a.key})
	if err == nil || code(err) == "NoSuchKey" {
		return nil
	}
	return b.s.toFault("delete", a, err)
}
