package pgstore

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/store"
)

const (
	sqlCountAll = `SELECT count(*) FROM members WHERE list = $1`
	sqlThere    = `SELECT key FROM members WHERE list = $1 AND key = ANY ($2::text[])`
)

// refuse plays a batch's changes in the order in which they were added against its
// list as it now is, and tells which would pass the limit. The caller has the list for
// itself.
func (p *prepared) refuse(ctx context.Context, a *attempt) (refused []bool, err error) {
	b := p.limited
	var count int64
	if err := a.QueryRow(ctx, sqlCountAll, p.list).Scan(&count); err != nil {
		return nil, err
	}
	of, there, err := p.members(ctx, a, b)
	if err != nil {
		return nil, err
	}
	refused = make([]bool, b.Changes())
	for i := range refused {
		is := &there[of[i]]
		switch {
		case b.Deletes(i):
			if *is {
				*is = false
				count--
			}
		case *is:
		case count >= int64(b.MaxMembers):
			refused[i] = true
		default:
			*is = true
			count++
		}
	}
	return refused, nil
}

// members numbers the members that changes are about; of has each change's, and there
// tells of each member whether it is there.
func (p *prepared) members(ctx context.Context, a *attempt, b *store.Batch) (of []int, there []bool, err error) {
	of = make([]int, b.Changes())
	var keys []string
	for order := p.order; len(order) > 0; {
		n := sameKey(b, order)
		for _, e := range order[:n] {
			of[e.i] = len(keys)
		}
		keys = append(keys, keyText(string(b.Key(int(order[0].i)))))
		order = order[n:]
	}
	there = make([]bool, len(keys))
	for from := 0; from < len(keys); from += chunkRows {
		part := keys[from:min(from+chunkRows, len(keys))]
		found := make(map[string]bool, len(part))
		rows, err := a.Query(ctx, sqlThere, p.list, part)
		if err != nil {
			return nil, nil, err
		}
		err = eachRow(rows, func(row pgx.Row) error {
			var key string
			err := row.Scan(&key)
			found[key] = true
			return err
		})
		if err != nil {
			return nil, nil, err
		}
		for i, key := range part {
			there[from+i] = found[key]
		}
	}
	return of, there, nil
}
