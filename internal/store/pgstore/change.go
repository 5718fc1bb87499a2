package pgstore

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/sluicehq/sluice/internal/store"
)

const (
	sqlLockMember   = `SELECT value, created, updated FROM members WHERE list = $1 AND key = $2 FOR UPDATE`
	sqlChangeMember = `UPDATE members SET value = $3, updated = $4 WHERE list = $1 AND key = $2`
)

// ChangeMember implements store.Members.
//
// The row has no mark of who changed it last. When it is not known whether an
// attempt was committed, what the row holds says: what that attempt found, what it
// wrote, or what somebody else wrote since, and then nobody can know.
func (s *Store) ChangeMember(ctx context.Context, r store.ListRef, key string, at time.Time, change func(*store.Member) error) (store.Member, error) {
	var found, wrote store.Member
	err := s.transact(ctx, func(ctx context.Context, a *attempt) error {
		row, err := listBy(ctx, a, sqlKeepList, r)
		if errors.Is(err, store.ErrNoList) { // or it has unique keys
			row, err = listBy(ctx, a, sqlLockList, r)
		}
		if err != nil {
			return err
		}
		m, err := lockedMember(ctx, a, row.number, key)
		if err != nil {
			return err
		}
		if a.commitUnknown && same(m, wrote) {
			return nil
		}
		if a.commitUnknown && !same(m, found) {
			return errUnavailable
		}
		found, wrote = m, m
		wrote.Value = bytes.Clone(m.Value)
		if err := change(&wrote); err != nil {
			return err
		}
		wrote.Key, wrote.Created, wrote.Updated = key, m.Created, stamp(at)
		wrote.Value = valueOf(bytes.Clone(wrote.Value))
		unique := wrote.Unique
		wrote.Unique = nil
		if unique != nil {
			if err := a.assign(ctx, row, key, unique); err != nil {
				return err
			}
		}
		_, err = a.Exec(ctx, sqlChangeMember, row.number, keyText(key), blob(wrote.Value), wrote.Updated)
		return err
	})
	if err != nil {
		return store.Member{}, err
	}
	return wrote, nil
}

// same reports that a member was not written in between.
func same(m, n store.Member) bool {
	return bytes.Equal(m.Value, n.Value) && m.Created.Equal(n.Created) && m.Updated.Equal(n.Updated)
}

func lockedMember(ctx context.Context, a *attempt, list int64, key string) (store.Member, error) {
	m := store.Member{Key: key}
	err := a.QueryRow(ctx, sqlLockMember, list, keyText(key)).Scan(&m.Value, &m.Created, &m.Updated)
	if none(err) {
		return store.Member{}, store.ErrNoMember
	}
	m.Value, m.Created, m.Updated = valueOf(m.Value), stamp(m.Created), stamp(m.Updated)
	return m, err
}
