package pgstore

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/sluicehq/sluice/internal/fault"
)

// ErrStandby is what Open returns when the database is a standby. It may be one that is
// being promoted, so it can be waited for.
var ErrStandby = fault.New(fault.Unavailable, "the database is a standby and takes no writes, unless it is promoted: "+
	"the URL must lead to the primary, or name all servers and have target_session_attrs=read-write")

var (
	errReadOnlyRole = fault.New(fault.Invalid, "the database takes no writes from this user: "+
		"default_transaction_read_only is on for the user, the database or the server")
	errTransactionPool = fault.New(fault.Invalid, "the pool in front of the database gives each transaction another session "+
		"and does not keep prepared statements: add default_query_exec_mode=exec to the URL")
)

// start finds out whether the database can be used, and brings its tables up to date. What
// can only be mended by changing a setting is fault.Invalid or fault.Denied.
func (s *Store) start(ctx context.Context) error {
	for _, do := range []func(context.Context) error{s.checkWritable, s.checkPool, s.migrate, s.checkWrite} {
		if err := do(ctx); err != nil {
			return s.startFault(err)
		}
	}
	return nil
}

const sqlWritable = `SELECT coalesce(current_setting('in_hot_standby', true), 'off'), current_setting('transaction_read_only')`

// checkWritable distinguishes a standby from a database that is read-only by a setting: only the
// former may change by itself.
func (s *Store) checkWritable(ctx context.Context) error {
	var standby, readOnly string
	err := s.statement(ctx, func(ctx context.Context, a *attempt) error {
		return a.QueryRow(ctx, sqlWritable).Scan(&standby, &readOnly)
	})
	switch {
	case err != nil:
		return err
	case standby == "on":
		return ErrStandby
	case readOnly == "on":
		return errReadOnlyRole
	}
	return nil
}

// checkWrite makes the write of Ping.
func (s *Store) checkWrite(ctx context.Context) error {
	return s.statement(ctx, func(ctx context.Context, a *attempt) error {
		_, err := a.Exec(ctx, sqlPing)
		return err
	})
}

const (
	sqlSession = `SELECT pg_backend_pid()::text`
	// poolWithin is how long the pool in front of a database is looked at. It may have no
	// second session to give.
	poolWithin = 2 * time.Second
	poolTries  = 3 // others use the pool too, and may take the session that was meant
)

// checkPool looks for a pool in front of the database that gives each transaction another
// session, and does not carry prepared statements over. Only with several callers do
// statements then fail, so that it would not show at the start.
//
// It prepares a statement, has another transaction take the session of the pool in which
// that was, and runs the statement.
func (s *Store) checkPool(ctx context.Context) error {
	switch s.pool.Config().ConnConfig.DefaultQueryExecMode {
	case pgx.QueryExecModeCacheStatement, pgx.QueryExecModeDescribeExec:
	default:
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, poolWithin)
	defer cancel()
	first, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil // nothing was found out, and what comes next says why
	}
	defer first.Release()
	answer := first.Conn().PgConn().ExecParams(ctx, sqlSession, nil, nil, nil, nil).Read()
	if answer.Err != nil || len(answer.Rows) != 1 ||
		string(answer.Rows[0][0]) == strconv.FormatUint(uint64(first.Conn().PgConn().PID()), 10) {
		return nil // there is no pool, which makes up numbers of its own
	}
	second, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil
	}
	defer second.Release()
	for range poolTries {
		if err := runElsewhere(ctx, first.Conn(), second.Conn()); err != nil {
			return err
		}
	}
	return nil
}

// runElsewhere returns errTransactionPool if a statement that was prepared on a connection
// is not there when another has been in between.
func runElsewhere(ctx context.Context, first, second *pgx.Conn) error {
	name := "sluice_check_" + rand.Text()
	_, err := first.PgConn().Prepare(ctx, name, `SELECT 1`, nil)
	if err == nil {
		_, err = second.PgConn().Exec(ctx, sqlBegin+`; SELECT 1`).ReadAll()
	}
	if err == nil {
		err = first.PgConn().ExecPrepared(ctx, name, nil, nil, nil).Read().Err
		_, _ = second.PgConn().Exec(ctx, `ROLLBACK`).ReadAll() // or the connection is closed
	}
	if err == nil {
		err = first.PgConn().Deallocate(ctx, name)
	}
	if c := code(err); c == noSuchStatement || c == statementExists {
		return errTransactionPool
	}
	return nil
}

// startFault returns an error of the start, in a sentence of its own if a setting is to
// blame for it.
func (s *Store) startFault(err error) error {
	var said *pgconn.PgError
	var certificate *tls.CertificateVerificationError
	refused := func(k fault.Kind, sentence, why string) error {
		return fault.New(k, "%s: %s", sentence, why)
	}
	switch {
	case s.tlsRefused(err) && errors.As(err, &certificate):
		return refused(fault.Invalid, "the certificate of the database server is not accepted (sslrootcert in the URL names the "+
			"authorities to trust, and its host must be one that the certificate is for)", certificate.Err.Error())
	case s.tlsRefused(err):
		return fault.New(fault.Invalid, "the database server does not offer TLS, which sslmode in the URL asks for")
	case s.isNoDatabase(err):
		return fault.New(fault.Invalid, "what answers at the address of the URL is no PostgreSQL, or no server that speaks its protocol")
	case !errors.As(err, &said):
		return err
	}
	switch said.Code {
	case "28P01", "28000":
		return refused(fault.Denied, "the database does not let the user in", said.Message)
	case "3D000":
		return refused(fault.Invalid, "the database of the URL is not there", said.Message)
	case "3F000":
		return refused(fault.Invalid, "no schema of the user's search_path is there", said.Message)
	case noPrivilege:
		return refused(fault.Denied, "the user may not make and write the tables", said.Message)
	case "22023", "42704":
		return refused(fault.Invalid, "the database does not take a setting of the URL", said.Message)
	case noSuchStatement, statementExists:
		return errTransactionPool
	case "08P01": // the words of PgBouncer, which has no codes
		switch {
		case strings.HasPrefix(said.Message, "unsupported startup parameter"):
			return refused(fault.Invalid, "the pool in front of the database does not take a setting of the URL (ignore_startup_parameters)", said.Message)
		case strings.HasPrefix(said.Message, "no such database"), strings.HasPrefix(said.Message, "no such user"):
			return refused(fault.Invalid, "the pool in front of the database does not know the database or the user", said.Message)
		}
	}
	return err
}

// tlsRefused reports that TLS with the only server of the URL failed in a way that does
// not pass. With several servers another may do.
func (s *Store) tlsRefused(err error) bool {
	config := s.pool.Config().ConnConfig
	if err == nil || config.TLSConfig == nil || len(config.Fallbacks) > 0 {
		return false
	}
	var certificate *tls.CertificateVerificationError
	var connect *pgconn.ConnectError
	return errors.As(err, &certificate) ||
		errors.As(err, &connect) && strings.Contains(fmt.Sprint(err), "server refused TLS connection")
}

// isNoDatabase reports that the only server of the URL answers in another protocol. With
// several servers another may do.
func (s *Store) isNoDatabase(err error) bool {
	config := s.pool.Config().ConnConfig
	for _, f := range config.Fallbacks { // sslmode=prefer tries the same server twice
		if f.Host != config.Host || f.Port != config.Port {
			return false
		}
	}
	var connect *pgconn.ConnectError
	var tooLong *pgproto3.ExceededMaxBodyLenErr
	var noTLS tls.RecordHeaderError
	return errors.As(err, &connect) && (errors.As(err, &tooLong) || errors.As(err, &noTLS))
}
