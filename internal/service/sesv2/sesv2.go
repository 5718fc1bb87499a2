// Package sesv2 is what the operations of SES v2 mean: contact lists, the account's
// suppression list, the jobs that import into both, and the account's settings.
//
// In come inputs that fit the API's table, out go rows in the store and the API's
// outputs. A job of this API runs as soon as it is created:
//
//	CreateImportJob ──> created, ready ── a worker claims it ──> processing ──> completed | failed
//
// Each account has one suppression list in each region: a list of the store under a
// fixed id, made by the first write. A contact list is a list of the store whose id and
// name are its own name; its topics are in its settings, and its contacts are members,
// each with its preferences in its value. The default of a topic is never stored with
// a contact: it counts as it is when it is asked for.
//
// Where AWS does not say what an operation does, docs/differences says what this
// one does and why. Texts in quotes there were seen in AWS's answers, and are
// repeated here letter for letter.
package sesv2

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

var _ sesv2api.Service = (*Service)(nil)

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

// suppression is the id and the name of every owner's suppression list.
const suppression = "suppression"

func suppressionOf(o job.Owner) store.ListRef {
	return store.ListRef{Owner: o, Kind: destination.Suppression, ID: suppression}
}

// withList does what needs the owner's suppression list, and makes the list if that is
// what was missing.
func (s *Service) withList(ctx context.Context, o job.Owner, do func(store.ListRef) error) error {
	ref := suppressionOf(o)
	err := do(ref)
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	now := time.Now().UTC()
	l := store.List{Ref: ref, Name: suppression, Created: now, Updated: now, Config: newSettings().encode()}
	if _, err := s.store.CreateList(ctx, l, store.Once{}, 0); err != nil && !fault.Is(err, fault.AlreadyExists) {
		return err
	}
	return do(ref)
}
