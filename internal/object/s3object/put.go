package s3object

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sluicehq/sluice/internal/object"
)

// Put implements object.Store. What fits into one part goes as one request, all else
// as an upload in parts, which S3 shows when it is complete. The work bucket is the only
// one that is written to; it was made when the store was opened.
func (s *Store) Put(ctx context.Context, n object.Name, contentType string, r io.Reader) (object.Info, error) {
	a, err := s.location.own(n)
	if err != nil {
		return object.Info{}, err
	}
	var size int64
	var v version
	first, err := fill(r, nil, s.opts.PartSize)
	switch err { // readers return io.EOF itself
	case nil:
		size, v, err = s.putParts(ctx, a, contentType, first, r)
	case io.EOF:
		size = int64(len(first))
		v, err = s.putWhole(ctx, a, contentType, first)
	default:
		err = unread(a, err)
	}
	if err != nil {
		return object.Info{}, err
	}
	i := object.Info{Name: n, Size: size, ETag: v.etag, Version: v.String(), Modified: time.Now().UTC()}
	if now, err := s.head(ctx, a, v.id); err == nil && now.Version == i.Version {
		return now, nil // which has S3's own time
	}
	return i, nil
}

func (s *Store) putWhole(ctx context.Context, a at, contentType string, body []byte) (version, error) {
	ctx, end := s.limited(ctx, len(body))
	defer end()
	out, err := s.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &a.bucket, Key: &a.key, ContentType: given(contentType), Body: bytes.NewReader(body),
	})
	if err != nil {
		return version{}, s.toFault("write", a, err)
	}
	return versionOf(out.ETag, out.VersionId), nil
}

// given returns nil for what is not, so that S3 decides.
func given(contentType string) *string {
	if contentType == "" {
		return nil
	}
	return aws.String(contentType)
}

// unread is the error for a reader that failed. It keeps the kind.
func unread(a at, err error) error {
	return fmt.Errorf("read what is to be put as %s: %w", a.name.Redacted(), err)
}

// fill reads up to size bytes into buf, which grows only as far as there is something to
// hold. It returns an error if r did: io.EOF at r's end. (io.ReadFull would not do: its
// ErrUnexpectedEOF may be r's own, and a broken reader must not pass for an ended one.)
func fill(r io.Reader, buf []byte, size int) ([]byte, error) {
	buf = buf[:0]
	for len(buf) < size {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), min(max(2*cap(buf), 64<<10), size))
			copy(grown, buf)
			buf = grown
		}
		n, err := r.Read(buf[len(buf):min(cap(buf), size)])
		buf = buf[:len(buf)+n]
		if err != nil {
			return buf, err
		}
	}
	return buf, nil
}
