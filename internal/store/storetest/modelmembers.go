package storetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

func copyUnique(keys []store.UniqueKey) []store.UniqueKey {
	keys = slices.Clone(keys)
	for i := range keys {
		keys[i].Key = bytes.Clone(keys[i].Key)
	}
	return keys
}

func (l *modelList) put(key string, value []byte, unique []store.UniqueKey, at time.Time) {
	created := stamp(at)
	if was, ok := l.members[key]; ok {
		created = was.Created
	}
	l.remove(key)
	for _, u := range unique {
		l.holders[string(u.Key)] = key
	}
	l.members[key] = store.Member{
		Key: key, Value: append([]byte(nil), value...), Created: created, Updated: stamp(at), Unique: copyUnique(unique),
	}
}

func (l *modelList) remove(key string) {
	for _, u := range l.members[key].Unique {
		delete(l.holders, string(u.Key))
	}
	delete(l.members, key)
}

// taken returns why a member may not have unique keys.
func (l *modelList) taken(key string, unique []store.UniqueKey) *record.Refusal {
	for _, u := range unique {
		if holder, ok := l.holders[string(u.Key)]; ok && holder != key {
			return u.Taken
		}
	}
	return nil
}

// refuses returns why a put cannot be; most 0 is no limit.
func (l *modelList) refuses(key string, unique []store.UniqueKey, most int) *record.Refusal {
	if why := l.taken(key, unique); why != nil {
		return why
	}
	if _, there := l.members[key]; !there && most > 0 && len(l.members) >= most {
		return &store.ListFull
	}
	return nil
}

// PutMember implements store.Members.
func (m *Model) PutMember(ctx context.Context, r store.ListRef, key string, value []byte, at time.Time, o store.PutOptions) error {
	unlock, err := m.open(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	l, err := m.list(r)
	if err != nil {
		return err
	}
	if len(o.Unique) > 0 && !l.UniqueKeys {
		return errors.New("members of the list have no unique keys")
	}
	if _, there := l.members[key]; there && o.New {
		return fault.New(fault.AlreadyExists, "the member is there")
	}
	if why := l.refuses(key, o.Unique, o.Max); why == &store.ListFull {
		return fault.New(fault.LimitExceeded, "the list is full")
	} else if why != nil {
		return fault.New(fault.AlreadyExists, "%s", why.Reason)
	}
	l.put(key, value, o.Unique, at)
	return nil
}

// ChangeMember implements store.Members.
func (m *Model) ChangeMember(ctx context.Context, r store.ListRef, key string, at time.Time, change func(*store.Member) error) (store.Member, error) {
	unlock, err := m.open(ctx)
	if err != nil {
		return store.Member{}, err
	}
	defer unlock()
	l, err := m.list(r)
	if err != nil {
		return store.Member{}, err
	}
	one, err := l.member(key)
	if err != nil {
		return store.Member{}, err
	}
	if err := change(&one); err != nil {
		return store.Member{}, err
	}
	if one.Unique == nil {
		one.Unique = l.members[key].Unique
	}
	if why := l.taken(key, one.Unique); why != nil {
		return store.Member{}, fault.New(fault.AlreadyExists, "%s", why.Reason)
	}
	l.put(key, one.Value, one.Unique, at)
	return l.member(key)
}

// member returns a copy of one.
func (l *modelList) member(key string) (store.Member, error) {
	one, ok := l.members[key]
	if !ok {
		return store.Member{}, store.ErrNoMember
	}
	one.Value, one.Unique = append([]byte(nil), one.Value...), nil
	return one, nil
}

// DeleteMember implements store.Members.
func (m *Model) DeleteMember(ctx context.Context, r store.ListRef, key string) error {
	unlock, err := m.open(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	l, err := m.list(r)
	if err != nil {
		return err
	}
	if _, ok := l.members[key]; !ok {
		return store.ErrNoMember
	}
	l.remove(key)
	return nil
}

// Member implements store.Members.
func (m *Model) Member(ctx context.Context, r store.ListRef, key string) (store.Member, error) {
	unlock, err := m.open(ctx)
	if err != nil {
		return store.Member{}, err
	}
	defer unlock()
	l, err := m.list(r)
	if err != nil {
		return store.Member{}, err
	}
	return l.member(key)
}

// ListMembers implements store.Members.
func (m *Model) ListMembers(ctx context.Context, r store.ListRef, f store.MemberFilter, p store.Page) ([]store.Member, string, error) {
	unlock, err := m.open(ctx)
	if err != nil {
		return nil, "", err
	}
	defer unlock()
	l, err := m.list(r)
	if err != nil {
		return nil, "", err
	}
	if p.Limit < 1 {
		return nil, "", fault.New(fault.Invalid, "page size must be at least 1")
	}
	var members []store.Member
	last, budget := "", cmp.Or(p.Budget, store.MemberBudget)
	for _, key := range slices.Sorted(maps.Keys(l.members)) {
		if !strings.HasPrefix(key, f.Prefix) || (p.After != "" && key <= p.After) {
			continue
		}
		if budget <= 0 {
			return members, last, nil
		}
		budget--
		one := l.members[key]
		one.Value, one.Unique = append([]byte(nil), one.Value...), nil
		if f.Match == nil || f.Match(one) {
			if len(members) == p.Limit {
				return members, last, nil
			}
			members = append(members, one)
		}
		last = key
	}
	return members, "", nil
}
