package object

import (
	"context"
	"time"
)

type patienceKey struct{}

// WithPatience returns a context with which Open, and the reader that it returns, wait for
// the first bytes for up to d, if that is longer than the store would wait. It is for jobs that
// are tried again, since callers should not wait for so long.
func WithPatience(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, patienceKey{}, d)
}

// Patience returns what WithPatience has set; 0 by default.
func Patience(ctx context.Context) time.Duration {
	d, _ := ctx.Value(patienceKey{}).(time.Duration)
	return d
}
