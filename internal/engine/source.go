package engine

import (
	"context"
	"io"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
)

// Opener is what OpenSource needs of an object store.
type Opener interface {
	Open(ctx context.Context, n object.Name, version string, offset int64) (io.ReadCloser, error)
}

// OpenSource opens the source that a job is bound to, at an offset, until ctx is done. An
// end before the end of the source is an error, so that a cut connection never passes
// for a short file.
func OpenSource(ctx context.Context, o Opener, j job.Job, offset int64) (io.ReadCloser, error) {
	rc, err := o.Open(ctx, sourceName(j), j.Source.Version, offset)
	if err != nil {
		return nil, fromObjects(err)
	}
	return &sized{ReadCloser: rc, left: j.Source.Size - offset}, nil
}

type sized struct {
	io.ReadCloser
	left int64
}

func (s *sized) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	s.left -= int64(n)
	if err == io.EOF && s.left > 0 { // readers return io.EOF itself
		err = io.ErrUnexpectedEOF
	}
	if err != nil && err != io.EOF {
		err = fromObjects(err)
	}
	return n, err
}
