package pgstore

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sluicehq/sluice/internal/backoff"
)

// Every transaction sets its own isolation level and its own timeouts, and so does every
// statement outside of one, see single.go: the defaults of a role or a database are made
// for other programs. They are set for the transaction only, because a pool may give the
// next one another session. That a role may only read is not overridden.
//
// There is no lock timeout beside the statement timeout, which includes waiting for locks.
const (
	sqlBegin = `BEGIN ISOLATION LEVEL READ COMMITTED`
	// sqlSettings takes the statement timeout and the idle timeout in milliseconds, 0 for
	// none. PostgreSQL has transaction_timeout from 17 on.
	sqlSettings = `SELECT set_config('lock_timeout', '0', true),
		set_config('statement_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $2, true),
		CASE WHEN current_setting('transaction_timeout', true) <> '' THEN set_config('transaction_timeout', '0', true) END`
	// The same for pgx.TxOptions, which has no arguments.
	sqlBeginWith = sqlBegin + `; SELECT set_config('lock_timeout', '0', true),
		set_config('statement_timeout', '%s', true), set_config('idle_in_transaction_session_timeout', '%s', true),
		CASE WHEN current_setting('transaction_timeout', true) <> '' THEN set_config('transaction_timeout', '0', true) END`
)

// A transaction that asks for nothing more, because its node is paused or cut off,
// must not keep its locks: the server ends it. The time is short beside a lease, and
// long beside what lies between two statements.
const idleInTransaction = 5 * time.Second

// opID marks the row that an operation changes.
type opID = string

// attempt is one try at a step, in a transaction or outside of any.
type attempt struct {
	querier
	tx pgx.Tx // nil outside
	// id is the same in all attempts at one operation.
	id opID
	// retry says that this is not the first.
	retry bool
	// commitUnknown says that an attempt before this one may have been committed.
	commitUnknown bool

	long   bool      // the step takes as long as it takes, see transactLong
	giveUp time.Time // no connection is waited for any longer, nor an answer if the step is not long
	cuts   int       // see statementSize
}

type querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// step is what is done in one attempt. It is called again when its transaction lost a
// conflict or its connection, so it must give results only by overwriting them. If
// a.commitUnknown is set, it must first find out whether it was done already. It must use the
// context that it is given, which ends with the time for it.
type step func(ctx context.Context, a *attempt) error

// transact runs a step in a transaction and commits it, unless the step returns an error.
// All of it takes no longer than Options.Patience and a moment.
func (s *Store) transact(ctx context.Context, do step) error {
	return s.retry(ctx, false, s.inTransaction(do))
}

// transactLong is transact for a step whose length is that of its data: only connections
// are waited for within Options.Patience. When it is cancelled from outside, by a pool or
// a watchdog that ends long statements, the next attempt makes shorter statements.
func (s *Store) transactLong(ctx context.Context, do step) error {
	return s.retry(ctx, true, s.inTransaction(do))
}

func (s *Store) inTransaction(do step) step {
	return func(ctx context.Context, a *attempt) error {
		conn, tx, err := s.begin(ctx, a)
		if err != nil {
			return err
		}
		defer conn.Release()
		a.querier, a.tx = tx, tx
		if err := do(ctx, a); err != nil {
			rollback(ctx, tx)
			return err
		}
		err = tx.Commit(ctx)
		if err != nil && !isConflict(err) {
			a.commitUnknown = true
		}
		return err
	}
}

func (s *Store) begin(ctx context.Context, a *attempt) (*pgxpool.Conn, pgx.Tx, error) {
	ctx, cancel := context.WithDeadline(ctx, a.giveUp)
	defer cancel()
	conn, err := s.acquire(ctx)
	if err != nil {
		return nil, nil, err
	}
	begin := fmt.Sprintf(sqlBeginWith, a.statementTimeout(), milliseconds(s.idle))
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{BeginQuery: begin})
	if err != nil {
		conn.Release()
		return nil, nil, err
	}
	return conn, tx, nil
}

// acquire takes a connection from the pool, if there is one before ctx ends.
func (s *Store) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, &notSentError{err}
	}
	return conn, nil
}

// notSentError is an error before anything was sent to the database.
type notSentError struct{ error }

func (e *notSentError) Unwrap() error { return e.error }

// statementTimeout is for the database. What has more time than that is cut off by the
// end of the context, which costs the connection.
func (a *attempt) statementTimeout() string {
	if a.long {
		return milliseconds(0)
	}
	return milliseconds(max(time.Until(a.giveUp), time.Millisecond))
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// rollback need not succeed: the connection is closed if it does not. It must not hang
// on a connection that does.
func rollback(ctx context.Context, tx interface{ Rollback(context.Context) error }) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = tx.Rollback(ctx)
}

// statement runs a step whose statements are each a transaction of their own. All of
// it takes no longer than Options.Patience and a moment.
func (s *Store) statement(ctx context.Context, do step) error {
	return s.retry(ctx, false, func(ctx context.Context, a *attempt) error {
		a.querier, a.tx = &single{s, a}, nil
		err := do(ctx, a)
		if err != nil && isConnectionError(err) && mayBeDone(err) {
			a.commitUnknown = true
		}
		return err
	})
}

// answerWithin is how much longer than the database's own timeout an answer is waited
// for.
const answerWithin = 250 * time.Millisecond

// pauses are those between attempts of a transaction.
var pauses = backoff.Policy{First: 5 * time.Millisecond, Max: 500 * time.Millisecond}

// retry is the one place where something is tried again.
func (s *Store) retry(ctx context.Context, long bool, do step) error {
	a := attempt{id: rand.Text(), long: long, giveUp: time.Now().Add(s.patience)}
	limited := ctx
	if !long {
		var cancel context.CancelFunc
		limited, cancel = context.WithDeadline(ctx, a.giveUp.Add(answerWithin))
		defer cancel()
	}
	for failed := 1; ; failed++ {
		a.cuts = s.size.cuts()
		err := do(limited, &a)
		a.retry = true
		if err == nil {
			s.losses.end()
			s.size.fits(long)
			return nil
		}
		if ctx.Err() != nil || !isRetryable(err) || s.tlsRefused(err) {
			return s.toFault(ctx, err)
		}
		if long && code(err) == queryCanceled && s.size.cut(a.cuts) {
			a.giveUp = time.Now().Add(s.patience)
			continue
		}
		pause := pauses.Pause(failed)
		late := !time.Now().Add(pause).Before(a.giveUp)
		if isConnectionError(err) {
			s.losses.add(err)
			if !late { // a pool that is busy is no reason to give up its connections
				s.pool.Reset() // the other connections are most likely gone too
			}
		}
		if late {
			return s.toFault(ctx, err)
		}
		if backoff.Wait(ctx, backoff.Jitter(pause)) != nil {
			return s.toFault(ctx, err)
		}
	}
}
