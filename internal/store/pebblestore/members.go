package pebblestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/store"
)

// PutMember implements store.Members.
func (s *Store) PutMember(ctx context.Context, r store.ListRef, key string, value []byte, at time.Time, o store.PutOptions) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	number, unlock, err := s.lockMember(ctx, r, key, o.Max > 0)
	if err != nil {
		return err
	}
	defer unlock()
	k := keyOfMember(number, key)
	claims := destination.Claims(r.Kind)
	_, counted := s.counts.get(number)
	b := s.db.NewBatch()
	defer b.Close()
	isNew := false
	if claims || counted || o.New { // or else nobody need know whether it is there
		was, err := s.get(k)
		if err != nil {
			return err
		}
		if isNew = was == nil; !isNew && o.New {
			return fault.New(fault.AlreadyExists, "the list has this member already")
		}
		if claims {
			if err := s.claimOne(b, r.Kind, number, key, was, value); err != nil {
				return err
			}
		}
	}
	if isNew {
		if err := s.counts.reserve(number, o.Max); err != nil {
			return err
		}
	}
	us := at.UnixMicro()
	b.Merge(k, appendMemberValue(nil, us, us, value), nil)
	if err := s.apply(b); err != nil {
		if isNew {
			s.counts.add(number, -1)
		}
		return err
	}
	return nil
}

// lockMember locks one member of a list, whose members are counted afterwards if they
// must be. Where members have words it locks the whole list: what one of them takes or
// gives up concerns all.
func (s *Store) lockMember(ctx context.Context, r store.ListRef, key string, counted bool) (uint64, func(), error) {
	if destination.Claims(r.Kind) {
		return s.lockList(ctx, r, counted)
	}
	share := s.shareList
	if counted {
		share = s.shareCounted
	}
	number, leave, err := share(ctx, r)
	if err != nil {
		return 0, nil, err
	}
	unlock := s.members.lock(memberKey{list: number, key: key})
	return number, func() { unlock(); leave() }, nil
}

func (s *Store) lockList(ctx context.Context, r store.ListRef, counted bool) (number uint64, unlock func(), err error) {
	unlock = s.listsIn.lock(r)
	number, err = s.listNumberLocked(r)
	if err == nil && counted {
		_, err = s.countLocked(ctx, number)
	}
	if err != nil {
		unlock()
		return 0, nil, err
	}
	return number, unlock, nil
}

// shareList shares a list's lock.
func (s *Store) shareList(_ context.Context, r store.ListRef) (number uint64, unlock func(), err error) {
	unlock = s.listsIn.share(r)
	number, err = s.listNumberLocked(r)
	if err != nil {
		unlock()
		return 0, nil, err
	}
	return number, unlock, nil
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
	number, unlock, err := s.lockMember(ctx, r, key, false)
	if err != nil {
		return store.Member{}, err
	}
	defer unlock()
	k := keyOfMember(number, key)
	was, err := s.get(k)
	if err != nil {
		return store.Member{}, err
	}
	if was == nil {
		return store.Member{}, store.ErrNoMember
	}
	m, err := decodeMember(key, was)
	if err != nil {
		return store.Member{}, err
	}
	created := m.Created
	if err := change(&m); err != nil {
		return store.Member{}, err
	}
	b := s.db.NewBatch()
	defer b.Close()
	if destination.Claims(r.Kind) {
		if err := s.claimOne(b, r.Kind, number, key, was, m.Value); err != nil {
			return store.Member{}, err
		}
	}
	now := appendMemberValue(nil, created.UnixMicro(), at.UnixMicro(), m.Value)
	b.Merge(k, now, nil)
	if err := s.apply(b); err != nil {
		return store.Member{}, err
	}
	return decodeMember(key, now)
}

// DeleteMember implements store.Members.
func (s *Store) DeleteMember(ctx context.Context, r store.ListRef, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	number, unlock, err := s.lockMember(ctx, r, key, false)
	if err != nil {
		return err
	}
	defer unlock()
	k := keyOfMember(number, key)
	was, err := s.get(k)
	if err != nil {
		return err
	}
	if was == nil {
		return store.ErrNoMember
	}
	b := s.db.NewBatch()
	defer b.Close()
	if destination.Claims(r.Kind) {
		if err := s.releaseOne(b, r.Kind, number, was); err != nil {
			return err
		}
	}
	b.Delete(k, nil)
	if err := s.apply(b); err != nil {
		return err
	}
	s.counts.add(number, -1)
	return nil
}

// Member implements store.Members. It takes no lock.
func (s *Store) Member(ctx context.Context, r store.ListRef, key string) (store.Member, error) {
	if err := ctx.Err(); err != nil {
		return store.Member{}, err
	}
	number, err := s.listNumber(r)
	if err != nil {
		return store.Member{}, err
	}
	v, closer, err := s.db.Get(keyOfMember(number, key))
	if errors.Is(err, pebble.ErrNotFound) {
		return store.Member{}, store.ErrNoMember
	}
	if err != nil {
		return store.Member{}, fmt.Errorf("read member: %w", err)
	}
	m, err := decodeMember(key, v)
	return m, errors.Join(err, closer.Close())
}

// ListMembers implements store.Members. A page's word is the last key that was examined.
func (s *Store) ListMembers(ctx context.Context, r store.ListRef, f store.MemberFilter, p store.Page) ([]store.Member, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	if p.Limit < 1 {
		return nil, "", errLimit
	}
	number, err := s.listNumber(r)
	if err != nil {
		return nil, "", err
	}
	prefix := keyOfMember(number, f.Prefix)
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return nil, "", fmt.Errorf("list members: %w", err)
	}
	defer it.Close()
	// Deleted meanwhile, the list must not look empty.
	if now, err := s.listNumber(r); err != nil || now != number {
		return nil, "", errors.Join(err, noListUnless(err, r))
	}
	from := prefix
	if p.After != "" {
		from = append(keyOfMember(number, p.After), 0)
	}
	return pageOfMembers(ctx, it, from, f.Match, p)
}

func noListUnless(err error, r store.ListRef) error {
	if err != nil {
		return nil
	}
	return store.NoList(r)
}

func pageOfMembers(ctx context.Context, it *pebble.Iterator, from []byte, match func(store.Member) bool, p store.Page) ([]store.Member, string, error) {
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
		m, err := decodeMember(string(it.Key()[memberPrefixLen:]), v)
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
