package pebblestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/store"
)

// PutMember implements store.Members.
func (s *Store) PutMember(ctx context.Context, r store.ListRef, key string, value []byte, at time.Time, o store.PutOptions) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	list, unlock, err := s.lockMember(ctx, r, key, o.Max > 0)
	if err != nil {
		return err
	}
	defer unlock()
	if len(o.Unique) > 0 && !list.uniqueKeys {
		return errUniqueKeys
	}
	k := keyOfMember(list.number, key)
	_, counted := s.counts.get(list.number)
	b := s.db.NewBatch()
	defer b.Close()
	isNew := false
	if list.uniqueKeys || counted || o.New { // or else nobody need know whether it is there
		was, err := s.get(k)
		if err != nil {
			return err
		}
		if isNew = was == nil; !isNew && o.New {
			return fault.New(fault.AlreadyExists, "the list has this member already")
		}
		if list.uniqueKeys {
			if err := s.assignOne(b, list.number, key, was, o.Unique); err != nil {
				return err
			}
		}
	}
	if isNew {
		if err := s.counts.reserve(list.number, o.Max); err != nil {
			return err
		}
	}
	us := at.UnixMicro()
	row := appendMemberTimes(nil, us, us)
	if list.uniqueKeys {
		row = appendUniqueKeys(row, o.Unique)
	}
	b.Merge(k, append(row, value...), nil)
	if err := s.apply(b); err != nil {
		if isNew {
			s.counts.add(list.number, -1)
		}
		return err
	}
	return nil
}

// errUniqueKeys is a mistake of the caller's.
var errUniqueKeys = errors.New("a member or a batch with unique keys is for a list with UniqueKeys, and a batch for such a list says so")

// lockMember locks one member of a list, whose members are counted afterwards if they
// must be. Where members have unique keys it locks the whole list: what one of them takes or
// gives up concerns all.
func (s *Store) lockMember(ctx context.Context, r store.ListRef, key string, counted bool) (listID, func(), error) {
	list, err := s.listID(r)
	if err != nil {
		return listID{}, nil, err
	}
	if list.uniqueKeys {
		return s.lockList(ctx, r, counted)
	}
	share := s.shareList
	if counted {
		share = s.shareCounted
	}
	list, leave, err := share(ctx, r)
	if err != nil {
		return listID{}, nil, err
	}
	if list.uniqueKeys { // it was deleted and created again meanwhile
		leave()
		return s.lockList(ctx, r, counted)
	}
	unlock := s.members.lock(memberKey{list: list.number, key: key})
	return list, func() { unlock(); leave() }, nil
}

func (s *Store) lockList(ctx context.Context, r store.ListRef, counted bool) (list listID, unlock func(), err error) {
	unlock = s.listsIn.lock(r)
	list, err = s.listIDLocked(r)
	if err == nil && counted {
		_, err = s.countLocked(ctx, list.number)
	}
	if err != nil {
		unlock()
		return listID{}, nil, err
	}
	return list, unlock, nil
}

// shareList shares a list's lock.
func (s *Store) shareList(_ context.Context, r store.ListRef) (list listID, unlock func(), err error) {
	unlock = s.listsIn.share(r)
	list, err = s.listIDLocked(r)
	if err != nil {
		unlock()
		return listID{}, nil, err
	}
	return list, unlock, nil
}

func (s *Store) has(key []byte) (bool, error) {
	_, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read from store: %w", err)
	}
	return true, closer.Close()
}

// ChangeMember implements store.Members.
func (s *Store) ChangeMember(ctx context.Context, r store.ListRef, key string, at time.Time, change func(*store.Member) error) (store.Member, error) {
	if err := ctx.Err(); err != nil {
		return store.Member{}, err
	}
	list, unlock, err := s.lockMember(ctx, r, key, false)
	if err != nil {
		return store.Member{}, err
	}
	defer unlock()
	k := keyOfMember(list.number, key)
	was, err := s.get(k)
	if err != nil {
		return store.Member{}, err
	}
	if was == nil {
		return store.Member{}, store.ErrNoMember
	}
	m, err := decodeMember(key, was, list.uniqueKeys)
	if err != nil {
		return store.Member{}, err
	}
	created := m.Created
	if err := change(&m); err != nil {
		return store.Member{}, err
	}
	b := s.db.NewBatch()
	defer b.Close()
	now := appendMemberTimes(nil, created.UnixMicro(), at.UnixMicro())
	if now, err = s.changeUniqueKeys(b, list, key, was, m.Unique, now); err != nil {
		return store.Member{}, err
	}
	now = append(now, m.Value...)
	b.Merge(k, now, nil)
	if err := s.apply(b); err != nil {
		return store.Member{}, err
	}
	return decodeMember(key, now, list.uniqueKeys)
}

// changeUniqueKeys appends to a member's row the unique keys that it has from now on: those
// it had, by the row as it was, if unique is nil.
func (s *Store) changeUniqueKeys(b *pebble.Batch, list listID, key string, was []byte, unique []store.UniqueKey, row []byte) ([]byte, error) {
	switch {
	case !list.uniqueKeys && len(unique) > 0:
		return nil, errUniqueKeys
	case !list.uniqueKeys:
		return row, nil
	case unique == nil:
		kept, err := keepUniqueKeys(was)
		return append(row, kept...), err
	}
	return appendUniqueKeys(row, unique), s.assignOne(b, list.number, key, was, unique)
}

// DeleteMember implements store.Members.
func (s *Store) DeleteMember(ctx context.Context, r store.ListRef, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	list, unlock, err := s.lockMember(ctx, r, key, false)
	if err != nil {
		return err
	}
	defer unlock()
	k := keyOfMember(list.number, key)
	was, err := s.get(k)
	if err != nil {
		return err
	}
	if was == nil {
		return store.ErrNoMember
	}
	b := s.db.NewBatch()
	defer b.Close()
	if list.uniqueKeys {
		if err := s.releaseOne(b, list.number, was); err != nil {
			return err
		}
	}
	b.Delete(k, nil)
	if err := s.apply(b); err != nil {
		return err
	}
	s.counts.add(list.number, -1)
	return nil
}

// Member implements store.Members. It takes no lock.
func (s *Store) Member(ctx context.Context, r store.ListRef, key string) (store.Member, error) {
	if err := ctx.Err(); err != nil {
		return store.Member{}, err
	}
	list, err := s.listID(r)
	if err != nil {
		return store.Member{}, err
	}
	v, closer, err := s.db.Get(keyOfMember(list.number, key))
	if errors.Is(err, pebble.ErrNotFound) {
		return store.Member{}, store.ErrNoMember
	}
	if err != nil {
		return store.Member{}, fmt.Errorf("read member: %w", err)
	}
	m, err := decodeMember(key, v, list.uniqueKeys)
	return m, errors.Join(err, closer.Close())
}

// ListMembers implements store.Members. A page's token is the last key that was examined.
func (s *Store) ListMembers(ctx context.Context, r store.ListRef, f store.MemberFilter, p store.Page) ([]store.Member, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	if p.Limit < 1 {
		return nil, "", errLimit
	}
	list, err := s.listID(r)
	if err != nil {
		return nil, "", err
	}
	prefix := keyOfMember(list.number, f.Prefix)
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return nil, "", fmt.Errorf("list members: %w", err)
	}
	defer it.Close()
	// Deleted meanwhile, the list must not look empty.
	if now, err := s.listID(r); err != nil || now != list {
		return nil, "", errors.Join(err, noListUnless(err, r))
	}
	from := prefix
	if p.After != "" {
		from = append(keyOfMember(list.number, p.After), 0)
	}
	return pageOfMembers(ctx, it, from, list.uniqueKeys, f.Match, p)
}

func noListUnless(err error, r store.ListRef) error {
	if err != nil {
		return nil
	}
	return store.NoList(r)
}

func pageOfMembers(ctx context.Context, it *pebble.Iterator, from []byte, uniqueKeys bool, match func(store.Member) bool, p store.Page) ([]store.Member, string, error) {
	var page []store.Member
	last := "" // key that was examined
	budget := cmp.Or(p.Budget, store.MemberBudget)
	examined := 0
	for ok := it.SeekGE(from); ok; ok = it.Next() {
		if examined >= budget {
			return page, last, nil
		}
		if examined++; examined%checkEvery == 0 && ctx.Err() != nil {
			return nil, "", ctx.Err()
		}
		v, err := it.ValueAndErr()
		if err != nil {
			return nil, "", fmt.Errorf("list members: %w", err)
		}
		m, err := decodeMember(string(it.Key()[memberPrefixLen:]), v, uniqueKeys)
		if err != nil {
			return nil, "", err
		}
		if match == nil || match(m) {
			if len(page) == p.Limit {
				return page, last, nil
			}
			page = append(page, m)
		}
		last = m.Key
	}
	if err := it.Error(); err != nil {
		return nil, "", fmt.Errorf("list members: %w", err)
	}
	return page, "", nil
}
