// Package mailmanager is what the operations of SES Mail Manager mean: address lists,
// their members, and the jobs that import into them.
//
// In come inputs that fit the API's table, out go rows in the store, holds on
// uploaded objects, and the API's outputs. A job's file goes to a pre-signed link at
// "uploads/<job id>" in the caller's work bucket:
//
//	Create ──> created ── PUT to the link, any number of times ── Start ──> processing ──> …
//	                                                                 └ binds the job to the bytes that lie there
//
// Where AWS does not say what an operation does, docs/differences says what this
// one does and why.
package mailmanager

import (
	"context"

	"github.com/sluicehq/sluice/internal/api/mailmanagerapi"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

var _ mailmanagerapi.Service = (*Service)(nil)

// Service does the operations. It is safe for concurrent use.
type Service struct {
	store   Store
	objects Objects
	links   service.Links
	tokens  *service.Tokens
	opts    service.Options
	starts  starts
}

// New returns a Service over its parts.
func New(st Store, ob Objects, ln service.Links, tk *service.Tokens, opts service.Options) *Service {
	return &Service{store: st, objects: ob, links: ln, tokens: tk, opts: opts.WithDefaults()}
}

// refOf names an address list of the caller.
func refOf(ctx context.Context, id string) store.ListRef {
	return store.ListRef{Owner: service.OwnerOf(ctx), Kind: destination.AddressList, ID: id}
}

// list returns an address list of the caller.
func (s *Service) list(ctx context.Context, id string) (store.List, error) {
	l, err := s.store.List(ctx, refOf(ctx, id))
	return l, service.Reword(err, fault.NotFound, "address list %s does not exist", id)
}
