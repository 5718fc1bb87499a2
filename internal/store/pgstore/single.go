package pgstore

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// single runs each statement in a transaction of its own, for an attempt. The transaction
// begins, is set up, and is committed on the same way to the database and back as the
// statement:
//
//	BEGIN  settings  statement  COMMIT  ──>
//	                                    <──  rows, and that they are committed
type single struct {
	s *Store
	a *attempt
}

var _ querier = (*single)(nil)

// Exec implements querier.
func (q *single) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	rows.Close()
	return rows.CommandTag(), rows.Err()
}

// QueryRow implements querier.
func (q *single) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := q.Query(ctx, sql, args...)
	return &singleRow{rows, err}
}

// Query implements querier. The transaction is committed when the rows are closed, which
// they are too when there are no more of them.
func (q *single) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	conn, err := q.s.acquire(ctx)
	if err != nil {
		return nil, err
	}
	var b pgx.Batch
	b.Queue(sqlBegin)
	b.Queue(sqlSettings, q.a.statementTimeout(), milliseconds(q.s.idle))
	b.Queue(sql, args...)
	b.Queue(sqlCommit)
	r := &singleRows{ctx: ctx, conn: conn, results: conn.SendBatch(ctx, &b)}
	for range 2 {
		if _, err := r.results.Exec(); err != nil {
			r.end(err)
			return nil, err
		}
	}
	r.Rows, err = r.results.Query()
	if err != nil {
		r.end(err)
		return nil, err
	}
	return r, nil
}

const sqlCommit = `COMMIT`

// singleRows are the rows of a statement, and the end of its transaction.
type singleRows struct {
	pgx.Rows
	ctx     context.Context // of the statement, which ends with its rows
	conn    *pgxpool.Conn
	results pgx.BatchResults
	ended   bool
	err     error
}

// Next implements pgx.Rows.
func (r *singleRows) Next() bool {
	if r.ended {
		return false
	}
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

// Close implements pgx.Rows.
func (r *singleRows) Close() {
	if r.ended {
		return
	}
	r.Rows.Close()
	err := r.Rows.Err()
	if err == nil {
		_, err = r.results.Exec() // of the commit
	}
	r.end(err)
}

// Err implements pgx.Rows.
func (r *singleRows) Err() error {
	if r.ended {
		return r.err
	}
	return r.Rows.Err()
}

func (r *singleRows) end(err error) {
	r.ended = true
	if last := r.results.Close(); err == nil {
		err = last
	}
	if r.err = err; err != nil && !r.conn.Conn().IsClosed() {
		rollback(r.ctx, rollbacker{r.conn})
	}
	r.conn.Release()
}

// rollbacker ends a transaction that was begun without a pgx.Tx.
type rollbacker struct{ conn *pgxpool.Conn }

func (r rollbacker) Rollback(ctx context.Context) error {
	_, err := r.conn.Exec(ctx, `ROLLBACK`)
	return err
}

// singleRow is the first row of a statement, or why there is none.
type singleRow struct {
	rows pgx.Rows
	err  error
}

// Scan implements pgx.Row.
func (r *singleRow) Scan(into ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(into...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}
