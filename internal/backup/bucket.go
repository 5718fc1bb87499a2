package backup

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object/s3object"
)

// bucket is a Target in an S3.
type bucket struct{ *s3object.Bucket }

// IsBucketURL reports whether a target is meant to be in an S3.
func IsBucketURL(target string) bool { return strings.HasPrefix(target, "s3://") }

// OpenBucket returns the target at a URL of the form
//
//	s3://BUCKET/PREFIX?endpoint=URL&region=R&path-style=true
//
// which is that of s3object.Open with the prefix as a path. With write the bucket is
// made if it is not there. elsewhere is the URL of a server that the target must not be
// part of; it may be empty.
func OpenBucket(ctx context.Context, target string, write bool, elsewhere string, o s3object.Options) (Target, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("the target is not of the form s3://BUCKET/PREFIX?endpoint=URL&region=R")
	}
	if prefix := strings.Trim(u.Path, "/"); prefix != "" {
		q := u.Query()
		q.Set("prefix", prefix)
		u.RawQuery, u.Path = q.Encode(), ""
	}
	if e, err := url.Parse(u.Query().Get("endpoint")); err == nil && elsewhere != "" && e.Host != "" {
		if own, err := url.Parse(elsewhere); err == nil && own.Host == e.Host {
			return nil, fmt.Errorf("the target is an S3 bucket of the server that is backed up: it would be lost with the server")
		}
	}
	b, err := s3object.OpenBucket(ctx, u.String(), write, o)
	if err != nil {
		return nil, err
	}
	return bucket{b}, nil
}

// Lock has nothing to lock: a store has one snapshot at a time.
func (b bucket) Lock() (func(), error) { return func() {}, nil }

func (b bucket) Put(ctx context.Context, name string, text []byte) error {
	return b.PutFrom(ctx, name, bytes.NewReader(text))
}

func (b bucket) PutFrom(ctx context.Context, name string, r io.Reader) error {
	return b.Bucket.Put(ctx, name, r)
}

func (b bucket) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	r, err := b.Bucket.Open(ctx, name)
	if fault.Is(err, fault.NotFound) {
		return nil, fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	}
	return r, err
}

func (b bucket) List(ctx context.Context, prefix string) (map[string]int64, error) {
	names := map[string]int64{}
	err := b.Bucket.List(ctx, prefix, func(key string, size int64) { names[key] = size })
	return names, err
}
