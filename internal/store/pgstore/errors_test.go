package pgstore

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/internal/fault"
)

// TestErrorsHaveKinds has what the database says, and whether it is tried again, and what
// callers are told in the end.
func TestErrorsHaveKinds(t *testing.T) {
	t.Parallel()
	s := &Store{}
	for _, c := range []struct {
		err   error
		retry bool
		kind  fault.Kind
		want  string
	}{
		{&pgconn.PgError{Code: "40001"}, true, fault.Unavailable, "the database is too busy with others"},
		{&pgconn.PgError{Code: "55P03"}, true, fault.Unavailable, "the database took too long"},
		{&pgconn.PgError{Code: "57014"}, true, fault.Unavailable, "the database took too long"},
		{&pgconn.PgError{Code: "08P01"}, true, fault.Unavailable, "the database does not answer"},
		{&pgconn.PgError{Code: "57P05"}, true, fault.Unavailable, "the database does not answer"},
		{&pgconn.PgError{Code: "53300"}, true, fault.Unavailable, "no connection to the database is free"},
		{&pgconn.PgError{Code: "25006"}, true, fault.Unavailable, errReadOnly.Error()},
		{&pgconn.PgError{Code: "53100"}, false, fault.StorageFull, "the database is out of space"},
		{&pgconn.PgError{Code: "53200"}, false, fault.Unavailable, "the database is out of memory"},
		{&pgconn.PgError{Code: "58030"}, false, fault.Unavailable, "the database's machine has trouble"},
		{&pgconn.PgError{Code: "28P01"}, false, fault.Unavailable, "the database refuses the server's user"},
		{&pgconn.PgError{Code: "42501"}, false, fault.Unavailable, "the database refuses the server's user"},
		{&pgconn.PgError{Code: "26000"}, false, fault.Unavailable, errPrepared.Error()},
		{&pgconn.PgError{Code: "22021"}, false, fault.Invalid, errText.Error()},
		{&pgconn.PgError{Code: "42703"}, false, fault.Internal, "internal error"},
		{io.ErrUnexpectedEOF, true, fault.Unavailable, "the database does not answer"},
		{&notSentError{context.DeadlineExceeded}, true, fault.Unavailable, "no connection to the database is free"},
		{context.DeadlineExceeded, true, fault.Unavailable, "the database does not answer"},
	} {
		err := s.toFault(t.Context(), fmt.Errorf("step: %w", c.err))
		if !fault.Is(err, c.kind) || fault.Message(err) != c.want || isRetryable(c.err) != c.retry {
			t.Errorf("%v: %v, %q, retryable %t; want %v, %q, %t", c.err, fault.KindOf(err), fault.Message(err), isRetryable(c.err), c.kind, c.want, c.retry)
		}
	}
}
