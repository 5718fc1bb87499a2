package pebblestore

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// listRow is what is stored of a list.
type listRow struct {
	List   store.List
	Number uint64 // of its members' keys
	Token  string // it was created with; goes with it
}

// listID is what is asked of a list for its members' sake. It never changes.
type listID struct {
	number     uint64
	uniqueKeys bool // its members have some
}

// listCache finds a listID without reading the list. It holds only lists that are there.
type listCache struct {
	ids  sync.Map // of store.ListRef to listID
	size atomic.Int64
}

// maxCachedLists bounds the cache, which is emptied when it is full.
const maxCachedLists = 16 << 10

func (c *listCache) add(r store.ListRef, id listID) {
	if _, was := c.ids.Swap(r, id); was {
		return
	}
	if c.size.Add(1) > maxCachedLists {
		c.ids.Clear()
		c.size.Store(0)
	}
}

func (c *listCache) remove(r store.ListRef) {
	if _, was := c.ids.LoadAndDelete(r); was {
		c.size.Add(-1)
	}
}

// listID returns the listID of a list; store.ErrNoList. It takes no lock if the list was
// asked for before.
func (s *Store) listID(r store.ListRef) (listID, error) {
	if id, ok := s.lists.ids.Load(r); ok {
		return id.(listID), nil
	}
	// The lock keeps DeleteList from passing between reading and remembering.
	defer s.listsIn.share(r)()
	return s.listIDLocked(r)
}

// listIDLocked is listID for those who have locked the list in one way or the other.
func (s *Store) listIDLocked(r store.ListRef) (listID, error) {
	if id, ok := s.lists.ids.Load(r); ok {
		return id.(listID), nil
	}
	row, err := s.listRow(s.db, r)
	if err != nil {
		return listID{}, err
	}
	id := listID{row.Number, row.List.UniqueKeys}
	s.lists.add(r, id)
	return id, nil
}

func (s *Store) listRow(from pebble.Reader, r store.ListRef) (*listRow, error) {
	v, err := getFrom(from, keyOfList(r))
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, store.NoList(r)
	}
	row := new(listRow)
	if err := json.Unmarshal(v, row); err != nil {
		return nil, fmt.Errorf("read list %s: %w", r.ID, err)
	}
	return row, nil
}

func setList(b *pebble.Batch, row *listRow) error {
	v, err := json.Marshal(row)
	if err != nil {
		return fmt.Errorf("store list %s: %w", row.List.Ref.ID, err)
	}
	return b.Set(keyOfList(row.List.Ref), v, nil)
}

// lockNames locks what may be created, renamed or deleted among an owner's lists of
// one kind.
func (s *Store) lockNames(o job.Owner, k job.Kind) (unlock func()) {
	return s.owners.lock(ownerKey{account: o.Account, region: o.Region, what: tokenOfList, kind: string(k)})
}

// CreateList implements store.Lists.
func (s *Store) CreateList(ctx context.Context, l store.List, once store.Once, most int) (store.List, error) {
	if err := ctx.Err(); err != nil {
		return store.List{}, err
	}
	number, err := s.number()
	if err != nil {
		return store.List{}, err
	}
	l.Created, l.Updated = stamp(l.Created), stamp(l.Updated)
	defer s.lockNames(l.Ref.Owner, l.Ref.Kind)()
	token := keyOfToken(l.Ref.Owner, tokenOfList, string(l.Ref.Kind), once.Token)
	if id, ok, err := s.made(token, once); err != nil || ok {
		l.Ref.ID = id
		return s.listIfNo(err, l.Ref)
	}
	if err := s.mayCreateList(l, most); err != nil {
		return store.List{}, err
	}
	b := s.db.NewBatch()
	defer b.Close()
	if err := setToken(b, token, once, l.Ref.ID); err != nil {
		return store.List{}, err
	}
	b.Set(keyOfListName(l.Ref, l.Name), []byte(l.Ref.ID), nil)
	b.Set(keyOfListOrder(&l), nil, nil)
	if err := setList(b, &listRow{List: l, Number: number, Token: once.Token}); err != nil {
		return store.List{}, err
	}
	return s.listIfNo(s.apply(b), l.Ref)
}

func (s *Store) mayCreateList(l store.List, most int) error {
	for _, key := range [][]byte{keyOfList(l.Ref), keyOfListName(l.Ref, l.Name)} {
		if taken, err := s.get(key); err != nil {
			return err
		} else if taken != nil {
			return fault.New(fault.AlreadyExists, "there is a list %s already", l.Name)
		}
	}
	if most <= 0 {
		return nil
	}
	n, err := s.countKeys(listOrderPrefix(l.Ref.Owner, l.Ref.Kind), most)
	if err == nil && n >= most {
		err = fault.New(fault.LimitExceeded, "there are %d lists already", n)
	}
	return err
}

// listIfNo reads a list unless there was an error.
func (s *Store) listIfNo(err error, r store.ListRef) (store.List, error) {
	if err != nil {
		return store.List{}, err
	}
	row, err := s.listRow(s.db, r)
	if err != nil {
		return store.List{}, err
	}
	return row.List, nil
}

// List implements store.Lists.
func (s *Store) List(ctx context.Context, r store.ListRef) (store.List, error) {
	return s.listIfNo(ctx.Err(), r)
}

// ListLists implements store.Lists.
func (s *Store) ListLists(ctx context.Context, o job.Owner, k job.Kind, p store.Page) ([]store.List, string, error) {
	snap := s.db.NewSnapshot()
	defer snap.Close()
	p.Budget = math.MaxInt // there is no filter: the limit bounds it
	return inOrder(ctx, s, snap, listOrderPrefix(o, k), p, oldestFirst, func(id string) (store.List, bool, error) {
		row, err := s.listRow(snap, store.ListRef{Owner: o, Kind: k, ID: id})
		if err != nil {
			return store.List{}, false, err
		}
		return row.List, true, nil
	})
}

// ChangeList implements store.Lists.
func (s *Store) ChangeList(ctx context.Context, r store.ListRef, change func(*store.List) error) (store.List, error) {
	if err := ctx.Err(); err != nil {
		return store.List{}, err
	}
	defer s.lockNames(r.Owner, r.Kind)()
	row, err := s.listRow(s.db, r)
	if err != nil {
		return store.List{}, err
	}
	name, created, uniqueKeys := row.List.Name, row.List.Created, row.List.UniqueKeys
	if err := change(&row.List); err != nil {
		return store.List{}, err
	}
	row.List.Ref, row.List.Created, row.List.Updated = r, created, stamp(row.List.Updated)
	row.List.UniqueKeys = uniqueKeys
	b := s.db.NewBatch()
	defer b.Close()
	if row.List.Name != name {
		if err := s.rename(b, row.List, name); err != nil {
			return store.List{}, err
		}
	}
	if err := setList(b, row); err != nil {
		return store.List{}, err
	}
	return s.listIfNo(s.apply(b), r)
}

func (s *Store) rename(b *pebble.Batch, l store.List, from string) error {
	taken, err := s.get(keyOfListName(l.Ref, l.Name))
	if err != nil {
		return err
	}
	if taken != nil {
		return fault.New(fault.AlreadyExists, "there is a list %s already", l.Name)
	}
	b.Delete(keyOfListName(l.Ref, from), nil)
	b.Set(keyOfListName(l.Ref, l.Name), []byte(l.Ref.ID), nil)
	return nil
}
