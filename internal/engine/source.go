package engine

import (
	"context"
	"errors"
	"io"
)

// errHalted ends a reading that is not to go on; nobody sees it.
var errHalted = errors.New("reading was told to end")

// open opens the job's source at an offset. It is given up with ctx.
func (in *reader) open(ctx context.Context, offset int64) (io.ReadCloser, error) {
	rc, err := in.engine.objects.Open(ctx, in.source(), in.job.Source.Version, offset)
	if err != nil {
		return nil, err
	}
	return &body{ReadCloser: rc, in: in, left: in.job.Source.Size - offset}, nil
}

// body is an open source. An end before the end is an error here, so that a cut
// connection never passes for a short file.
type body struct {
	io.ReadCloser
	in   *reader
	left int64
}

func (b *body) Read(p []byte) (int, error) {
	if b.in.halt.Load() {
		return 0, errHalted
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	b.in.engine.metrics.read.Add(float64(n))
	if err == io.EOF && b.left > 0 { //nolint:errorlint // readers return io.EOF itself
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
