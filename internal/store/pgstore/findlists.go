package pgstore

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// Each half has an index that begins with the kind.
const sqlFindLists = `SELECT ` + listColumns + ` FROM lists
		WHERE account = $1 AND region = $2 AND kind = ANY ($3) AND id = ANY ($4)
	UNION ALL SELECT ` + listColumns + ` FROM lists
		WHERE account = $1 AND region = $2 AND kind = ANY ($3) AND name = ANY ($4) AND NOT id = ANY ($4)
	ORDER BY kind, id`

// FindLists implements store.Lists.
func (s *Store) FindLists(ctx context.Context, o job.Owner, names ...string) ([]store.List, error) {
	var kinds []string
	for _, k := range job.Kinds() {
		kinds = append(kinds, string(k))
	}
	var found []store.List
	err := s.statement(ctx, func(ctx context.Context, a *attempt) error {
		found = nil
		rows, err := a.Query(ctx, sqlFindLists, o.Account, o.Region, kinds, names)
		if err != nil {
			return err
		}
		return eachRow(rows, func(row pgx.Row) error {
			var l listRow
			if err := l.scan(row); err != nil {
				return err
			}
			found = append(found, l.List)
			return nil
		})
	})
	return found, err
}
