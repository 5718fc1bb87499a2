package pebblestore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/store"
)

// direction is the order in which a table is read.
type direction bool

const (
	oldestFirst direction = false
	newestFirst direction = true
)

// inOrder gives a page of what an order table lists under a prefix, by what load makes
// of an id; load tells what is to be left out.
func inOrder[T any](ctx context.Context, s *Store, r pebble.Reader, prefix []byte, p store.Page, d direction, load func(id string) (T, bool, error)) ([]T, string, error) {
	from, err := pageStart(prefix, p)
	if err != nil {
		return nil, "", err
	}
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return nil, "", fmt.Errorf("list in order: %w", err)
	}
	defer it.Close()
	defer s.tidy(it, prefix[0])
	var page []T
	last := "" // token of what was examined
	examined := 0
	for ok := d.seek(it, from); ok; ok = d.step(it) {
		if err := ctx.Err(); err != nil {
			return nil, "", err
		}
		if examined == p.Budget {
			return page, last, nil
		}
		examined++
		cursor := it.Key()[len(prefix):]
		one, ok, err := load(string(cursor[timeLen:]))
		if err != nil {
			return nil, "", err
		}
		if ok && len(page) == p.Limit {
			return page, last, nil
		}
		if ok {
			page = append(page, one)
		}
		last = cursorText(cursor)
	}
	return page, "", it.Error()
}

// seek moves an iterator behind a key, or to the first row if the key is nil.
func (d direction) seek(it *pebble.Iterator, behind []byte) bool {
	switch {
	case d == newestFirst && behind == nil:
		return it.Last()
	case d == newestFirst:
		return it.SeekLT(behind)
	case behind == nil:
		return it.First()
	}
	return it.SeekGE(append(behind, 0))
}

func (d direction) step(it *pebble.Iterator) bool {
	if d == newestFirst {
		return it.Prev()
	}
	return it.Next()
}

// each calls do with every key that has a prefix, and what is there. The error errEnough
// of do's ends it early.
func each(ctx context.Context, r pebble.Reader, prefix []byte, do func(key, value []byte) error) error {
	return eachIn(ctx, r, keyRange{prefix, after(prefix)}, do, func(*pebble.Iterator) {})
}

// eachRow is each for a table whose rows come and go.
func (s *Store) eachRow(ctx context.Context, r pebble.Reader, prefix []byte, do func(key, value []byte) error) error {
	tidy := func(it *pebble.Iterator) { s.tidy(it, prefix[0]) }
	return eachIn(ctx, r, keyRange{prefix, after(prefix)}, do, tidy)
}

// eachIn is each for a range. The iterator is given to end before it is closed.
func eachIn(ctx context.Context, r pebble.Reader, in keyRange, do func(key, value []byte) error, end func(*pebble.Iterator)) error {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: in.start, UpperBound: in.end})
	if err != nil {
		return err
	}
	defer it.Close()
	defer end(it)
	for ok := it.First(); ok; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		v, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		if err := do(it.Key(), v); errors.Is(err, errEnough) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return it.Error()
}

var errEnough = errors.New("enough")

// pageStart returns the key that the page before ended with, nil if there is none.
func pageStart(prefix []byte, p store.Page) ([]byte, error) {
	if p.Limit < 1 {
		return nil, errLimit
	}
	if p.After == "" {
		return nil, nil
	}
	cursor, err := cursorOf(p.After)
	if err != nil {
		return nil, err
	}
	return slices.Concat(prefix, cursor), nil
}

var errLimit = fault.New(fault.Invalid, "page size must be at least 1")

// token is what is stored of a creation that was asked for once.
type token struct {
	Input string
	ID    string // of what was created
}

// token returns what is stored at the key of a token, nil if nothing is.
func (s *Store) token(key []byte, once store.Once) (*token, error) {
	if once.Token == "" {
		return nil, nil
	}
	v, err := s.get(key)
	if err != nil || v == nil {
		return nil, err
	}
	t := new(token)
	if err := json.Unmarshal(v, t); err != nil {
		return nil, fmt.Errorf("read token: %w", err)
	}
	return t, nil
}

// made returns the id of what was created with a token before.
func (s *Store) made(key []byte, once store.Once) (id string, ok bool, err error) {
	t, err := s.token(key, once)
	if err != nil || t == nil {
		return "", false, err
	}
	return t.ID, true, t.mustBeFor(once)
}

func (t *token) mustBeFor(once store.Once) error {
	if t.Input != once.Input {
		return fault.New(fault.Conflict, "the client token was used with other parameters")
	}
	return nil
}

func setToken(b *pebble.Batch, key []byte, once store.Once, id string) error {
	if once.Token == "" {
		return nil
	}
	v, err := json.Marshal(token{Input: once.Input, ID: id})
	if err != nil {
		return fmt.Errorf("store token: %w", err)
	}
	return b.Set(key, v, nil)
}
