// Package qconnect is what the operations of Amazon Q in Connect and Connect Wisdom
// mean, which are the same on the wire: knowledge bases, their quick responses, and
// the jobs that import quick responses from files.
//
// In come inputs that fit the API's table, out go rows in the store and the API's
// outputs. A file goes to a pre-signed link at "uploads/<knowledge base>/<upload id>"
// in the caller's work bucket, and a job of it runs as soon as it is started:
//
//	StartContentUpload ── PUT to the link ── StartImportJob ──> created, ready ── a worker claims it ──> …
//
// A knowledge base is a list of the store, whatever its type. A quick response is a
// member: its key is its id, its value all the rest, tags included. That no two of a
// base share a name or a shortcut key is the store's promise: they are unique keys of the
// member.
//
// Where AWS does not say what an operation does, docs/differences says what this
// one does and why.
package qconnect

import (
	"context"

	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/service"
)

var _ qconnectapi.Service = (*Service)(nil)

// Objects is the part of an object.Store that this service needs.
type Objects interface {
	Stat(ctx context.Context, n object.Name) (object.Info, error)
	Delete(ctx context.Context, n object.Name) error
}

// Service does the operations. It is safe for concurrent use.
type Service struct {
	store   Store
	objects Objects
	links   service.Links
	tokens  *service.Tokens
	opts    service.Options
}

// New returns a Service over its parts.
func New(st Store, ob Objects, ln service.Links, tk *service.Tokens, opts service.Options) *Service {
	return &Service{store: st, objects: ob, links: ln, tokens: tk, opts: opts.WithDefaults()}
}
