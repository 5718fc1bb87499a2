package pgstore

import (
	"context"
	"time"
)

// A list or a job that is deleted leaves behind what may be millions of rows. Nobody
// finds them any more, since their number is in no list and no job, and nobody adds to
// them.

const (
	// lookEvery is how often Run looks for what other nodes deleted.
	lookEvery = time.Minute
	// removeAtOnce bounds what one transaction removes, and so how long it keeps
	// anything waiting.
	removeAtOnce = 10_000
)

// The parts of what is deleted, as garbage has them.
const (
	partJobs       = "jobs" // the number is their list's
	partMembers    = "members"
	partRejects    = "rejects"
	partUniqueKeys = "unique_keys"
)

// sweep is how one kind of rows is removed: from the first to the last of some, in the
// order of their keys. To ask for "those among the first" would make some databases
// look at all of them each time.
type sweep struct {
	next    string // a number; nodes take different ones, or wait for nobody
	some    string // the first and the last of some keys, and their count
	remove  string // the rows from one key to another
	removed string // forgets the number
	first   any    // no key is before it
}

var sweeps = []sweep{
	{ // before the rejects that they leave behind
		`SELECT number FROM garbage WHERE part = '` + partJobs + `' ORDER BY since LIMIT 1 FOR UPDATE SKIP LOCKED`,
		`SELECT min(number), max(number), count(*) FROM (
			SELECT number FROM jobs WHERE list_number = $1 AND number >= $2 ORDER BY number LIMIT $3) AS c`,
		`WITH gone AS (
				DELETE FROM jobs WHERE list_number = $1 AND number >= $2 AND number <= $3
				RETURNING number, account, region, wire, id, rejected
			), forgotten AS (
				DELETE FROM tokens AS t USING gone AS g
				WHERE t.account = g.account AND t.region = g.region AND t.thing = 'job' AND t.kind = g.wire
				AND t.id COLLATE "C" = g.id
			)
			INSERT INTO garbage (part, number, since)
			SELECT '` + partRejects + `', number, clock_timestamp() FROM gone WHERE rejected > 0`,
		`DELETE FROM garbage WHERE part = '` + partJobs + `' AND number = $1`,
		int64(0),
	},
	{
		`SELECT number FROM garbage WHERE part = '` + partMembers + `' ORDER BY since LIMIT 1 FOR UPDATE SKIP LOCKED`,
		`SELECT min(key), max(key), count(*) FROM (
			SELECT key FROM members WHERE list = $1 AND key >= $2 ORDER BY key LIMIT $3) AS c`,
		`DELETE FROM members WHERE list = $1 AND key >= $2 AND key <= $3`,
		`DELETE FROM garbage WHERE part = '` + partMembers + `' AND number = $1`,
		"",
	},
	{
		`SELECT number FROM garbage WHERE part = '` + partRejects + `' ORDER BY since LIMIT 1 FOR UPDATE SKIP LOCKED`,
		`SELECT min(record), max(record), count(*) FROM (
			SELECT record FROM rejects WHERE job = $1 AND record >= $2 ORDER BY record LIMIT $3) AS c`,
		`DELETE FROM rejects WHERE job = $1 AND record >= $2 AND record <= $3`,
		`DELETE FROM garbage WHERE part = '` + partRejects + `' AND number = $1`,
		int64(0),
	},
	{
		`SELECT number FROM garbage WHERE part = '` + partUniqueKeys + `' ORDER BY since LIMIT 1 FOR UPDATE SKIP LOCKED`,
		`SELECT min(unique_key), max(unique_key), count(*) FROM (
			SELECT unique_key FROM unique_keys WHERE list = $1 AND unique_key >= $2 ORDER BY unique_key LIMIT $3) AS c`,
		`DELETE FROM unique_keys WHERE list = $1 AND unique_key >= $2 AND unique_key <= $3`,
		`DELETE FROM garbage WHERE part = '` + partUniqueKeys + `' AND number = $1`,
		"",
	},
}

// Run removes what deleted lists and jobs left behind, until ctx is done. One node at
// least should run it; nothing but disk space is lost where none does.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		for _, w := range sweeps {
			if err := s.sweep(ctx, w); err != nil && ctx.Err() == nil {
				s.log.Warn("garbage collection failed", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-s.garbage:
		}
	}
}

// wakeRun makes Run look at once.
func (s *Store) wakeRun() {
	select {
	case s.garbage <- struct{}{}:
	default: // it is going to look anyway
	}
}

// gcCursor is where a sweep has come to: the rows of a number before a key are gone. It
// spares the next step the way over what is left of them until the database cleans up.
type gcCursor struct {
	number int64
	key    any
}

// sweep removes all rows of one kind that there are to remove.
func (s *Store) sweep(ctx context.Context, w sweep) error {
	var c gcCursor
	for more := true; more; {
		var err error
		if c, more, err = s.remove(ctx, w, c); err != nil {
			return err
		}
	}
	return nil
}

// remove removes some rows of one number; more is false if there was none.
func (s *Store) remove(ctx context.Context, w sweep, c gcCursor) (now gcCursor, more bool, err error) {
	err = s.transactLong(ctx, func(ctx context.Context, a *attempt) error {
		now, more = c, false
		err := a.QueryRow(ctx, w.next).Scan(&now.number)
		if none(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if now.number != c.number || c.key == nil {
			now.key = w.first
		}
		atOnce := int64(a.atOnce(removeAtOnce))
		var first, last any
		var n int64
		if err := a.QueryRow(ctx, w.some, now.number, now.key, atOnce).Scan(&first, &last, &n); err != nil {
			return err
		}
		more = true
		if n > 0 {
			now.key = last
			_, err = a.Exec(ctx, w.remove, now.number, first, last)
		}
		if err == nil && n < atOnce {
			_, err = a.Exec(ctx, w.removed, now.number)
		}
		return err
	})
	return now, more && err == nil, err
}
