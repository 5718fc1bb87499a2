package pgstore

import (
	"context"
	"time"
)

// A list or a job that is deleted leaves behind what may be millions of rows. Nobody
// finds them any more, since their number is in no list and no job.

const (
	// lookEvery is how often Run looks for what other nodes deleted.
	lookEvery = time.Minute
	// removeAtOnce bounds what one transaction removes, and so how long it keeps
	// anything waiting.
	removeAtOnce = 10_000
)

// part is what is left, as leftovers names it.
const (
	partRejects = "rejects"
	partWords   = "words"
)

// sweep is how one kind of rows is removed. Nodes remove those of different numbers, or
// wait for nobody.
type sweep struct {
	next    string // one number
	some    string // removes some of its rows
	removed string // forgets the number
}

var sweeps = []sweep{
	{
		`SELECT list FROM removals ORDER BY since LIMIT 1 FOR UPDATE SKIP LOCKED`,
		`DELETE FROM members WHERE list = $1 AND key IN (
			SELECT key FROM members WHERE list = $1 ORDER BY key LIMIT $2)`,
		`DELETE FROM removals WHERE list = $1`,
	},
	{
		`SELECT number FROM leftovers WHERE part = '` + partRejects + `' ORDER BY since LIMIT 1 FOR UPDATE SKIP LOCKED`,
		`DELETE FROM rejects WHERE job = $1 AND record IN (
			SELECT record FROM rejects WHERE job = $1 ORDER BY record LIMIT $2)`,
		`DELETE FROM leftovers WHERE part = '` + partRejects + `' AND number = $1`,
	},
	{
		`SELECT number FROM leftovers WHERE part = '` + partWords + `' ORDER BY since LIMIT 1 FOR UPDATE SKIP LOCKED`,
		`DELETE FROM words WHERE list = $1 AND word IN (
			SELECT word FROM words WHERE list = $1 ORDER BY word LIMIT $2)`,
		`DELETE FROM leftovers WHERE part = '` + partWords + `' AND number = $1`,
	},
}

// Run removes what deleted lists and jobs left behind, until ctx is done. One node at
// least should run it; nothing but disk space is lost where none does.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		for _, w := range sweeps {
			for more := true; more; {
				var err error
				if more, err = s.remove(ctx, w); err != nil && ctx.Err() == nil {
					s.log.Warn("rows of a deleted list or job not removed", "error", err)
				}
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

// wakeRun tells Run that there is something to do.
func (s *Store) wakeRun() {
	select {
	case s.removals <- struct{}{}:
	default: // it knows
	}
}

// remove removes some rows of one number; more is false if there was none.
func (s *Store) remove(ctx context.Context, w sweep) (more bool, err error) {
	err = s.transact(ctx, func(a *attempt) error {
		more = false
		var number int64
		err := a.QueryRow(ctx, w.next).Scan(&number)
		if none(err) {
			return nil
		}
		if err != nil {
			return err
		}
		done, err := a.Exec(ctx, w.some, number, removeAtOnce)
		if err == nil && done.RowsAffected() < removeAtOnce {
			_, err = a.Exec(ctx, w.removed, number)
		}
		more = err == nil
		return err
	})
	return more && err == nil, err
}
