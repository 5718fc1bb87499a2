package sigv4

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/sluicehq/sluice/internal/fault"
)

// budget bounds the memory of bodies whose caller is not known yet. Small bodies, which
// most calls have, are counted by themselves: a few callers that hold back the end of
// large ones must not keep all others waiting.
type budget struct {
	small, large *semaphore.Weighted
}

const (
	smallBody = 16 << 10
	loadWait  = 2 * time.Second // for other bodies to be verified; SDKs repeat the call after that
)

// newBudget divides the bytes: a quarter is for small bodies, and the rest has room for
// one of the largest at least.
func newBudget(bytes, largest int64) *budget {
	return &budget{
		small: semaphore.NewWeighted(max(bytes/4, smallBody)),
		large: semaphore.NewWeighted(max(bytes-bytes/4, largest)),
	}
}

// admit waits until there is room for the body of r, if it is read before the signature
// is verified. The room is taken until release is called.
func (v *Verifier) admit(r *http.Request, sig *Signature) (release func(), err error) {
	if !sig.loads() || r.Body == nil || r.Body == http.NoBody {
		return func() {}, nil
	}
	size, from := r.ContentLength, v.loading.large
	switch {
	case size > v.o.MaxBody:
		return nil, errTooLarge(v.o.MaxBody)
	case size < 0: // it does not say
		size = v.o.MaxBody
	case size <= smallBody:
		from = v.loading.small
	}
	if !from.TryAcquire(size) {
		ctx, cancel := context.WithTimeout(r.Context(), loadWait)
		defer cancel()
		if err := from.Acquire(ctx, size); err != nil {
			return nil, fault.New(fault.Overloaded, "Too many request bodies are being read. Try again.")
		}
	}
	return func() { from.Release(size) }, nil
}
