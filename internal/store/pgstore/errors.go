package pgstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/internal/fault"
)

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
	lockNotAvailable     = "55P03" // also by a lock timeout
	queryCanceled        = "57014" // also by a statement timeout
	badText              = "22021" // not UTF-8, or a NUL in it
	badJSON              = "22P05" // the same in jsonb
	tooMuchForIndex      = "54000"
	diskFull             = "53100"
	outOfMemory          = "53200"
	tooManyConnections   = "53300"
	readOnlyTransaction  = "25006"
	idleTransaction      = "25P03"
	statementUnknown     = "40003"
	adminShutdown        = "57P01"
	crashShutdown        = "57P02"
	cannotConnectNow     = "57P03" // it starts, or stops
	databaseDropped      = "57P04"
	idleSession          = "57P05"
	noPrivilege          = "42501"
	noSuchStatement      = "26000" // a prepared one
	statementExists      = "42P05"
)

// isConflict reports that a transaction lost a conflict with another, or that its time
// was over: it was not committed, and may do better when it is tried again.
func isConflict(err error) bool {
	switch code(err) {
	case serializationFailure, deadlockDetected, uniqueViolation, lockNotAvailable, queryCanceled:
		return true
	}
	return false
}

func isRetryable(err error) bool { return isConflict(err) || isConnectionError(err) }

// isConnectionError reports that the database did not answer, or that it is not the one to
// ask now.
func isConnectionError(err error) bool {
	switch c := code(err); c {
	case adminShutdown, crashShutdown, cannotConnectNow, tooManyConnections,
		databaseDropped, idleSession, readOnlyTransaction, idleTransaction, statementUnknown:
		return true
	case "":
		var f *fault.Error
		return err != nil && !none(err) && !errors.As(err, &f) && isBroken(err)
	default:
		return c[:2] == "08"
	}
}

// isBroken reports that it was the connection that failed, and not what came over it.
func isBroken(err error) bool {
	var connect *pgconn.ConnectError
	var network interface{ Timeout() bool } // a net.Error, and what pgconn makes of it
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pgconn.ErrConnClosed)
}

// mayBeDone reports that a statement whose connection failed may have been committed.
// pgconn.SafeToRetry does not tell: it is true for what follows on a broken connection in
// a batch that was sent.
func mayBeDone(err error) bool {
	var notSent *notSentError
	return !errors.As(err, &notSent)
}

// toFault gives an error the kind that a caller can act on.
func (s *Store) toFault(ctx context.Context, err error) error {
	var f *fault.Error
	switch {
	case err == nil || errors.As(err, &f):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("ask database: %w", ctx.Err())
	}
	if code(err) == diskFull {
		s.full.Store(true)
	}
	if why := meaning(err); why != nil {
		if fault.Is(why, fault.Invalid) {
			return why
		}
		return fmt.Errorf("%w: %w", why, err)
	}
	return fmt.Errorf("ask database: %w", err)
}

// meaning returns the sentence for callers, nil if it is an error of ours.
func meaning(err error) error {
	var notSent *notSentError
	switch c := code(err); c {
	case badText, badJSON, tooMuchForIndex:
		return errText
	case diskFull:
		return errNoSpace
	case outOfMemory:
		return errNoMemory
	case tooManyConnections:
		return errNoConnection
	case readOnlyTransaction:
		return errReadOnly
	case lockNotAvailable, queryCanceled:
		return errSlow
	case noSuchStatement, statementExists:
		return errPrepared
	default:
		switch {
		case isConnectionError(err) && errors.As(err, &notSent) && errors.Is(err, context.DeadlineExceeded):
			return errNoConnection
		case isConnectionError(err):
			return errUnavailable
		case isConflict(err):
			return errBusy
		case strings.HasPrefix(c, "53"):
			return errNoResources
		case strings.HasPrefix(c, "58"): // of the machine below the database
			return errMachine
		case strings.HasPrefix(c, "28"), strings.HasPrefix(c, "3D"), strings.HasPrefix(c, "3F"), c == noPrivilege:
			return errRefused // a password or a right that was changed since the start
		}
	}
	return nil
}

var (
	errUnavailable  = fault.New(fault.Unavailable, "the database does not answer")
	errBusy         = fault.New(fault.Unavailable, "the database is too busy with others")
	errSlow         = fault.New(fault.Unavailable, "the database took too long")
	errNoConnection = fault.New(fault.Unavailable, "no connection to the database is free")
	errReadOnly     = fault.New(fault.Unavailable, "the database takes no writes: it is a standby, or was set to read only")
	errNoSpace      = fault.New(fault.StorageFull, "the database is out of space")
	errNoMemory     = fault.New(fault.Unavailable, "the database is out of memory")
	errNoResources  = fault.New(fault.Unavailable, "the database is out of resources")
	errMachine      = fault.New(fault.Unavailable, "the database's machine has trouble")
	errRefused      = fault.New(fault.Unavailable, "the database refuses the server's user")
	errPrepared     = fault.New(fault.Unavailable, "the pool in front of the database does not keep prepared statements")
	errText         = fault.New(fault.Invalid, "a text is not valid UTF-8, has a NUL character, or is too long")
)
