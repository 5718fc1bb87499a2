// Package pgstore is the store in a PostgreSQL database, which any number of nodes
// share.
//
// What comes in and goes out is the contract of package store; the tables are drawn in
// migrations and are plain ones: teams query and join them. PostgreSQL 15 or later is
// what the tests run on. The package keeps to what databases that speak its protocol
// document (CockroachDB, YugabyteDB, Aurora, Citus): row locks are its only locks, no
// state hangs on a session, and a test reads every statement for words beyond that.
//
//   - A change is one transaction, and safe under every isolation level. One place
//     (transact.go) tries again what lost a conflict or its connection, for a bounded
//     time; a step whose COMMIT went unanswered leaves a mark by which the next try
//     finds out whether it was done. When time is up it is fault.Unavailable.
//   - Leases are counted by the database's clock, so that those of the nodes need not
//     agree. Job.Lease.Until is a time of that clock: a worker counts from the moment
//     it asked, by its own, and not from what Until says.
//   - A batch goes in as sorted arrays, see commit.go. The job's row and the list's are
//     locked at the end only, so nobody waits for a batch: stopping a job or deleting a
//     list happens at once, and the batch then changes nothing.
//   - The members of a deleted list and the rejects of a deleted job are out of sight at
//     once, and removed later, by Run.
//   - A write of members that have unique keys locks their list FOR UPDATE, see uniquekeys.go.
//
// A pool in front of the database that gives each transaction another connection, such
// as PgBouncer, is fine if it carries prepared statements, or if the URL has
// default_query_exec_mode=exec, see https://pkg.go.dev/github.com/jackc/pgx/v5.
package pgstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sluicehq/sluice/internal/store"
)

var _ store.Store = (*Store)(nil)

// Options are what Open may be told. The zero value is good for a server.
type Options struct {
	Logger   *slog.Logger  // nil discards
	MaxConns int           // connections at most; 0 is what the URL says (pool_max_conns), or else 16
	Patience time.Duration // for how long a lost database is waited for; 0 is 10 s
	// Clock is what leases are counted by; nil is the database's clock, the only one
	// that several nodes can share. It is for tests in which time is not real.
	Clock func() time.Time
}

const (
	defaultMaxConns = 16
	defaultPatience = 10 * time.Second
	connectWithin   = 5 * time.Second
)

// Store is a store.Store. Open makes one.
type Store struct {
	pool     *pgxpool.Pool
	log      *slog.Logger
	patience time.Duration
	clock    func() time.Time
	idle     time.Duration // how long a transaction may ask for nothing; 0 is for ever
	losses   losses
	full     atomic.Bool // a write was refused for want of space since Ping has written
	size     statementSize
	node     opID          // marks the leases that were claimed here
	garbage  chan struct{} // wakes Run when there is something to do
}

// Open connects to a database by its URL and brings its tables up to date. The user
// must be allowed to make tables in the schema that it finds first. What only a change of
// the settings can mend is fault.Invalid or fault.Denied; see also ErrStandby.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	config, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	switch {
	case o.MaxConns > 0:
		config.MaxConns = int32(o.MaxConns)
	case !strings.Contains(url, "pool_max_conns"):
		config.MaxConns = defaultMaxConns
	}
	config.MaxConns = max(config.MaxConns, 2) // a lease must be renewed while a batch is committed
	// A peer that is gone without a word is noticed within seconds.
	dialer := net.Dialer{Timeout: connectWithin, KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3,
	}}
	config.ConnConfig.DialFunc = dialer.DialContext
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectWithin
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Patience == 0 {
		o.Patience = defaultPatience
	}
	s := &Store{
		log: o.Logger, patience: o.Patience, clock: o.Clock, idle: idleInTransaction, losses: losses{log: o.Logger},
		node: rand.Text(), garbage: make(chan struct{}, 1),
	}
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := s.start(ctx); err != nil {
		s.pool.Close()
		return nil, err
	}
	return s, nil
}

// now is the time for statements that ask for it as coalesce($1, clock_timestamp()).
func (s *Store) now() *time.Time {
	if s.clock == nil {
		return nil
	}
	now := s.clock()
	return &now
}

const sqlGiveUpLeases = `UPDATE jobs SET leased_until = coalesce($1::timestamptz, clock_timestamp())
	WHERE ready AND node = $2 AND leased_until > coalesce($1::timestamptz, clock_timestamp())`

// Close implements store.Store. It gives up the leases that were claimed here, so that
// other nodes need not wait for their end, and waits for those who are still asking.
func (s *Store) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), connectWithin)
	defer cancel()
	_, err := s.once(ctx).Exec(ctx, sqlGiveUpLeases, s.now(), s.node)
	s.pool.Close()
	if err != nil {
		s.log.Warn("leases not given up", "error", err)
	}
	return nil
}

// once is for a statement that is not tried again. It takes no longer than ctx.
func (s *Store) once(ctx context.Context) querier {
	giveUp, ok := ctx.Deadline()
	if !ok {
		giveUp = time.Now().Add(s.patience)
	}
	return &single{s, &attempt{giveUp: giveUp}}
}

// Ping implements store.Store. It does not wait for a lost database.
func (s *Store) Ping(ctx context.Context) error {
	if s.full.Load() { // a small write may find room in a page that is there
		some := make([]byte, takenSpace)
		rand.Read(some) // or it would be compressed
		if err := s.once(ctx).QueryRow(ctx, sqlTakeSpace, some).Scan(new(int64)); err != nil {
			return s.toFault(ctx, err)
		}
		s.full.Store(false)
	}
	_, err := s.once(ctx).Exec(ctx, sqlPing)
	return s.toFault(ctx, err)
}

const (
	// A row that is written again and again, so that a database that only reads, or
	// whose standby does not confirm, is not taken for one that works.
	sqlPing = `INSERT INTO secrets (name, secret) VALUES ('ping', '') ON CONFLICT (name) DO UPDATE SET secret = excluded.secret`

	// sqlTakeSpace writes so much that the database's files have to become longer.
	sqlTakeSpace = `WITH taken AS (INSERT INTO secrets (name, secret) VALUES ('space', $1)
		ON CONFLICT (name) DO UPDATE SET secret = excluded.secret RETURNING 1 AS n) SELECT count(*) FROM taken`
	takenSpace = 256 << 10

	sqlMakeSecret = `INSERT INTO secrets (name, secret) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`
	sqlSecret     = `SELECT secret FROM secrets WHERE name = $1`

	secretLen = 32
)

// Secret implements store.Store.
func (s *Store) Secret(ctx context.Context, name string) ([]byte, error) {
	made := make([]byte, secretLen)
	rand.Read(made) // never fails, see crypto/rand
	var secret []byte
	err := s.statement(ctx, func(ctx context.Context, q *attempt) error {
		err := q.QueryRow(ctx, sqlSecret, name).Scan(&secret)
		if err == nil || !none(err) {
			return err
		}
		if _, err := q.Exec(ctx, sqlMakeSecret, name, made); err != nil {
			return err
		}
		return q.QueryRow(ctx, sqlSecret, name).Scan(&secret) // another node's, if it was faster
	})
	return secret, err
}

// none reports that a query found no row.
func none(err error) bool { return errors.Is(err, pgx.ErrNoRows) }
