package pgstore

import (
	"context"
	"errors"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/store"
)

const (
	// theList finds a list without unique keys and keeps it from being deleted before the end.
	theList = `WITH l AS (SELECT number FROM lists` + whereList + ` AND NOT unique_keys FOR KEY SHARE)`
	// lockedList is for a transaction that has locked the list.
	lockedList = `WITH l AS (SELECT number FROM lists` + whereList + `)`

	putMember = `INSERT INTO members (list, key, value, created, updated)
		SELECT l.number, $5, $6, $7::timestamptz, $7::timestamptz FROM l ON CONFLICT`
	overwrite   = ` (list, key) DO UPDATE SET value = excluded.value, updated = excluded.updated RETURNING list`
	unlessThere = ` (list, key) DO NOTHING RETURNING list`
	// changed reports whether the list exists and how many of its members were changed. One
	// statement sees one moment: a second one could find a list that was made in between,
	// and would take a member that was not put for one that was there.
	changed = `) SELECT (SELECT count(*) FROM l) > 0, (SELECT count(*) FROM done)`

	sqlPutMember    = theList + `, done AS (` + putMember + overwrite + changed
	sqlPutNewMember = theList + `, done AS (` + putMember + unlessThere + changed
	sqlDeleteMember = theList + deleteMember
	deleteMember    = `, done AS (DELETE FROM members
		WHERE list = (SELECT number FROM l) AND key = $5 RETURNING list` + changed
	sqlPutMemberLocked    = lockedList + `, done AS (` + putMember + overwrite + changed
	sqlDeleteMemberLocked = lockedList + deleteMember

	sqlIsMember     = `SELECT EXISTS (SELECT 1 FROM members WHERE list = $1 AND key = $2)`
	sqlCountMembers = `SELECT count(*) FROM (SELECT 1 FROM members WHERE list = $1 LIMIT $2) AS members`

	listNumber = `(SELECT number FROM lists` + whereList + `)`
	sqlMember  = `SELECT l.number, m.key IS NOT NULL, m.value, m.created, m.updated
		FROM ` + listNumber + ` AS l LEFT JOIN members AS m ON m.list = l.number AND m.key = $5`
)

var errThere = fault.New(fault.AlreadyExists, "the list has this member already")

// PutMember implements store.Members.
func (s *Store) PutMember(ctx context.Context, r store.ListRef, key string, value []byte, at time.Time, o store.PutOptions) error {
	if o.Max > 0 || len(o.Unique) > 0 {
		return s.putExclusive(ctx, r, key, value, at, o)
	}
	sql, args := sqlPutMember, putArgs(r, key, value, at)
	if o.New {
		sql = sqlPutNewMember
	}
	err := s.statement(ctx, func(ctx context.Context, a *attempt) error {
		done, err := a.changeMember(ctx, r, sql, args)
		switch {
		case err != nil || done:
			return err
		case a.commitUnknown: // an attempt before may have put it
			return errUnavailable
		}
		return errThere
	})
	if errors.Is(err, store.ErrNoList) { // or it has unique keys
		return s.putExclusive(ctx, r, key, value, at, o)
	}
	return err
}

// changeMember runs a statement that ends with changed, and reports whether a member was
// changed; store.ErrNoList.
func (a *attempt) changeMember(ctx context.Context, r store.ListRef, sql string, args []any) (bool, error) {
	var found bool
	var members int64
	err := a.QueryRow(ctx, sql, args...).Scan(&found, &members)
	if err == nil && !found {
		err = store.NoList(r)
	}
	return members > 0, err
}

// putArgs are $1 to $7 of what puts a member.
func putArgs(r store.ListRef, key string, value []byte, at time.Time) []any {
	return append(refArgs(r), keyText(key), blob(value), stamp(at))
}

// blob is a value for a column that is never null.
func blob(v []byte) []byte {
	if v == nil {
		return []byte{}
	}
	return v
}

// DeleteMember implements store.Members.
func (s *Store) DeleteMember(ctx context.Context, r store.ListRef, key string) error {
	err := s.statement(ctx, func(ctx context.Context, a *attempt) error {
		done, err := a.changeMember(ctx, r, sqlDeleteMember, append(refArgs(r), keyText(key)))
		if err != nil || done || a.commitUnknown {
			return err
		}
		return store.ErrNoMember
	})
	if errors.Is(err, store.ErrNoList) { // or it has unique keys
		return s.deleteExclusive(ctx, r, key)
	}
	return err
}

// Member implements store.Members.
func (s *Store) Member(ctx context.Context, r store.ListRef, key string) (store.Member, error) {
	m := store.Member{Key: key}
	err := s.statement(ctx, func(ctx context.Context, a *attempt) error {
		var number int64
		var there bool
		var created, updated *time.Time
		err := a.QueryRow(ctx, sqlMember, append(refArgs(r), keyText(key))...).
			Scan(&number, &there, &m.Value, &created, &updated)
		switch {
		case none(err):
			return store.NoList(r)
		case err == nil && !there:
			return store.ErrNoMember
		}
		m.Created, m.Updated = timeOf(created), timeOf(updated)
		return err
	})
	if err != nil {
		return store.Member{}, err
	}
	m.Value = valueOf(m.Value)
	return m, nil
}

// valueOf gives an empty value the form that the contract's callers know.
func valueOf(v []byte) []byte {
	if len(v) == 0 {
		return nil
	}
	return v
}
