package diskobject

import (
	"context"
	"encoding/base64"
	"errors"
	"io"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
)

// Copying says how an object is to be copied. The zero value copies all of it.
type Copying struct {
	Meta     *Meta              // replaces the source's, unless it is nil
	Checksum Algorithm          // of all bytes, to keep with the copy; "" keeps the source's checksum
	If       Condition          // on the destination
	Accept   func(Object) error // unless nil, is asked about the source; its error is Copy's
}

// errSourceChanged: the source is not the version whose checksum was computed.
var errSourceChanged = errors.New("the source of a copy has changed")

// Copy makes dst an object with the bytes of src, which is in the same account. No byte
// is copied; bytes are read only for a checksum that the source does not have.
func (s *Store) Copy(ctx context.Context, src, dst object.Name, o Copying) (Object, error) {
	if err := checkName(dst); err != nil {
		return Object{}, err
	}
	if src.Account != dst.Account {
		return Object{}, fault.New(fault.Denied, "Access Denied")
	}
	if o.Checksum == "" {
		return s.copyVersion(src, dst, o, "", Checksum{})
	}
	for {
		version, sum, err := s.checksum(ctx, src, o.Checksum)
		if err != nil {
			return Object{}, err
		}
		made, err := s.copyVersion(src, dst, o, version, sum)
		if !errors.Is(err, errSourceChanged) {
			return made, err
		}
	}
}

// copyVersion copies src in one step. Unless version is "", src must have that version,
// and the copy's checksum is sum.
func (s *Store) copyVersion(src, dst object.Name, o Copying, version string, sum Checksum) (Object, error) {
	var e entry
	err := s.update(func(st *step) (err error) {
		if err := st.needBucket(dst); err != nil {
			return err
		}
		if e, err = lookup(st, src); err != nil {
			return err
		}
		if o.Accept != nil {
			if err := o.Accept(e.object(src)); err != nil {
				return err
			}
		}
		if err := o.If.check(st, dst); err != nil {
			return err
		}
		if version != "" {
			if e.Content != version {
				return errSourceChanged
			}
			e.Checksum = sum
		}
		if o.Meta != nil {
			e.Meta = *o.Meta
		}
		e.Modified = s.now().UTC()
		if err := st.refer(e.Content, 1); err != nil {
			return err
		}
		return st.put(dst, e)
	})
	return e.object(dst), err
}

// checksum returns the checksum of all bytes of n, and of which version it is.
func (s *Store) checksum(ctx context.Context, n object.Name, a Algorithm) (version string, sum Checksum, err error) {
	r, err := s.Get(ctx, n)
	if err != nil {
		return "", Checksum{}, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if have := r.Object.Checksum; have.Algorithm == a && !have.Composite {
		return r.Object.Version, have, nil
	}
	h := a.New()
	if h == nil {
		return "", Checksum{}, fault.New(fault.Invalid, "%q is not a checksum algorithm", a)
	}
	buf := s.bufs.Get().(*[]byte)
	defer s.bufs.Put(buf)
	for {
		if err := context.Cause(ctx); err != nil {
			return "", Checksum{}, err
		}
		n, err := r.Read(*buf)
		h.Write((*buf)[:n])
		if err == io.EOF {
			return r.Object.Version, Checksum{Algorithm: a, Value: base64.StdEncoding.EncodeToString(h.Sum(nil))}, nil
		}
		if err != nil {
			return "", Checksum{}, err
		}
	}
}
