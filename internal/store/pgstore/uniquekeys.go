package pgstore

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/store"
)

// The table unique_keys says which member of a list has which unique keys. A transaction
// that writes members of a list with unique keys locks the list's row FOR UPDATE first, so
// that nobody else assigns one between the look at them and the write; and the table's
// primary key keeps them unique in any case.

const (
	sqlTaken       = `SELECT unique_key FROM unique_keys WHERE list = $1 AND unique_key = ANY ($2::text[]) AND member <> $3`
	sqlReleaseKeys = `DELETE FROM unique_keys WHERE list = $1 AND member = $2`
	sqlAssignKeys  = `INSERT INTO unique_keys (list, unique_key, member) SELECT $1, u.unique_key, $3 FROM unnest($2::text[]) AS u(unique_key)`
)

// errUniqueKeys is a mistake of the caller's.
var errUniqueKeys = errors.New("a member or a batch with unique keys is for a list with UniqueKeys, and a batch for such a list says so")

// assign gives a member unique keys in place of those it had; fault.AlreadyExists if another
// has one of them. The caller has locked the list.
func (a *attempt) assign(ctx context.Context, list *listRow, key string, unique []store.UniqueKey) error {
	if !list.UniqueKeys {
		if len(unique) > 0 {
			return errUniqueKeys
		}
		return nil
	}
	texts := make([]string, len(unique))
	for i := range unique {
		texts[i] = keyText(string(unique[i].Key))
	}
	if err := a.checkTaken(ctx, list.number, unique, texts, keyText(key)); err != nil {
		return err
	}
	if _, err := a.Exec(ctx, sqlReleaseKeys, list.number, keyText(key)); err != nil {
		return err
	}
	_, err := a.Exec(ctx, sqlAssignKeys, list.number, texts, keyText(key))
	return err
}

// checkTaken fails with the sentence of the first unique key that another member has.
func (a *attempt) checkTaken(ctx context.Context, list int64, unique []store.UniqueKey, texts []string, key string) error {
	rows, err := a.Query(ctx, sqlTaken, list, texts, key)
	if err != nil {
		return err
	}
	taken := make(map[string]bool)
	err = eachRow(rows, func(row pgx.Row) error {
		var text string
		err := row.Scan(&text)
		taken[text] = true
		return err
	})
	if err != nil {
		return err
	}
	for i := range unique {
		if taken[texts[i]] {
			return fault.New(fault.AlreadyExists, "%s", unique[i].Taken.Reason)
		}
	}
	return nil
}

// putExclusive puts a member of a list with unique keys, or of one that may have o.Max
// members. Nobody else changes the list meanwhile.
func (s *Store) putExclusive(ctx context.Context, r store.ListRef, key string, value []byte, at time.Time, o store.PutOptions) error {
	return s.transact(ctx, func(ctx context.Context, a *attempt) error {
		row, err := listBy(ctx, a, sqlLockList, r)
		if err != nil {
			return err
		}
		var there bool
		if err := a.QueryRow(ctx, sqlIsMember, row.number, keyText(key)).Scan(&there); err != nil {
			return err
		}
		switch {
		case there && o.New && a.commitUnknown:
			return errUnavailable
		case there && o.New:
			return errThere
		}
		if err := a.assign(ctx, row, key, o.Unique); err != nil {
			return err
		}
		if !there && o.Max > 0 {
			n := 0
			if err := a.QueryRow(ctx, sqlCountMembers, row.number, o.Max).Scan(&n); err != nil {
				return err
			}
			if n >= o.Max {
				return fault.New(fault.LimitExceeded, "the list already holds %d members", n)
			}
			if _, err := a.Exec(ctx, sqlTouchList, row.number); err != nil {
				return err
			}
		}
		_, err = a.changeMember(ctx, r, sqlPutMemberLocked, putArgs(r, key, value, at))
		return err
	})
}

// deleteExclusive removes a member and its unique keys.
func (s *Store) deleteExclusive(ctx context.Context, r store.ListRef, key string) error {
	return s.transact(ctx, func(ctx context.Context, a *attempt) error {
		row, err := listBy(ctx, a, sqlLockList, r)
		if err != nil {
			return err
		}
		done, err := a.changeMember(ctx, r, sqlDeleteMemberLocked, append(refArgs(r), keyText(key)))
		switch {
		case err != nil:
			return err
		case done:
			_, err = a.Exec(ctx, sqlReleaseKeys, row.number, keyText(key))
			return err
		case a.commitUnknown:
			return nil
		}
		return store.ErrNoMember
	})
}
