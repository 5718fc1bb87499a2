package pgstore

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/store"
)

const (
	sqlListNumber  = `SELECT number, unique_keys FROM lists` + whereList
	sqlMembersFrom = `SELECT key, value, created, updated FROM members
		WHERE list = $1 AND key >= $2 ORDER BY key LIMIT $3`
	sqlMembersBetween = `SELECT key, value, created, updated FROM members
		WHERE list = $1 AND key >= $2 AND key < $4 ORDER BY key LIMIT $3`
)

// How many members a filter looks at with one statement: few at first, since many
// filters find their page among them, and then ever more, since others pass over
// all that the budget allows to find a few.
const (
	firstLook = 1 << 10
	mostLook  = 16 << 10
)

// ListMembers implements store.Members. A page's token is the last key that was looked
// at. Members are looked at as they come in, so that none but those of the page are in
// memory.
func (s *Store) ListMembers(ctx context.Context, r store.ListRef, f store.MemberFilter, p store.Page) ([]store.Member, string, error) {
	if p.Limit < 1 {
		return nil, "", errLimit
	}
	number, _, err := s.listNumber(ctx, r)
	if err != nil {
		return nil, "", err
	}
	l := listing{
		span: newSpan(number, f.Prefix, p.After), match: f.Match, limit: min(p.Limit, maxPage),
		budget: cmp.Or(p.Budget, store.MemberBudget),
	}
	for ask := firstLook; !l.full && !l.ended; ask = min(2*ask, mostLook) {
		if f.Match == nil {
			ask = l.limit - len(l.page) + 1
		}
		ask = min(ask, l.budget+1) // one more tells whether there is a next page
		if err := s.look(ctx, &l, ask); err != nil {
			return nil, "", err
		}
	}
	if l.full {
		return l.page, l.last, nil
	}
	// If the list was deleted meanwhile, return an error: a short page would look like its end.
	if now, _, err := s.listNumber(ctx, r); err != nil || now != number {
		return nil, "", orElse(err, store.NoList(r))
	}
	return l.page, "", nil
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// listNumber returns the number of a list, and whether its members have unique keys.
func (s *Store) listNumber(ctx context.Context, r store.ListRef) (number int64, uniqueKeys bool, err error) {
	err = s.statement(ctx, func(ctx context.Context, a *attempt) error {
		err := a.QueryRow(ctx, sqlListNumber, refArgs(r)...).Scan(&number, &uniqueKeys)
		if none(err) {
			return store.NoList(r)
		}
		return err
	})
	return number, uniqueKeys, err
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
		part.from = max(part.from, behind(after))
	}
	return part
}

// behind returns the first text behind a key's.
func behind(key string) string { return keyText(key) + "\x01" } // no text lies between them

// listing is a page that is being made.
type listing struct {
	span  span
	match func(store.Member) bool
	limit int
	// budget is how many more members may be examined.
	budget int
	page   []store.Member
	begun  bool   // there is a last
	last   string // key that was looked at
	full   bool   // and there are more: the page cannot take them, or the budget ran out
	ended  bool   // there are no more
}

var errFull = errors.New("the page is full")

// look goes on with a listing, by up to ask members. When it is tried again it goes on
// behind those that came in.
func (s *Store) look(ctx context.Context, l *listing, ask int) error {
	return s.statement(ctx, func(ctx context.Context, a *attempt) error {
		if l.begun {
			l.span.from = behind(l.last)
		}
		sql, args := sqlMembersFrom, []any{l.span.list, l.span.from, ask}
		if l.span.bounded {
			sql, args = sqlMembersBetween, append(args, l.span.before)
		}
		rows, err := a.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		n := 0
		var key string
		var value scratch
		var created, updated time.Time
		into := []any{&key, &value, &created, &updated} // made once, since the rows are many
		err = eachRow(rows, func(row pgx.Row) error {
			if err := row.Scan(into...); err != nil {
				return err
			}
			n++
			return l.add(store.Member{
				Key: textKey(key), Value: valueOf(value), Created: stamp(created), Updated: stamp(updated),
			})
		})
		if errors.Is(err, errFull) {
			return nil
		}
		l.ended = err == nil && n < ask
		return err
	})
}

// add puts a member on the page if it matches. Its value is the caller's.
func (l *listing) add(m store.Member) error {
	if l.budget <= 0 {
		l.full = true
		return errFull
	}
	l.budget--
	matches := l.match == nil || l.match(m)
	if matches && len(l.page) == l.limit {
		l.full = true
		return errFull
	}
	if matches {
		m.Value = append([]byte(nil), m.Value...)
		l.page = append(l.page, m)
	}
	l.last, l.begun = m.Key, true
	return nil
}

// scratch is a value that is read where the last one was.
type scratch []byte

// ScanBytes implements pgtype.BytesScanner.
func (s *scratch) ScanBytes(v []byte) error {
	*s = append((*s)[:0], v...)
	return nil
}
