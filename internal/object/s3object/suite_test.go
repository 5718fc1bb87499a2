package s3object_test

import (
	"context"
	"io"
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
	runSuite(t, true, map[string]string{
		"OddKeys": "keys with . and .. are refused, see TestKeys",
	})
}

// Where it keeps none, nothing outlives what is put over it.
func TestSuiteOfETags(t *testing.T) {
	t.Parallel()
	const bound = "S3 keeps nothing that is replaced, see TestReplaced"
	runSuite(t, false, map[string]string{
		"OddKeys":            "keys with . and .. are refused, see TestKeys",
		"Versions":           "equal bytes have one ETag",
		"Empty":              bound,
		"HoldOutlivesPut":    bound,
		"HoldOutlivesDelete": bound,
		"HoldOutlivesReopen": bound,
		"HoldMoves":          bound,
		"HoldersAreSeparate": bound,
		"ReaderOutlivesPut":  bound,
	})
}

// runSuite runs the suite but for the tests that are named, with the reason why not.
func runSuite(t *testing.T, versions bool, except map[string]string) {
	address := endpoint(t)
	objecttest.Run(t, func(t *testing.T) object.Store {
		if why, ok := except[path.Base(t.Name())]; ok {
			t.Skip(why)
		}
		r := newRig(t, address)
		if versions {
			r.keepVersions()
		}
		return &renamed{Store: r.open(s3object.Options{}), rig: r}
	})
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
