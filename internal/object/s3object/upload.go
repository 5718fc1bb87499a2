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

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/guard"
)

const (
	// buffers is how many parts of an upload are in memory, being read or on their way.
	buffers = 3
	// maxParts is S3's limit.
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
	maxParts = 10_000
	// abortTime is what parts that are on their way, and then giving up the upload, may
	// take after the caller has gone.
	abortTime = 30 * time.Second
	// completeTimeout is how many times as long as for other requests an S3 may take to make
	// an object of its parts, all tries together: two minutes.
	completeTimeout = 8
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
	starting, end := outliving(ctx, abortTime) // or nobody knows what to abort
	defer end()
	starting, stop := s.limited(starting, 0)
	defer stop()
	created, err := s.client.CreateMultipartUpload(starting, &s3.CreateMultipartUploadInput{
		Bucket: &a.bucket, Key: &a.key, ContentType: given(contentType),
	})
	if err != nil {
		return 0, version{}, s.toFault("write", a, err)
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
// more, as S3 may keep a part that it is still taking when its upload is aborted: neither
// a reader that fails nor a caller that goes away cuts a part off.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html
func (u *upload) send(ctx context.Context, body []byte, r io.Reader) error {
	sending, end := outliving(ctx, abortTime)
	defer end()
	var err error
	done := make(chan sent, buffers)
	away, spare := 0, buffers-1
	for last := false; err == nil && len(body) > 0; {
		u.sendPart(sending, body, done)
		away++
		if last {
			break
		}
		if spare > 0 {
			spare--
			body = make([]byte, 0, u.s.opts.PartSize)
		} else {
			d := <-done
			away--
			body, err = d.body, d.err
		}
		if err == nil {
			body, last, err = u.next(ctx, body, r)
		}
	}
	for ; away > 0; away-- {
		err = cmp.Or(err, (<-done).err)
	}
	return err
}

// next reads the next part into buf, and reports whether it is the last.
func (u *upload) next(ctx context.Context, buf []byte, r io.Reader) (body []byte, last bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, u.s.toFault("write", u.at, err)
	}
	body, err = fill(r, buf, u.s.opts.PartSize)
	if err != nil && err != io.EOF { // readers return io.EOF itself
		return nil, false, unread(u.at, err)
	}
	if len(body) > 0 && len(u.parts) == maxParts {
		return nil, false, fault.New(fault.TooLarge, "%s does not fit into %d parts of %d bytes", u.at.name.URL(), maxParts, u.s.opts.PartSize)
	}
	return body, err != nil, nil
}

// sent is a part that is no longer on its way, and the buffer that it was in.
type sent struct {
	body []byte
	err  error
}

// sendPart starts to send the next part, and says so to done when that is over.
func (u *upload) sendPart(ctx context.Context, body []byte, done chan<- sent) {
	part := &types.CompletedPart{PartNumber: aws.Int32(int32(len(u.parts) + 1))} // at most maxParts
	u.parts = append(u.parts, part)
	u.size += int64(len(body))
	go func() {
		err := u.uploadPart(ctx, part, body)
		done <- sent{body, err}
	}()
}

func (u *upload) uploadPart(ctx context.Context, part *types.CompletedPart, body []byte) (err error) {
	defer u.s.opts.Guard.Recover(guard.Upload, &err)
	ctx, end := u.s.limited(ctx, len(body))
	defer end()
	out, err := u.s.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &u.at.bucket, Key: &u.at.key, UploadId: u.id,
		PartNumber: part.PartNumber, Body: bytes.NewReader(body),
	})
	if err != nil {
		return u.s.toFault("write", u.at, err)
	}
	part.ETag = out.ETag
	return nil
}

// outliving returns a context that ends a while after ctx does, or when it is told to.
func outliving(ctx context.Context, a time.Duration) (context.Context, func()) {
	long, end := context.WithCancel(context.WithoutCancel(ctx))
	forget := context.AfterFunc(ctx, func() { time.AfterFunc(a, end) })
	return long, func() { forget(); end() }
}

// complete makes the parts an object.
func (u *upload) complete(ctx context.Context) (version, error) {
	parts := make([]types.CompletedPart, len(u.parts))
	for i, p := range u.parts {
		parts[i] = *p
	}
	ctx, end := context.WithTimeoutCause(ctx, completeTimeout*(u.s.opts.IdleTimeout+u.s.opts.RetryTimeout), errSilent)
	defer end()
	out, err := u.s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &u.at.bucket, Key: &u.at.key, UploadId: u.id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	if err != nil {
		return version{}, u.s.toFault("write", u.at, err)
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
		u.s.log.WarnContext(ctx, "an upload in parts is left behind", "bucket", u.at.bucket, "error", err)
	}
}
