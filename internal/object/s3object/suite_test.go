package s3object_test

import (
	"context"
	"io"
	"iter"
	"path"
	"testing"

	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/objecttest"
	"github.com/sluicehq/sluice/internal/object/s3object"
)

// Where the bucket keeps versions, all is promised but keys that some S3, or something
// before it, would take for paths.
func TestSuiteOfVersions(t *testing.T) {
	t.Parallel()
	address := endpoint(t)
	objecttest.Run(t, func(t *testing.T) object.Store {
		skipPaths(t)
		r := newRig(t, address)
		r.keepVersions()
		return &renamed{Store: r.open(s3object.Options{}), rig: r}
	})
}

// Where it keeps none, nothing outlives what is put over it.
func TestSuiteOfETags(t *testing.T) {
	t.Parallel()
	address := endpoint(t)
	objecttest.Run(t, func(t *testing.T) object.Store {
		skipUnkept(t)
		r := newRig(t, address)
		return &renamed{Store: r.open(s3object.Options{}), rig: r}
	})
}

// skipPaths skips the test of the suite for keys that look like paths, and that for
// holders.
func skipPaths(t *testing.T) {
	switch path.Base(t.Name()) {
	case "OddKeys":
		t.Skip("keys with . and .. are refused, see TestKeys")
	case "Holders":
		t.Skip("the bucket keeps versions by its own rules: nobody holds them")
	}
}

// skipUnkept skips what is promised only of a bucket that keeps versions.
func skipUnkept(t *testing.T) {
	skipPaths(t)
	switch path.Base(t.Name()) {
	case "Versions":
		t.Skip("equal bytes have one ETag")
	case "Empty", "HoldOutlivesPut", "HoldOutlivesDelete", "HoldOutlivesReopen", "HoldMoves", "HoldersAreSeparate", "ReaderOutlivesPut":
		t.Skip("nothing that is replaced is kept, see TestReplaced")
	}
}

// renamed is a store whose work bucket goes by the names that the suite knows.
type renamed struct {
	*s3object.Store
	rig *rig
}

// Reopen implements objecttest.Reopener.
func (s *renamed) Reopen(*testing.T) object.Store {
	return &renamed{Store: s.rig.open(s3object.Options{}), rig: s.rig}
}

func (s *renamed) to(n object.Name) object.Name {
	if n.Bucket == "work" || n.Bucket == "data" {
		n.Bucket = s.Bucket()
	}
	return n
}

func (s *renamed) from(i object.Info, err error, n object.Name) (object.Info, error) {
	if err == nil {
		i.Name.Bucket = n.Bucket
	}
	return i, err
}

func (s *renamed) Stat(ctx context.Context, n object.Name) (object.Info, error) {
	i, err := s.Store.Stat(ctx, s.to(n))
	return s.from(i, err, n)
}

func (s *renamed) Hold(ctx context.Context, n object.Name, holder string) (object.Info, error) {
	i, err := s.Store.Hold(ctx, s.to(n), holder)
	return s.from(i, err, n)
}

func (s *renamed) Open(ctx context.Context, n object.Name, version string, offset int64) (io.ReadCloser, error) {
	return s.Store.Open(ctx, s.to(n), version, offset)
}

func (s *renamed) Put(ctx context.Context, n object.Name, contentType string, r io.Reader) (object.Info, error) {
	i, err := s.Store.Put(ctx, s.to(n), contentType, r)
	return s.from(i, err, n)
}

func (s *renamed) Delete(ctx context.Context, n object.Name) error {
	return s.Store.Delete(ctx, s.to(n))
}

func (s *renamed) Objects(ctx context.Context, bucket string) iter.Seq2[object.Info, error] {
	n := object.Name{Bucket: bucket}
	return func(yield func(object.Info, error) bool) {
		for i, err := range s.Store.Objects(ctx, s.to(n).Bucket) {
			if !yield(s.from(i, err, n)) {
				return
			}
		}
	}
}

func (s *renamed) DeleteIfUnchanged(ctx context.Context, i object.Info) (bool, error) {
	i.Name = s.to(i.Name)
	return s.Store.DeleteIfUnchanged(ctx, i)
}
