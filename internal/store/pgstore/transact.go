package pgstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/internal/fault"
)

// A transaction that asks for nothing more, because its node is paused or cut off,
// must not keep its locks: the server ends it. The time is short beside a lease, and
// long beside what lies between two statements.
const sqlBegin = `BEGIN; SET LOCAL idle_in_transaction_session_timeout = '5s'`

// stepID marks the row that a step changes.
type stepID = string

// attempt is one try at a step, in a transaction or outside of any.
type attempt struct {
	querier
	tx pgx.Tx // nil outside
	// id is the same in all attempts at one step.
	id stepID
	// again tells that this is not the first.
	again bool
	// unsure tells that an attempt before this one may have been committed.
	unsure bool
}

type querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// transact runs step in a transaction and commits it, unless step returns an error.
// step is called again when the transaction lost a conflict or its connection, so it
// must give results only by overwriting them. If a.unsure is set, it must first find
// out whether it was done already.
func (s *Store) transact(ctx context.Context, step func(a *attempt) error) error {
	return s.retry(ctx, func(a *attempt) error {
		tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: s.begin})
		if err != nil {
			return err
		}
		a.querier, a.tx = tx, tx
		if err := step(a); err != nil {
			rollback(ctx, tx)
			return err
		}
		err = tx.Commit(ctx)
		if err != nil && !refused(err) {
			a.unsure = true
		}
		return err
	})
}

// rollback need not succeed: the connection is closed if it does not. It must not hang
// on a connection that does.
func rollback(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = tx.Rollback(ctx)
}

// statement runs a step whose statements are each a transaction of their own.
func (s *Store) statement(ctx context.Context, step func(a *attempt) error) error {
	return s.retry(ctx, func(a *attempt) error {
		a.querier, a.tx = s.pool, nil
		err := step(a)
		if err != nil && lost(err) && !pgconn.SafeToRetry(err) {
			a.unsure = true
		}
		return err
	})
}

const (
	firstPause = 5 * time.Millisecond
	maxPause   = 500 * time.Millisecond
)

// retry is the one place where something is tried again.
func (s *Store) retry(ctx context.Context, try func(a *attempt) error) error {
	a := attempt{id: rand.Text()}
	giveUp := time.Now().Add(s.patience)
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := try(&a)
		a.again = true
		if err == nil || ctx.Err() != nil || !refused(err) && !lost(err) {
			return known(ctx, err)
		}
		if lost(err) {
			s.log.Warn("database lost", "error", err)
			s.pool.Reset() // the other connections are most likely gone too
		}
		if time.Now().Add(pause).After(giveUp) {
			return known(ctx, err)
		}
		select {
		case <-ctx.Done():
			return known(ctx, err)
		case <-time.After(pause/2 + mrand.N(pause)): // or who met once would meet again
		}
	}
}

func code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// The codes, see https://www.postgresql.org/docs/15/errcodes-appendix.html.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	uniqueViolation      = "23505"
	badText              = "22021" // not UTF-8, or a NUL in it
	badJSON              = "22P05" // the same in jsonb
	tooMuchForIndex      = "54000"
)

// refused reports that a transaction lost a conflict with another: it was not
// committed, and will do better when it sees what the other has done.
func refused(err error) bool {
	c := code(err)
	return c == serializationFailure || c == deadlockDetected || c == uniqueViolation
}

// lost reports that the database did not answer, or that it is not the one to ask now.
func lost(err error) bool {
	switch c := code(err); c {
	case "57P01", "57P02", "57P03", // is being shut down, was, is starting
		"53300",          // has too many connections
		"25006", "25P03", // is a standby, ended a transaction that did nothing
		"40003": // does not know whether it committed
		return true
	case "":
		var f *fault.Error
		return err != nil && !none(err) && !errors.As(err, &f) && broken(err)
	default:
		return c[:2] == "08"
	}
}

// broken reports that it was the connection that failed, and not what came over it.
func broken(err error) bool {
	var connect *pgconn.ConnectError
	var network interface{ Timeout() bool } // a net.Error, and what pgconn makes of it
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pgconn.ErrConnClosed)
}

// known gives an error the kind that a caller can act on.
func known(ctx context.Context, err error) error {
	var f *fault.Error
	switch {
	case err == nil || errors.As(err, &f):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("ask database: %w", ctx.Err())
	case lost(err):
		return fmt.Errorf("%w: %w", errUnavailable, err)
	case refused(err):
		return fmt.Errorf("%w: %w", errBusy, err)
	}
	switch code(err) {
	case badText, badJSON, tooMuchForIndex:
		return errText
	}
	return fmt.Errorf("ask database: %w", err)
}

var (
	errUnavailable = fault.New(fault.Unavailable, "the database does not answer")
	errBusy        = fault.New(fault.Unavailable, "the database is too busy with others")
	errText        = fault.New(fault.Invalid, "a text is not UTF-8, has a NUL in it, or is too long")
)
