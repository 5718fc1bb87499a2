package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

const (
	listColumns = `number, account, region, kind, id, name, created, updated, config, tags, unique_keys, caller_op`
	whereList   = ` WHERE account = $1 AND region = $2 AND kind = $3 AND id = $4`

	sqlList     = `SELECT ` + listColumns + ` FROM lists` + whereList
	sqlLockList = sqlList + ` FOR UPDATE`
	// sqlKeepList keeps a list from being deleted, if its members have no unique keys.
	sqlKeepList = sqlList + ` AND NOT unique_keys FOR KEY SHARE`

	sqlListTaken  = `SELECT EXISTS (SELECT 1 FROM lists` + whereList + `)`
	sqlNameTaken  = `SELECT EXISTS (SELECT 1 FROM lists WHERE account = $1 AND region = $2 AND kind = $3 AND name = $4)`
	sqlCountLists = `SELECT count(*) FROM (SELECT 1 FROM lists
		WHERE account = $1 AND region = $2 AND kind = $3 LIMIT $4) AS lists`

	sqlInsertList = `INSERT INTO lists (account, region, kind, id, name, created, updated, config, tags, unique_keys, caller_op)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING ` + listColumns
	sqlUpdateList = `UPDATE lists SET name = $5, updated = $6, config = $7, tags = $8, caller_op = $9` + whereList +
		` RETURNING ` + listColumns

	sqlListLists = `SELECT ` + listColumns + ` FROM lists
		WHERE account = $1 AND region = $2 AND kind = $3 AND (created, id) > ($4, $5)
		ORDER BY created, id LIMIT $6`
)

// listRow is a row of lists.
type listRow struct {
	store.List
	number   int64
	callerOp *opID
}

func (l *listRow) scan(row pgx.Row) error {
	var tags []byte
	r := &l.Ref
	err := row.Scan(
		&l.number, &r.Owner.Account, &r.Owner.Region, &r.Kind, &r.ID, &l.Name,
		&l.Created, &l.Updated, &l.Config, &tags, &l.UniqueKeys, &l.callerOp,
	)
	if err != nil {
		return err
	}
	l.Created, l.Updated = stamp(l.Created), stamp(l.Updated)
	l.Tags, err = tagsOf(tags)
	return err
}

// refArgs are $1 to $4 of whereList.
func refArgs(r store.ListRef) []any { return []any{r.Owner.Account, r.Owner.Region, r.Kind, r.ID} }

func listBy(ctx context.Context, a *attempt, sql string, r store.ListRef) (*listRow, error) {
	row := new(listRow)
	err := row.scan(a.QueryRow(ctx, sql, refArgs(r)...))
	if none(err) {
		return nil, store.NoList(r)
	}
	return row, err
}

// CreateList implements store.Lists.
func (s *Store) CreateList(ctx context.Context, l store.List, once store.Once, most int) (store.List, error) {
	var made listRow
	err := s.transact(ctx, func(ctx context.Context, a *attempt) error {
		if err := a.lock(ctx, "lists", l.Ref.Owner, string(l.Ref.Kind)); err != nil {
			return err
		}
		t := clientToken{owner: l.Ref.Owner, thing: "list", kind: string(l.Ref.Kind), Once: once}
		r := l.Ref
		id, ok, err := t.find(ctx, a)
		if err != nil {
			return err
		}
		if ok {
			r.ID = id
		}
		if ok || a.commitUnknown {
			row, err := listBy(ctx, a, sqlList, r)
			if err == nil && (ok || row.callerOp != nil && *row.callerOp == a.id) {
				made = *row
				return nil
			}
			// One that a token names may be gone since, and the token with it.
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
		}
		if err := mayCreateList(ctx, a, l, most); err != nil {
			return err
		}
		if err := t.keep(ctx, a, l.Ref.ID); err != nil {
			return err
		}
		args := append(refArgs(l.Ref), l.Name, l.Created, l.Updated, l.Config, tagsOrNull(l.Tags), l.UniqueKeys, a.id)
		return made.scan(a.QueryRow(ctx, sqlInsertList, args...))
	})
	if err != nil {
		return store.List{}, err
	}
	return made.List, nil
}

func mayCreateList(ctx context.Context, a *attempt, l store.List, most int) error {
	o := l.Ref.Owner
	for sql, name := range map[string]string{sqlListTaken: l.Ref.ID, sqlNameTaken: l.Name} {
		var taken bool
		if err := a.QueryRow(ctx, sql, o.Account, o.Region, l.Ref.Kind, name).Scan(&taken); err != nil {
			return err
		}
		if taken {
			return nameTaken(l.Name)
		}
	}
	if most <= 0 {
		return nil
	}
	n := 0
	err := a.QueryRow(ctx, sqlCountLists, o.Account, o.Region, l.Ref.Kind, most).Scan(&n)
	if err == nil && n >= most {
		err = fault.New(fault.LimitExceeded, "there are %d lists already", n)
	}
	return err
}

func nameTaken(name string) error {
	return fault.New(fault.AlreadyExists, "there is a list %s already", name)
}

// List implements store.Lists.
func (s *Store) List(ctx context.Context, r store.ListRef) (store.List, error) {
	var l store.List
	err := s.statement(ctx, func(ctx context.Context, a *attempt) error {
		row, err := listBy(ctx, a, sqlList, r)
		if err == nil {
			l = row.List
		}
		return err
	})
	return l, err
}

// ListLists implements store.Lists.
func (s *Store) ListLists(ctx context.Context, o job.Owner, k job.Kind, p store.Page) ([]store.List, string, error) {
	from, err := cursorOf(p)
	if err != nil {
		return nil, "", err
	}
	var page []store.List
	err = s.statement(ctx, func(ctx context.Context, a *attempt) error {
		page = nil
		rows, err := a.Query(ctx, sqlListLists, o.Account, o.Region, k, from.created, from.id, from.ask)
		if err != nil {
			return err
		}
		return eachRow(rows, func(r pgx.Row) error {
			var row listRow
			err := row.scan(r)
			page = append(page, row.List)
			return err
		})
	})
	if err != nil {
		return nil, "", err
	}
	page, next := cut(page, from, func(l *store.List) (time.Time, string) { return l.Created, l.Ref.ID })
	return page, next, nil
}

// ChangeList implements store.Lists.
func (s *Store) ChangeList(ctx context.Context, r store.ListRef, change func(*store.List) error) (store.List, error) {
	var changed listRow
	err := s.transact(ctx, func(ctx context.Context, a *attempt) error {
		// Who creates or renames lists waits, so that names are looked up in peace.
		if err := a.lock(ctx, "lists", r.Owner, string(r.Kind)); err != nil {
			return err
		}
		row, err := listBy(ctx, a, sqlLockList, r)
		if err != nil {
			return err
		}
		if row.callerOp != nil && *row.callerOp == a.id {
			changed = *row
			return nil
		}
		name := row.Name
		if err := change(&row.List); err != nil {
			return err
		}
		if row.Name != name {
			var taken bool
			err := a.QueryRow(ctx, sqlNameTaken, r.Owner.Account, r.Owner.Region, r.Kind, row.Name).Scan(&taken)
			if err != nil {
				return err
			}
			if taken {
				return nameTaken(row.Name)
			}
		}
		args := append(refArgs(r), row.Name, stamp(row.Updated), row.Config, tagsOrNull(row.Tags), a.id)
		return changed.scan(a.QueryRow(ctx, sqlUpdateList, args...))
	})
	if err != nil {
		return store.List{}, err
	}
	return changed.List, nil
}
