package diskobject

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
)

// upkeepPage is how many rows of the index are read at a time: the index stands still
// meanwhile.
const upkeepPage = 1000

// pages calls row with every row that has a prefix, many at a time in one view of the
// index, and after each of them page, until that wants no more.
func (s *Store) pages(ctx context.Context, prefix string, row func(key string, value []byte) error, page func() (more bool)) error {
	from := []byte(prefix)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := 0
		err := s.view(func() error {
			return s.scan([]byte(prefix), from, func(key, value []byte) (bool, error) {
				if n++; n > upkeepPage {
					return false, nil
				}
				from = append(append(from[:0], key...), 0)
				return true, row(string(key[len(prefix):]), value)
			})
		})
		if err != nil || !page() || n <= upkeepPage {
			return err
		}
	}
}

// Holders implements object.Upkeep.
func (s *Store) Holders(ctx context.Context) iter.Seq2[object.Holder, error] {
	return func(yield func(object.Holder, error) bool) {
		var some []object.Holder
		err := s.pages(ctx, "h", func(holder string, value []byte) error {
			var h hold
			if err := json.Unmarshal(value, &h); err != nil {
				return fmt.Errorf("read hold of %q: %w", holder, err)
			}
			var c content
			if _, err := s.get(contentKey(h.Content), &c); err != nil {
				return err
			}
			one := object.Holder{Name: holder, Since: h.Since}
			for _, seg := range c.Segments {
				one.Bytes += seg.Size
			}
			some = append(some, one)
			return nil
		}, func() bool {
			for _, h := range some {
				if !yield(h, nil) {
					return false
				}
			}
			some = some[:0]
			return true
		})
		if err != nil {
			yield(object.Holder{}, err)
		}
	}
}

// Objects implements object.Upkeep.
func (s *Store) Objects(ctx context.Context, bucket string) iter.Seq2[object.Info, error] {
	return func(yield func(object.Info, error) bool) {
		var accounts []string
		err := s.pages(ctx, "b", func(key string, _ []byte) error {
			if account, ok := strings.CutSuffix(key, "\x00"+bucket); ok && !strings.Contains(account, "\x00") {
				accounts = append(accounts, account)
			}
			return nil
		}, func() bool { return true })
		for _, account := range accounts {
			for after, more := "", true; more && err == nil; more = after != "" {
				if err = ctx.Err(); err != nil {
					break
				}
				var p Page
				if p, err = s.List(ctx, account, bucket, Query{After: after, Max: upkeepPage}); err != nil {
					break
				}
				for _, o := range p.Objects {
					if !yield(o.Info, nil) {
						return
					}
				}
				after = p.Next
			}
		}
		if err != nil {
			yield(object.Info{}, err)
		}
	}
}

// DeleteIfUnchanged implements object.Upkeep.
func (s *Store) DeleteIfUnchanged(_ context.Context, i object.Info) (deleted bool, err error) {
	err = s.updateToDelete(func(st *step) error {
		e, err := lookup(st, i.Name)
		if fault.Is(err, fault.NotFound) || err == nil && e.Content != i.Version {
			return nil
		}
		if err != nil {
			return err
		}
		if err := st.delete(objectKey(i.Name)); err != nil {
			return err
		}
		deleted = true
		return st.refer(e.Content, -1)
	})
	return deleted && err == nil, err
}

// AbortUploads implements object.Upkeep, for the buckets of all accounts.
func (s *Store) AbortUploads(ctx context.Context, before time.Time, limit int) (ended int, bytes int64, err error) {
	var old []Upload
	err = s.pages(ctx, "u", func(key string, value []byte) error {
		u, err := readUpload(key, value)
		if err == nil && len(old) < limit && u.Started.Before(before) {
			old = append(old, u)
		}
		return err
	}, func() bool { return len(old) < limit })
	if err != nil {
		return 0, 0, err
	}
	for _, u := range old {
		if err := ctx.Err(); err != nil {
			return ended, bytes, err
		}
		size := int64(0)
		err := s.view(func() error {
			return s.scanParts(u.ID, 0, func(p Part) bool { size += p.Size; return true })
		})
		if err != nil {
			return ended, bytes, err
		}
		switch err := s.Abort(ctx, u.Name, u.ID, time.Time{}); {
		case errors.Is(err, ErrNoUpload): // it was completed or aborted meanwhile
		case err != nil:
			return ended, bytes, err
		default:
			ended++
			bytes += size
		}
	}
	return ended, bytes, nil
}

// readUpload reads a row of an upload by its key without the first byte.
func readUpload(key string, value []byte) (Upload, error) {
	account, rest, _ := strings.Cut(key, "\x00")
	bucket, rest, ok := strings.Cut(rest, "\x00")
	name := len(rest) - uploadIDLength - 1
	if !ok || name < 0 {
		return Upload{}, fmt.Errorf("read upload: its key %q has another form", key)
	}
	u := Upload{Name: object.Name{Account: account, Bucket: bucket, Key: rest[:name]}, ID: rest[name+1:]}
	if err := json.Unmarshal(value, &u); err != nil {
		return Upload{}, fmt.Errorf("read upload: %w", err)
	}
	return u, nil
}
