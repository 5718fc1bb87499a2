package pgstore

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/store"
)

const (
	// ofList finds a list and keeps it from being deleted before the end.
	ofList = `(SELECT number FROM lists` + whereList + ` FOR KEY SHARE) AS l`

	sqlPutMember = `INSERT INTO members (list, key, value, created, updated)
		SELECT l.number, $5, $6, $7::timestamptz, $7::timestamptz FROM ` + ofList + `
		ON CONFLICT (list, key) DO UPDATE SET value = excluded.value, updated = excluded.updated`
	sqlPutNewMember = `INSERT INTO members (list, key, value, created, updated)
		SELECT l.number, $5, $6, $7::timestamptz, $7::timestamptz FROM ` + ofList + `
		ON CONFLICT (list, key) DO NOTHING`

	sqlIsMember     = `SELECT EXISTS (SELECT 1 FROM members WHERE list = $1 AND key = $2)`
	sqlCountMembers = `SELECT count(*) FROM (SELECT 1 FROM members WHERE list = $1 LIMIT $2) AS members`

	listNumber      = `(SELECT number FROM lists` + whereList + `)`
	sqlDeleteMember = `DELETE FROM members WHERE list = ` + listNumber + ` AND key = $5`
	sqlMember       = `SELECT l.number, m.key IS NOT NULL, m.value, m.created, m.updated
		FROM ` + listNumber + ` AS l LEFT JOIN members AS m ON m.list = l.number AND m.key = $5`
)

var (
	errThere    = fault.New(fault.AlreadyExists, "the list has this member already")
	errNoMember = fault.New(fault.NotFound, "the list has no such member")
)

// PutMember implements store.Members.
func (s *Store) PutMember(ctx context.Context, r store.ListRef, key string, value []byte, at time.Time, o store.PutOptions) error {
	if o.Max > 0 || destination.Claims(r.Kind) {
		return s.putAlone(ctx, r, key, value, at, o)
	}
	sql, args := sqlPutMember, putArgs(r, key, value, at)
	if o.New {
		sql = sqlPutNewMember
	}
	return s.statement(ctx, func(a *attempt) error {
		done, err := a.Exec(ctx, sql, args...)
		if err != nil || done.RowsAffected() == 1 {
			return err
		}
		if _, err := listBy(ctx, a, sqlList, r); err != nil {
			return err
		}
		if a.unsure { // it may be ours
			return errUnavailable
		}
		return errThere
	})
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
	if destination.Claims(r.Kind) {
		return s.deleteAlone(ctx, r, key)
	}
	return s.statement(ctx, func(a *attempt) error {
		done, err := a.Exec(ctx, sqlDeleteMember, append(refArgs(r), keyText(key))...)
		if err != nil || done.RowsAffected() == 1 {
			return err
		}
		if _, err := listBy(ctx, a, sqlList, r); err != nil {
			return err
		}
		if a.unsure {
			return nil
		}
		return errNoMember
	})
}

// Member implements store.Members.
func (s *Store) Member(ctx context.Context, r store.ListRef, key string) (store.Member, error) {
	m := store.Member{Key: key}
	err := s.statement(ctx, func(a *attempt) error {
		var number int64
		var there bool
		var created, updated *time.Time
		err := a.QueryRow(ctx, sqlMember, append(refArgs(r), keyText(key))...).
			Scan(&number, &there, &m.Value, &created, &updated)
		switch {
		case none(err):
			return noList(r)
		case err == nil && !there:
			return errNoMember
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
