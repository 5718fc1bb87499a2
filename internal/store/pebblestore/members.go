package pebblestore

import (
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
	number, unlock, err := s.shareList(ctx, r, o.Max > 0)
	if err != nil {
		return err
	}
	defer unlock()
	defer s.members.lock(memberKey{list: number, key: key})()
	k := keyOfMember(number, key)
	_, counted := s.counts.get(number)
	isNew := false
	if counted || o.New {
		there, err := s.has(k)
		if err != nil {
			return err
		}
		if there && o.New {
			return fault.New(fault.AlreadyExists, "the list has this member already")
		}
		isNew = !there
	}
	if isNew {
		if err := s.counts.reserve(number, o.Max); err != nil {
			return err
		}
	}
	us := at.UnixMicro()
	if err := s.db.Merge(k, appendMemberValue(nil, us, us, value), pebble.Sync); err != nil {
		if isNew {
			s.counts.add(number, -1)
		}
		return fmt.Errorf("put member: %w", err)
	}
	return nil
}

// shareList shares a list's lock: of one that is counted, if it must be.
func (s *Store) shareList(ctx context.Context, r store.ListRef, counted bool) (number uint64, unlock func(), err error) {
	if counted {
		return s.shareCounted(ctx, r)
	}
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

// DeleteMember implements store.Members.
func (s *Store) DeleteMember(ctx context.Context, r store.ListRef, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	number, unlock, err := s.shareList(ctx, r, false)
	if err != nil {
		return err
	}
	defer unlock()
	defer s.members.lock(memberKey{list: number, key: key})()
	k := keyOfMember(number, key)
	if there, err := s.has(k); err != nil {
		return err
	} else if !there {
		return noMember()
	}
	if err := s.db.Delete(k, pebble.Sync); err != nil {
		return fmt.Errorf("delete member: %w", err)
	}
	s.counts.add(number, -1)
	return nil
}

func noMember() error { return fault.New(fault.NotFound, "the list has no such member") }

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
		return store.Member{}, noMember()
	}
	if err != nil {
		return store.Member{}, fmt.Errorf("read member: %w", err)
	}
	m, err := decodeMember(key, v)
	return m, errors.Join(err, closer.Close())
}

// maxPassed is how many members ListMembers looks at before it returns a short page:
// about a second's work.
const maxPassed = 1 << 20

// ListMembers implements store.Members. A page's word is the last key that was looked at.
func (s *Store) ListMembers(ctx context.Context, r store.ListRef, f store.MemberFilter, p store.Page) ([]store.Member, string, error) {
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
	return pageOfMembers(ctx, it, from, f.Match, p.Limit)
}

func noListUnless(err error, r store.ListRef) error {
	if err != nil {
		return nil
	}
	return noList(r)
}

func pageOfMembers(ctx context.Context, it *pebble.Iterator, from []byte, match func(store.Member) bool, limit int) ([]store.Member, string, error) {
	var page []store.Member
	last, passed := "", 0
	for ok := it.SeekGE(from); ok; ok = it.Next() {
		if passed++; passed%checkEvery == 0 && ctx.Err() != nil {
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
		selected := match == nil || match(m)
		if selected && len(page) == limit {
			return page, last, nil
		}
		if selected {
			page = append(page, m)
		}
		// When the page is full, only whether there is more is still to be found out,
		// and what was passed on the way need not be looked at again.
		last = m.Key
		if passed >= maxPassed {
			return page, last, nil
		}
	}
	if err := it.Error(); err != nil {
		return nil, "", fmt.Errorf("list members: %w", err)
	}
	return page, "", nil
}
