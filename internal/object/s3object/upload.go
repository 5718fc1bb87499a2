package s3object

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/sluicehq/sluice/internal/fault"
)

const (
	// buffers is how many parts of an upload are in memory, being read or on their way.
	buffers = 3
	// maxParts is S3's limit.
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
	maxParts = 10_000
	// abortTime is what giving up an upload may take after the caller has gone.
	abortTime = 30 * time.Second
)

// upload is an upload in parts.
type upload struct {
	s     *Store
	at    at
	id    *string
	size  int64
	parts []*types.CompletedPart // the first has the number 1
}

// putParts puts first and what r gives after it.
func (s *Store) putParts(ctx context.Context, a at, contentType string, first []byte, r io.Reader) (int64, version, error) {
	created, err := s.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &a.bucket, Key: &a.key, ContentType: given(contentType),
	})
	if err != nil {
		return 0, version{}, s.told("write", a, err)
	}
	u := &upload{s: s, at: a, id: created.UploadId}
	if err := u.send(ctx, first, r); err != nil {
		u.abort(ctx)
		return 0, version{}, err
	}
	v, err := u.complete(ctx)
	if err != nil {
		u.abort(ctx)
		return 0, version{}, err
	}
	return u.size, v, nil
}

// send sends body and what r gives after it. When it returns, nothing is on its way any
// more.
func (u *upload) send(ctx context.Context, body []byte, r io.Reader) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	free := make(chan []byte, buffers)
	for range buffers - 1 {
		free <- nil // made when it is filled
	}
	for ended := false; len(body) > 0; {
		u.sendPart(ctx, g, body, free)
		if ended {
			break
		}
		select {
		case body = <-free:
		case <-ctx.Done():
			return cmp.Or(g.Wait(), u.s.told("write", u.at, ctx.Err()))
		}
		var err error
		body, err = fill(r, body, u.s.opts.PartSize)
		if len(body) > 0 && len(u.parts) == maxParts {
			err = fault.New(fault.TooLarge, "%s does not fit into %d parts of %d bytes", u.at.name.URL(), maxParts, u.s.opts.PartSize)
		}
		if ended = err == io.EOF; err != nil && !ended { //nolint:errorlint // readers return io.EOF itself
			stop()
			_ = g.Wait() // what was stopped failed because of it
			return unread(u.at, err)
		}
	}
	return g.Wait()
}

// sendPart starts to send the next part, and then gives its buffer back to free.
func (u *upload) sendPart(ctx context.Context, g *errgroup.Group, body []byte, free chan<- []byte) {
	part := &types.CompletedPart{PartNumber: aws.Int32(int32(len(u.parts) + 1))} //nolint:gosec // at most maxParts
	u.parts = append(u.parts, part)
	u.size += int64(len(body))
	g.Go(func() error {
		defer func() { free <- body }()
		out, err := u.s.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &u.at.bucket, Key: &u.at.key, UploadId: u.id,
			PartNumber: part.PartNumber, Body: bytes.NewReader(body),
		})
		if err != nil {
			return u.s.told("write", u.at, err)
		}
		part.ETag = out.ETag
		return nil
	})
}

// complete makes the parts an object.
func (u *upload) complete(ctx context.Context) (version, error) {
	parts := make([]types.CompletedPart, len(u.parts))
	for i, p := range u.parts {
		parts[i] = *p
	}
	out, err := u.s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &u.at.bucket, Key: &u.at.key, UploadId: u.id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	if err != nil {
		return version{}, u.s.told("write", u.at, err)
	}
	return versionOf(out.ETag, out.VersionId), nil
}

// abort ends the upload without an object, also after the caller has gone. If even that
// fails, its parts are left to the bucket's life cycle.
func (u *upload) abort(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
	defer cancel()
	_, err := u.s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &u.at.bucket, Key: &u.at.key, UploadId: u.id,
	})
	if err != nil && code(err) != "NoSuchUpload" {
		u.s.log.WarnContext(ctx, "an upload in parts is left behind", "object", u.at.name.URL(), "error", err)
	}
}
