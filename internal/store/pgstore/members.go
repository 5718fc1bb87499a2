package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

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

	sqlListNumber  = `SELECT number FROM lists` + whereList
	sqlMembersFrom = `SELECT key, value, created, updated FROM members
		WHERE list = $1 AND key >= $2 ORDER BY key LIMIT $3`
	sqlMembersBetween = `SELECT key, value, created, updated FROM members
		WHERE list = $1 AND key >= $2 AND key < $4 ORDER BY key LIMIT $3`
)

var (
	errThere    = fault.New(fault.AlreadyExists, "the list has this member already")
	errNoMember = fault.New(fault.NotFound, "the list has no such member")
)

// PutMember implements store.Members.
func (s *Store) PutMember(ctx context.Context, r store.ListRef, key string, value []byte, at time.Time, o store.PutOptions) error {
	if value == nil {
		value = []byte{}
	}
	args := append(refArgs(r), keyText(key), value, stamp(at))
	if o.Max > 0 {
		return s.putWithin(ctx, r, args, o)
	}
	sql := sqlPutMember
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

// putWithin puts a member of a list that may have o.Max members. It has the list for
// itself meanwhile.
func (s *Store) putWithin(ctx context.Context, r store.ListRef, args []any, o store.PutOptions) error {
	return s.transact(ctx, func(a *attempt) error {
		row, err := listBy(ctx, a, sqlLockList, r)
		if err != nil {
			return err
		}
		var there bool
		if err := a.QueryRow(ctx, sqlIsMember, row.number, args[4]).Scan(&there); err != nil {
			return err
		}
		switch {
		case there && o.New && a.unsure:
			return errUnavailable
		case there && o.New:
			return errThere
		case !there:
			n := 0
			if err := a.QueryRow(ctx, sqlCountMembers, row.number, o.Max).Scan(&n); err != nil {
				return err
			}
			if n >= o.Max {
				return fault.New(fault.LimitExceeded, "the list already holds %d members", n)
			}
		}
		_, err = a.Exec(ctx, sqlPutMember, args...)
		return err
	})
}

// DeleteMember implements store.Members.
func (s *Store) DeleteMember(ctx context.Context, r store.ListRef, key string) error {
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

const (
	// maxPassed is how many members ListMembers looks at before it returns a short
	// page: about a second's work.
	maxPassed = 256 << 10
	// readAtOnce is how many it has in memory beyond those of the page.
	readAtOnce = 1000
)

// ListMembers implements store.Members. A page's word is the last key that was looked at.
func (s *Store) ListMembers(ctx context.Context, r store.ListRef, f store.MemberFilter, p store.Page) ([]store.Member, string, error) {
	if p.Limit < 1 {
		return nil, "", errLimit
	}
	number, err := s.listNumber(ctx, r)
	if err != nil {
		return nil, "", err
	}
	span := newSpan(number, f.Prefix, p.After)
	var page []store.Member
	limit, last, passed := min(p.Limit, maxPage), "", 0
	for {
		ask := readAtOnce
		if f.Match == nil {
			ask = min(ask, limit-len(page)+1)
		}
		some, err := s.read(ctx, span, ask)
		if err != nil {
			return nil, "", err
		}
		for _, m := range some {
			selected := f.Match == nil || f.Match(m)
			if selected && len(page) == limit {
				return page, last, nil
			}
			if selected {
				page = append(page, m)
			}
			last = m.Key
		}
		if len(some) < ask {
			// Deleted meanwhile, the list must not look as if this were its end.
			if now, err := s.listNumber(ctx, r); err != nil || now != number {
				return nil, "", orElse(err, noList(r))
			}
			return page, "", nil
		}
		if passed += len(some); passed >= maxPassed {
			return page, last, nil
		}
		span.from = keyText(last) + "\x01" // no text lies between them
	}
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func (s *Store) listNumber(ctx context.Context, r store.ListRef) (number int64, err error) {
	err = s.statement(ctx, func(a *attempt) error {
		err := a.QueryRow(ctx, sqlListNumber, refArgs(r)...).Scan(&number)
		if none(err) {
			return noList(r)
		}
		return err
	})
	return number, err
}

// span is a part of a list: the members whose keys, as text, are from one on and,
// if bounded, before another.
type span struct {
	list    int64
	from    string
	before  string
	bounded bool
}

func newSpan(list int64, prefix, after string) span {
	prefix = keyText(prefix)
	part := span{list: list, from: prefix}
	part.before, part.bounded = afterPrefix(prefix)
	if after != "" {
		part.from = max(part.from, keyText(after)+"\x01")
	}
	return part
}

func (s *Store) read(ctx context.Context, part span, limit int) (some []store.Member, err error) {
	sql, args := sqlMembersFrom, []any{part.list, part.from, limit}
	if part.bounded {
		sql, args = sqlMembersBetween, append(args, part.before)
	}
	err = s.statement(ctx, func(a *attempt) error {
		some = some[:0]
		rows, err := a.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		return eachRow(rows, func(row pgx.Row) error {
			var m store.Member
			err := row.Scan(&m.Key, &m.Value, &m.Created, &m.Updated)
			m.Key, m.Value = textKey(m.Key), valueOf(m.Value)
			m.Created, m.Updated = stamp(m.Created), stamp(m.Updated)
			some = append(some, m)
			return err
		})
	})
	return some, err
}
