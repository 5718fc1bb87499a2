package diskobject

import (
	"context"
	"encoding/hex"
	"io"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
)

// MaxKey is how many bytes a key may have, at AWS and here.
const MaxKey = 1024

// What S3 tells apart under one fault kind.
var (
	ErrNoBucket   = fault.New(fault.NotFound, "The specified bucket does not exist")
	ErrNoUpload   = fault.New(fault.NotFound, "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.")
	ErrKeyTooLong = fault.New(fault.Invalid, "Your key is too long")
	ErrPartSmall  = fault.New(fault.Invalid, "Your proposed upload is smaller than the minimum allowed size")
	ErrPart       = fault.New(fault.Invalid, "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.")
	ErrPartOrder  = fault.New(fault.Invalid, "The list of parts was not in ascending order. Parts must be ordered by part number.")
)

// Meta is what a caller says about an object, and gets back with it.
type Meta struct {
	ContentType string            `json:"type,omitempty"`
	Headers     map[string]string `json:"headers,omitempty"` // Cache-Control and similar headers
	User        map[string]string `json:"user,omitempty"`    // without x-amz-meta-, lower case
}

// Object is all that is known about an object without reading it.
type Object struct {
	object.Info
	Meta     Meta
	Checksum Checksum
	Parts    int // that it was put in; 0 if it was put whole
}

// Write says how an object, or a part of one, is to be put.
type Write struct {
	Meta     Meta
	Checksum Algorithm // to keep with it; "" means CRC64NVME
	If       Condition

	// Check, unless nil, is asked when the stream has ended well and before anything
	// has changed. Its error is the put's.
	Check func(Digest) error
}

func (w Write) check(d Digest) error {
	if w.Check == nil {
		return nil
	}
	return w.Check(d)
}

// Head returns what is known of the object n.
func (s *Store) Head(_ context.Context, n object.Name) (Object, error) {
	var e entry
	err := s.view(func() (err error) {
		e, err = lookup(s, n)
		return err
	})
	return e.object(n), err
}

// Write puts what r gives under n. Unlike Put it makes no bucket.
func (s *Store) Write(ctx context.Context, n object.Name, w Write, r io.Reader) (Object, error) {
	return s.writeObject(ctx, n, w, r, (*step).needBucket)
}

func (s *Store) writeObject(ctx context.Context, n object.Name, w Write, r io.Reader, bucket func(*step, object.Name) error) (Object, error) {
	if err := checkName(n); err != nil {
		return Object{}, err
	}
	if w.Checksum == "" {
		w.Checksum = CRC64NVME
	}
	blob, err := s.write(ctx, r, w.Checksum)
	if err != nil {
		return Object{}, err
	}
	e := entry{
		Content: newID(), Size: blob.digest.Size, ETag: hex.EncodeToString(blob.digest.MD5[:]), Modified: s.now().UTC(),
		Meta: w.Meta, Checksum: Checksum{Algorithm: w.Checksum, Value: blob.digest.Sum(w.Checksum)},
	}
	err = w.check(blob.digest)
	if err == nil {
		err = s.update(func(st *step) error {
			if err := bucket(st, n); err != nil {
				return err
			}
			if err := w.If.check(st, n); err != nil {
				return err
			}
			if err := st.own(blob); err != nil {
				return err
			}
			if err := st.set(contentKey(e.Content), content{n.Account, blob.segments, 1}); err != nil {
				return err
			}
			return st.put(n, e)
		})
	}
	if err != nil {
		s.discard(blob, err)
		return Object{}, err
	}
	return e.object(n), nil
}

func validUTF8(s string) bool { return utf8.ValidString(s) }
