package pgstore

import (
	"context"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/store"
)

const (
	sqlDeleteList = `DELETE FROM lists` + whereList + ` AND ($5::bigint = 0 OR number = $5::bigint) RETURNING number, unique_keys`

	sqlHasUnfinished = `SELECT EXISTS (SELECT 1 FROM jobs
		WHERE account = $1 AND region = $2 AND kind = $3 AND list = $4 AND state IN ('created', 'processing') AND list_number = $5)`
)

// DeleteList implements store.Lists. The members are out of sight at once, since
// nobody finds their list's number any more; Run removes them.
func (s *Store) DeleteList(ctx context.Context, r store.ListRef) error {
	var number int64 // once it was found, no list made later under its ID is meant
	return s.deleteList(ctx, r, &number, func(context.Context, *attempt) error { return nil })
}

// DeleteListWithJobs implements store.Lists. The jobs are out of sight at once, since
// their list's number is in garbage, see jobColumns; Run removes them. A
// creation that needs the ID or the token of one removes it itself.
func (s *Store) DeleteListWithJobs(ctx context.Context, r store.ListRef) error {
	var number int64
	return s.deleteList(ctx, r, &number, func(ctx context.Context, a *attempt) error {
		var unfinished bool
		err := a.QueryRow(ctx, sqlHasUnfinished, r.Owner.Account, r.Owner.Region, r.Kind, r.ID, number).Scan(&unfinished)
		if err != nil {
			return err
		}
		if unfinished {
			return fault.New(fault.Conflict, "list %s has a job that is not final", r.ID)
		}
		_, err = a.Exec(ctx, sqlGarbage, partJobs, number)
		return err
	})
}

// deleteList deletes a list and does more in the same transaction.
func (s *Store) deleteList(ctx context.Context, r store.ListRef, number *int64, more step) error {
	err := s.transact(ctx, func(ctx context.Context, a *attempt) error {
		// No job is created for the list meanwhile.
		if err := a.lock(ctx, "lists", r.Owner, string(r.Kind)); err != nil {
			return err
		}
		var uniqueKeys bool
		err := a.QueryRow(ctx, sqlDeleteList, append(refArgs(r), *number)...).Scan(number, &uniqueKeys)
		if none(err) {
			if a.commitUnknown {
				return nil
			}
			return store.NoList(r)
		}
		if err != nil {
			return err
		}
		if err := more(ctx, a); err != nil {
			return err
		}
		if _, err := a.Exec(ctx, sqlGarbage, partMembers, *number); err != nil {
			return err
		}
		if uniqueKeys {
			if _, err := a.Exec(ctx, sqlGarbage, partUniqueKeys, *number); err != nil {
				return err
			}
		}
		_, err = a.Exec(ctx, sqlForgetToken, r.Owner.Account, r.Owner.Region, "list", r.Kind, r.ID)
		return err
	})
	if err == nil {
		s.wakeRun()
	}
	return err
}
