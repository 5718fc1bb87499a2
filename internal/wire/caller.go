package wire

import "context"

// Caller is who is asking, once the signature holds, and how to reach us the way
// that the caller did.
type Caller struct {
	Account   string // twelve digits
	Region    string // the one that the caller signed for
	RequestID string // goes out as X-Amzn-Requestid
	AccessKey string // the id, never the secret
	BaseURL   string // scheme and host under which the caller reached us, no slash at the end
}

type callerKey struct{}

// WithCaller returns a context in which CallerOf finds c.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf returns the caller that WithCaller put into ctx, or the zero Caller.
func CallerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}
