// Package fault names the ways in which Sluice refuses or fails.
//
// An error made by New carries a Kind, on which callers act, and a sentence, which
// the person who called may read. The errors of a context have the kinds Canceled and
// DeadlineExceeded. Every other error is ours: it has the Kind
// Internal, its text goes to the log, and the caller is told a fixed sentence.
// The package imports nothing of Sluice, so every other package may use it.
package fault

import (
	"context"
	"errors"
	"fmt"
)

// Kind is a reason that a caller can act on.
type Kind uint8

// The kinds. Each API maps them to names and statuses of its own, see wire.
const (
	Internal           Kind = iota // ours; never shown
	Invalid                        // an argument that does not fit
	NotFound                       // no such job, list, member, bucket, object
	AlreadyExists                  // a name or key that is taken
	Conflict                       // the thing is in a state that forbids the call
	LimitExceeded                  // a quota would be passed
	Throttled                      // too many calls at a time
	Denied                         // known caller, not allowed
	BadToken                       // a page token that we did not make, or made for another call
	LeaseLost                      // another worker has the job, or it was stopped
	Broken                         // a source that is unreadable as a whole; fails its job
	Malformed                      // a body that is not what the protocol asks for
	UnknownOperation               // no such operation
	TooLarge                       // a body beyond the limit
	Unauthenticated                // no signature at all
	UnknownKey                     // an access key that we do not know
	BadSignature                   // a signature that does not match, or is not complete
	Expired                        // a signature, link or token whose time is over
	Skewed                         // a request time too far from ours
	BodyMismatch                   // a body that is not the one that was signed, or whose checksum differs
	PreconditionFailed             // If-Match and similar headers
	Unavailable                    // shutting down, or a dependency that does not answer
	StorageFull                    // no space left for what is to be written
	Damaged                        // stored bytes that fail their checksum, or are missing
	Canceled                       // the caller hung up before the work was done
	DeadlineExceeded               // the time for the work was over before it was done
	RequestTimeout                 // a body that did not arrive within the time for it
	Overloaded                     // a bound of all callers together is reached for the moment
	kinds
)

var names = [kinds]string{
	"Internal", "Invalid", "NotFound", "AlreadyExists", "Conflict", "LimitExceeded", "Throttled",
	"Denied", "BadToken", "LeaseLost", "Broken", "Malformed", "UnknownOperation", "TooLarge",
	"Unauthenticated", "UnknownKey", "BadSignature", "Expired", "Skewed", "BodyMismatch",
	"PreconditionFailed", "Unavailable", "StorageFull", "Damaged", "Canceled", "DeadlineExceeded",
	"RequestTimeout", "Overloaded",
}

func (k Kind) String() string {
	if k < kinds {
		return names[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// StatusCanceled is the HTTP status of Canceled, the one that proxies log for a caller
// who hung up. RFC 9110 has none for it, and nobody is there to read it.
const StatusCanceled = 499

// All returns every kind; tests walk it.
func All() []Kind {
	all := make([]Kind, kinds)
	for i := range all {
		all[i] = Kind(i)
	}
	return all
}

// Error is an error with a kind and a sentence for the caller.
type Error struct {
	Kind    Kind
	Message string
}

// New returns an error of kind k whose text is shown to the caller. Never put a
// secret or a member's address into it, unless the caller just sent that address.
func New(k Kind, format string, args ...any) error {
	return &Error{Kind: k, Message: fmt.Sprintf(format, args...)}
}

func (e *Error) Error() string { return e.Message }

// KindOf returns the kind of the first Error in err's chain. Without one it is the kind
// of a context's error in the chain, or else Internal. KindOf(nil) is Internal too: ask
// only about errors.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return DeadlineExceeded
	}
	return Internal
}

// Is reports whether err has kind k; a nil error has no kind.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }

// Message returns the sentence for the caller: that of the first Error in err's
// chain, or a fixed one for the kind when there is none.
func Message(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Message
	}
	switch KindOf(err) {
	case Canceled:
		return "the request was canceled"
	case DeadlineExceeded:
		return "the request took too long"
	}
	return "internal error"
}
