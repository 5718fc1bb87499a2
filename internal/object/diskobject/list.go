package diskobject

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/pebbledb"
)

// Query asks for keys in the binary order of their UTF-8.
type Query struct {
	Prefix    string // of the keys wanted
	Delimiter string // folds keys up to its first place after Prefix into one group; "" folds none
	After     string // the last key or group that is known
	Max       int    // of objects and groups together
}

// Page is an answer to a Query.
type Page struct {
	Objects []Object
	Groups  []string // each with its delimiter at the end
	Next    string   // the After of the next page; "" if this is the last one
}

// List returns the objects of a bucket.
func (s *Store) List(_ context.Context, account, bucket string, q Query) (Page, error) {
	n := object.Name{Account: account, Bucket: bucket}
	var p Page
	err := s.view(func() error {
		return s.list(objectKey(n), q, walk{
			name: func(rest string) string { return rest },
			group: func(g string) {
				p.Groups = append(p.Groups, g)
			},
			one: func(key string, value []byte) error {
				var e entry
				if err := json.Unmarshal(value, &e); err != nil {
					return fmt.Errorf("read entry: %w", err)
				}
				n.Key = key
				p.Objects = append(p.Objects, e.object(n))
				return nil
			},
			more: func(last string) { p.Next = last },
		})
	})
	return p, err
}

// walk is told what a listing comes by.
type walk struct {
	name  func(rest string) string // the key in what follows the index key's prefix
	group func(prefix string)
	one   func(rest string, value []byte) error
	more  func(last string) // there is more, behind last
}

// list walks the keys behind root as q says. Whole groups are jumped over, so folding
// a million keys costs one seek.
func (s *Store) list(root []byte, q Query, w walk) error {
	if q.Max <= 0 {
		return nil
	}
	prefix := append(root[:len(root):len(root)], q.Prefix...)
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: pebbledb.PrefixEnd(prefix)})
	if err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	defer func() { _ = it.Close() }()

	found, last := 0, ""
	ok := it.First()
	if q.After != "" {
		ok = s.startAfter(it, root, q)
	}
	for ok {
		rest := string(it.Key()[len(root):])
		if found == q.Max {
			w.more(last)
			return it.Error()
		}
		found++
		if g, grouped := q.commonPrefix(w.name(rest)); grouped {
			w.group(g)
			last = g
			ok = it.SeekGE(pebbledb.PrefixEnd(append(root[:len(root):len(root)], g...)))
			continue
		}
		if err := w.one(rest, it.Value()); err != nil {
			return err
		}
		last = rest
		ok = it.Next()
	}
	return it.Error()
}

// startAfter places it behind q.After: behind the whole group, if that is one.
func (s *Store) startAfter(it *pebble.Iterator, root []byte, q Query) bool {
	from := append(root[:len(root):len(root)], q.After...)
	if g, ok := q.commonPrefix(q.After); ok && g == q.After {
		return it.SeekGE(pebbledb.PrefixEnd(from))
	}
	return it.SeekGE(append(from, 0))
}

// commonPrefix returns the group that key is in.
func (q Query) commonPrefix(key string) (string, bool) {
	if q.Delimiter == "" || !strings.HasPrefix(key, q.Prefix) {
		return "", false
	}
	i := strings.Index(key[len(q.Prefix):], q.Delimiter)
	if i < 0 {
		return "", false
	}
	return key[:len(q.Prefix)+i+len(q.Delimiter)], true
}
