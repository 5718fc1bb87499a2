package object

import (
	"context"
	"time"
)

type firstByteTimeoutKey struct{}

// WithFirstByteTimeout returns a context with which Open, and the reader that it returns, wait for
// the first bytes for up to d, if that is longer than the store would wait. It is for jobs that
// are tried again, since callers should not wait for so long.
func WithFirstByteTimeout(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, firstByteTimeoutKey{}, d)
}

// FirstByteTimeout returns what WithFirstByteTimeout has set; 0 by default.
func FirstByteTimeout(ctx context.Context) time.Duration {
	d, _ := ctx.Value(firstByteTimeoutKey{}).(time.Duration)
	return d
}
