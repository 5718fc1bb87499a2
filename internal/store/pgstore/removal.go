package pgstore

import (
	"context"
	"time"
)

const (
	// lookEvery is how often Run looks for lists that other nodes deleted.
	lookEvery = time.Minute
	// removeAtOnce bounds what one transaction removes, and so how long it keeps
	// anything waiting.
	removeAtOnce = 10_000

	// Nodes remove different lists, or wait for nobody.
	sqlNextRemoval = `SELECT list FROM removals ORDER BY since LIMIT 1 FOR UPDATE SKIP LOCKED`
	sqlRemove      = `DELETE FROM members WHERE list = $1 AND key IN (
		SELECT key FROM members WHERE list = $1 ORDER BY key LIMIT $2)`
	sqlRemoved = `DELETE FROM removals WHERE list = $1`
)

// Run removes the members of deleted lists until ctx is done. One node at least should
// run it; nothing but disk space is lost where none does.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		for more := true; more; {
			var err error
			if more, err = s.remove(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("members of a deleted list not removed", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-s.removals:
		}
	}
}

// remove removes some members of one deleted list; more is false if there was none.
func (s *Store) remove(ctx context.Context) (more bool, err error) {
	err = s.transact(ctx, func(a *attempt) error {
		more = false
		var list int64
		err := a.QueryRow(ctx, sqlNextRemoval).Scan(&list)
		if none(err) {
			return nil
		}
		if err != nil {
			return err
		}
		done, err := a.Exec(ctx, sqlRemove, list, removeAtOnce)
		if err == nil && done.RowsAffected() < removeAtOnce {
			_, err = a.Exec(ctx, sqlRemoved, list)
		}
		more = err == nil
		return err
	})
	return more && err == nil, err
}
