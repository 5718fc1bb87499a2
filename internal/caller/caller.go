// Package caller holds who is calling: the account, region and access key of a verified
// signature, the id of the request, and the address under which the caller reached the
// server.
//
// The gateway puts a Caller into the context of each request whose signature it has
// verified. Services and the own API read it from there, so that they need to know
// nothing of HTTP.
package caller

import "context"

// Caller is the sender of one request.
type Caller struct {
	Account   string // twelve digits
	Region    string // the one that the request was signed for
	RequestID string // goes out as X-Amzn-Requestid
	AccessKey string // the id, never the secret
	BaseURL   string // scheme and host under which the caller reached us, no slash at the end
}

type contextKey struct{}

// NewContext returns a context in which FromContext finds c.
func NewContext(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// FromContext returns the Caller that NewContext put into ctx, or the zero Caller.
func FromContext(ctx context.Context) Caller {
	c, _ := ctx.Value(contextKey{}).(Caller)
	return c
}
