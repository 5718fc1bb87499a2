// Package service is what the services share: the parts they are given, links, page
// tokens, client tokens, the profile of limits, ids, resource names and tags. Each
// service has a package of its own below, named as its API is.
//
// In comes what a caller asks for, already checked against the API's table; out goes
// what it means, in the words of job and store. A service writes jobs and never
// works on them: the engine finds them in the store.
package service

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/sluicehq/sluice/internal/caller"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/report"
	"github.com/sluicehq/sluice/internal/store"
)

// Links makes links that carry their permission in themselves.
type Links interface {
	// Presign returns a URL at which anyone may do what l says until its life is over.
	Presign(ctx context.Context, l object.Link) (string, error)
}

// LinkLife is how long a link in a reply works. AWS names no time; a link is made
// afresh with every reply, so an hour is only the time between reply and use.
const LinkLife = time.Hour

// Options are what a service may be told. The zero value works.
type Options struct {
	Bucket string         // of uploads and reports, in each account; empty is "sluice"
	Limits limits.Profile // the zero value has none
	Wake   func()         // called after a job became ready; nil does nothing
}

// WithDefaults fills in what o leaves open.
func (o Options) WithDefaults() Options {
	if o.Bucket == "" {
		o.Bucket = "sluice"
	}
	if o.Wake == nil {
		o.Wake = func() {}
	}
	return o
}

// LinkTo returns a link that works for LinkLife and that the caller of ctx can reach.
func LinkTo(ctx context.Context, method string, n object.Name) object.Link {
	c := caller.FromContext(ctx)
	return object.Link{Method: method, Name: n, Base: c.BaseURL, Region: c.Region, Life: LinkLife}
}

// LinkToReport is a link to the report of a job that has one.
func (o Options) LinkToReport(ctx context.Context, j job.Job) object.Link {
	l := LinkTo(ctx, http.MethodGet, report.Of(j, o.Bucket))
	l.FileName = report.FileName(j.ID)
	return l
}

// SourceOf names where a job's file lies.
func SourceOf(j job.Job) object.Name {
	return object.Name{Account: j.Owner.Account, Bucket: j.Source.Bucket, Key: j.Source.Key}
}

// Repeatable makes a creation one under its client token, if it has one. The same token
// with other input is a conflict.
func Repeatable(token *string, input ...string) store.Once {
	if token == nil {
		return store.Once{}
	}
	return store.Once{Token: *token, Input: Fingerprint(input...)}
}

// OwnerOf returns the owner whose things a caller sees: the account, in the region
// that was signed for.
func OwnerOf(ctx context.Context) job.Owner {
	c := caller.FromContext(ctx)
	return job.Owner{Account: c.Account, Region: c.Region}
}

// JobStore is the part of a store.Store that JobOf uses.
type JobStore interface {
	Job(ctx context.Context, o job.Owner, id job.ID) (job.Job, error)
}

// JobOf returns a job of the caller that was created by an API. Those of other APIs do not
// exist for its callers.
func JobOf(ctx context.Context, s JobStore, api job.Wire, id string) (job.Job, error) {
	j, err := s.Job(ctx, OwnerOf(ctx), job.ID(id))
	if fault.Is(err, fault.NotFound) || err == nil && j.Wire != api {
		return job.Job{}, fault.New(fault.NotFound, "import job %s does not exist", id)
	}
	return j, err
}

// Reword gives an error of kind k a sentence of the service's own, so that callers
// read the same whichever store answered. Other errors, and nil, stay as they are.
func Reword(err error, k fault.Kind, format string, args ...any) error {
	if !fault.Is(err, k) {
		return err
	}
	return fault.New(k, format, args...)
}

// Count returns n as a member of a reply. The models' integers have 32 bits and
// strict clients refuse more, so a count beyond that stays at the largest.
func Count(n int64) *int64 {
	n = min(n, math.MaxInt32)
	return &n
}

// Time returns t as a member of a reply, nil if it is zero.
func Time(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
