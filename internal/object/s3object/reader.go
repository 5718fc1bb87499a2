package s3object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sluicehq/sluice/internal/backoff"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
)

// reader reads one version of an object, over as many connections as it takes.
//
//	        ready              Read
//	apart ---------> connected -----> connected
//	  ^                          break, silence
//	  +-----------------------------+
type reader struct {
	s       *Store
	ctx     context.Context // Read has none; the one of Open ends it
	at      at
	version version // zero until the first answer, if Open was given none
	pos     int64
	size    int64 // of the object, known after the first answer

	body  io.ReadCloser // nil while apart
	end   func(error)   // ends body's request
	watch *time.Timer   // does so when body is silent

	broken time.Time // since when it got no further; zero if it does
	failed int       // connections in a row since broken
	cause  error     // of the last break
	sized  bool

	started bool // bytes have come
}

// firstPause is the pause before the second connection; each one after it is twice as long.
const firstPause = 50 * time.Millisecond

// minSilence is for how long the last connection of a reading may be silent at least.
const minSilence = time.Second

var errSilent = errors.New("the connection stayed silent")

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for r.pos < r.size {
		if err := r.ready(); err != nil {
			return 0, err
		}
		r.watch.Reset(r.idleTimeout())
		n, err := r.body.Read(p)
		r.watch.Stop()
		r.pos += int64(n)
		if n > 0 {
			r.broken, r.failed, r.started = time.Time{}, 0, true
		}
		if err != nil && r.pos < r.size {
			r.part(err)
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, io.EOF
}

// ready returns once the reader is connected, or the size is known and there is nothing
// left to read.
func (r *reader) ready() error {
	for r.body == nil && !(r.sized && r.pos >= r.size) {
		if err := r.wait(); err != nil {
			return err
		}
		err := r.connect()
		switch {
		case err == nil:
		case status(err) == http.StatusForbidden && r.version.id != "":
			r.version.id = "" // without s3:GetObjectVersion the ETag has to do
		case fault.Is(err, fault.Broken):
			return err
		case r.ctx.Err() != nil || !passing(err):
			return r.meaning(err)
		default:
			r.part(err)
		}
	}
	return nil
}

// part notes that the connection was lost or not to be had.
func (r *reader) part(cause error) {
	r.hangUp()
	if r.ctx.Err() != nil {
		return // wait says so
	}
	if errors.Is(cause, context.Canceled) {
		cause = errSilent // for nobody else cancels a request
	}
	r.cause = cause
	if r.broken.IsZero() {
		r.broken = time.Now()
		level := slog.LevelWarn
		if !r.sized {
			level = slog.LevelDebug // nothing was lost; the caller gets the error, or the next connection
		}
		r.s.log.Log(r.ctx, level, "reading lost its connection", "bucket", r.at.bucket, "offset", r.pos, "error", cause)
	}
	r.failed++
}

// wait waits before a connection that follows a lost one, and returns an error if it is
// not to be taken.
func (r *reader) wait() error {
	if r.ctx.Err() != nil || r.broken.IsZero() {
		return r.ended()
	}
	if time.Since(r.broken) > r.s.opts.RetryTimeout {
		return r.meaning(r.cause)
	}
	pauses := backoff.Policy{First: firstPause, Max: r.s.opts.Pause}
	if backoff.Wait(r.ctx, backoff.Jitter(pauses.Pause(r.failed))) != nil {
		return r.ended()
	}
	return nil
}

func (r *reader) ended() error {
	if r.ctx.Err() == nil {
		return nil
	}
	return fmt.Errorf("read %s: %w", r.at.name.Redacted(), context.Cause(r.ctx))
}

// meaning returns an error of connect as Open and Read return it.
func (r *reader) meaning(err error) error {
	if r.ctx.Err() != nil {
		return r.ended()
	}
	if r.version.etag != "" && status(err) == http.StatusNotFound {
		return fmt.Errorf("%w: %w", errVersionGone(r.at.name), err)
	}
	return r.s.toFault("read", r.at, err)
}

// silence is for how long a new connection may be silent: no longer than the reading tries
// in all, if it follows a lost one.
func (r *reader) silence() time.Duration {
	if r.broken.IsZero() {
		return r.idleTimeout()
	}
	return min(r.s.opts.IdleTimeout, max(r.s.opts.RetryTimeout-time.Since(r.broken), minSilence))
}

// idleTimeout is for how long a connection may be silent: for the first bytes as long as who reads
// has the patience.
func (r *reader) idleTimeout() time.Duration {
	if r.started {
		return r.s.opts.IdleTimeout
	}
	return max(r.s.opts.IdleTimeout, object.FirstByteTimeout(r.ctx))
}

// connect asks for the bytes from pos on.
func (r *reader) connect() error {
	ctx, end := context.WithCancelCause(r.ctx)
	r.end = end
	r.watch = time.AfterFunc(r.silence(), func() { end(errSilent) })
	defer r.watch.Stop() // Read arms it again
	in := &s3.GetObjectInput{Bucket: &r.at.bucket, Key: &r.at.key}
	if r.version.etag != "" {
		in.IfMatch = aws.String(`"` + r.version.etag + `"`)
	}
	if r.version.id != "" {
		in.VersionId = &r.version.id
	}
	if r.pos > 0 {
		in.Range = aws.String("bytes=" + strconv.FormatInt(r.pos, 10) + "-")
	}
	var out *s3.GetObjectOutput
	err := r.s.with(r.at.bucket, func(o func(*s3.Options)) (err error) {
		out, err = r.s.client.GetObject(ctx, in, o, func(o *s3.Options) { o.RetryMaxAttempts = 1 }) // ready tries again
		return err
	})
	if err == nil {
		r.body = out.Body
		err = r.accept(out)
	} else if status(err) == http.StatusRequestedRangeNotSatisfiable {
		err = r.pastEnd(ctx)
	}
	if err != nil {
		r.hangUp()
	}
	return err
}

// accept checks that an answer holds the bytes that were asked for, for not every server
// heeds every header of a request.
func (r *reader) accept(out *s3.GetObjectOutput) error {
	v, start := versionOf(out.ETag, out.VersionId), int64(0)
	if out.ContentRange != nil { // bytes 4-9/10
		text, _, _ := strings.Cut(strings.TrimPrefix(*out.ContentRange, "bytes "), "-")
		start, _ = strconv.ParseInt(text, 10, 64)
	}
	switch {
	case r.version.etag != "" && v.etag != r.version.etag:
		return errVersionGone(r.at.name)
	case v.etag == "" || start != r.pos || out.ContentLength == nil || *out.ContentLength < 0:
		return r.unfit()
	}
	if r.version.etag == "" {
		r.version = v
	}
	r.size, r.sized = start+*out.ContentLength, true
	return nil
}

// pastEnd looks whether there was nothing to send because pos is the object's end, or
// past it.
func (r *reader) pastEnd(ctx context.Context) error {
	i, err := r.s.head(ctx, r.at, r.version.id)
	switch {
	case err != nil:
		return err
	case r.version.etag != "" && i.ETag != r.version.etag:
		return errVersionGone(r.at.name)
	case r.pos < i.Size:
		return r.unfit()
	}
	r.size, r.sized = i.Size, true // and nothing will be read
	return nil
}

// unfit is the error for an answer by which no object can be read in ranges.
func (r *reader) unfit() error {
	return fault.New(fault.Broken, "the storage of objects did not send the bytes of %s from %d on", r.at.name.URL(), r.pos)
}

// Close implements io.Closer.
func (r *reader) Close() error {
	r.hangUp()
	r.size, r.sized = 0, true // so that nothing is read any more
	return nil
}

// hangUp ends the request, if there is one.
func (r *reader) hangUp() {
	if r.end != nil {
		r.end(nil)
	}
	if r.body != nil {
		_ = r.body.Close() // it was only read from
	}
	r.end, r.body = nil, nil
}
