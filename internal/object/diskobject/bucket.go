package diskobject

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/pebbledb"
)

// Bucket is a name space for keys, in an account.
type Bucket struct {
	Name    string    `json:"name"`
	Region  string    `json:"region,omitempty"` // that its maker signed for
	Created time.Time `json:"created"`
}

// CreateBucket makes a bucket; one that exists is fault.AlreadyExists.
func (s *Store) CreateBucket(_ context.Context, account, name, region string) error {
	if err := checkBucket(name); err != nil {
		return err
	}
	return s.update(func(st *step) error {
		var b Bucket
		ok, err := st.get(bucketKey(account, name), &b)
		if err != nil {
			return err
		}
		if ok {
			return fault.New(fault.AlreadyExists, "Your previous request to create the named bucket succeeded and you already own it.")
		}
		return st.set(bucketKey(account, name), Bucket{name, region, s.now().UTC()})
	})
}

// Bucket tells about a bucket, or ErrNoBucket.
func (s *Store) Bucket(_ context.Context, account, name string) (Bucket, error) {
	var b Bucket
	err := s.view(func() error {
		ok, err := s.get(bucketKey(account, name), &b)
		if err == nil && !ok {
			err = ErrNoBucket
		}
		return err
	})
	return b, err
}

// Buckets returns the buckets of an account by name.
func (s *Store) Buckets(_ context.Context, account string) ([]Bucket, error) {
	var all []Bucket
	err := s.view(func() error {
		prefix := bucketKey(account, "")
		return s.scan(prefix, prefix, func(_, value []byte) (bool, error) {
			var b Bucket
			if err := json.Unmarshal(value, &b); err != nil {
				return false, fmt.Errorf("read bucket: %w", err)
			}
			all = append(all, b)
			return true, nil
		})
	})
	return all, err
}

// DeleteBucket removes an empty bucket; one with an object in it is fault.Conflict.
// Uploads that were never completed go with it.
func (s *Store) DeleteBucket(_ context.Context, account, name string) error {
	n := object.Name{Account: account, Bucket: name}
	return s.update(func(st *step) error {
		if err := st.needBucket(n); err != nil {
			return err
		}
		prefix := objectKey(n)
		err := s.scan(prefix, prefix, func(_, _ []byte) (bool, error) {
			return false, fault.New(fault.Conflict, "The bucket you tried to delete is not empty")
		})
		if err != nil {
			return err
		}
		if err := st.dropUploads(n); err != nil {
			return err
		}
		return st.delete(bucketKey(account, name))
	})
}

func (st *step) needBucket(n object.Name) error {
	var b Bucket
	ok, err := st.get(bucketKey(n.Account, n.Bucket), &b)
	if err == nil && !ok {
		err = ErrNoBucket
	}
	return err
}

func (st *step) makeBucket(n object.Name) error {
	err := st.needBucket(n)
	if errors.Is(err, ErrNoBucket) {
		return st.set(bucketKey(n.Account, n.Bucket), Bucket{Name: n.Bucket, Created: st.s.now().UTC()})
	}
	return err
}

// scan calls fn with what is at from and behind it, as long as the keys start with
// prefix and fn wants more. The slices are fn's until it returns. A step that has not
// been applied is not seen.
func (s *Store) scan(prefix, from []byte, fn func(key, value []byte) (more bool, err error)) error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: pebbledb.PrefixEnd(prefix)})
	if err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	for ok := it.SeekGE(from); ok; ok = it.Next() {
		more, err := fn(it.Key(), it.Value())
		if err != nil || !more {
			_ = it.Close()
			return err
		}
	}
	return it.Close()
}

// checkBucket refuses what the index cannot hold. S3's own rules are those of its
// endpoint.
func checkBucket(name string) error {
	if name == "" || len(name) > 255 || strings.ContainsAny(name, "\x00/") {
		return fault.New(fault.Invalid, "%q is no name of a bucket", name)
	}
	return nil
}
