// Package admin is the service behind Sluice's own API: the jobs of an account, whichever
// API they came by.
//
// In comes a caller, in the context, and what it asks of its jobs; out go jobs as the
// contract in api/adminapi shows them. Jobs are created by other services and worked on by the
// engine; this service only lists, stops and deletes them.
package admin

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// Store is the part of a store.Store that this service uses.
type Store interface {
	Job(ctx context.Context, o job.Owner, id job.ID) (job.Job, error)
	ListJobs(ctx context.Context, o job.Owner, f store.JobFilter, p store.Page) ([]job.Job, string, error)
	ChangeJob(ctx context.Context, o job.Owner, id job.ID, change func(*job.Job) error) (job.Job, error)
	DeleteJob(ctx context.Context, o job.Owner, id job.ID) error
	FindLists(ctx context.Context, o job.Owner, names ...string) ([]store.List, error)
	Rejects(ctx context.Context, o job.Owner, id job.ID) iter.Seq2[record.Reject, error]
}

// Options of a Service; the zero value works, without reports as CSV.
type Options struct {
	// Report writes the report of a job as CSV; safe asks for the form for spreadsheets.
	Report func(ctx context.Context, w io.Writer, j job.Job, safe bool) error
	// Release lets go of the source of a stopped job, whose id it is given: no worker
	// that would may have it. May be nil.
	Release func(ctx context.Context, holder string) error
	// Delete deletes a job that is final, with all that is its own. Nil deletes it in the
	// store only.
	Delete func(ctx context.Context, j job.Job) error
	Now    func() time.Time // nil is time.Now
	// Waits returns why no job is worked on at the moment; empty if nothing is in the
	// way. May be nil.
	Waits func() string
}

// Service implements the contract.
type Service struct {
	store  Store
	tokens *service.Tokens
	o      Options
}

var _ adminapi.Service = (*Service)(nil)

// New returns the service over the jobs of s.
func New(s Store, tokens *service.Tokens, o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Waits == nil {
		o.Waits = func() string { return "" }
	}
	if o.Delete == nil {
		o.Delete = func(ctx context.Context, j job.Job) error { return s.DeleteJob(ctx, j.Owner, j.ID) }
	}
	return &Service{store: s, tokens: tokens, o: o}
}

// GetJob returns a job.
func (s *Service) GetJob(ctx context.Context, id string) (adminapi.Job, error) {
	j, err := s.store.Job(ctx, service.OwnerOf(ctx), job.ID(id))
	if err != nil {
		return adminapi.Job{}, err
	}
	return s.show(ctx, j)
}

// StopJob stops a job that has not ended, and returns it.
func (s *Service) StopJob(ctx context.Context, id string) (adminapi.Job, error) {
	j, err := s.store.ChangeJob(ctx, service.OwnerOf(ctx), job.ID(id), func(j *job.Job) error {
		return j.Become(job.Stopped, s.o.Now())
	})
	if err != nil {
		return adminapi.Job{}, err
	}
	if s.o.Release != nil {
		// The job is stopped whatever comes of this; maintenance releases what stays held.
		_ = s.o.Release(ctx, string(j.ID))
	}
	return s.show(ctx, j)
}

// DeleteJob deletes a job that has ended, with all that is its own.
func (s *Service) DeleteJob(ctx context.Context, id string) error {
	j, err := s.store.Job(ctx, service.OwnerOf(ctx), job.ID(id))
	if err != nil {
		return err
	}
	if !j.State.Final() {
		return fault.New(fault.Conflict, "job %s is %s and cannot be deleted: stop it first", j.ID, j.State)
	}
	return s.o.Delete(ctx, j)
}
