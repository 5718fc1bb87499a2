package sesv2

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// CreateImportJob stores a job and returns at once; the engine finds it in the store,
// and binds it to the bytes that lie at its URL when it begins.
func (s *Service) CreateImportJob(ctx context.Context, in *sesv2api.CreateImportJobInput) (*sesv2api.CreateImportJobOutput, error) {
	owner := service.OwnerOf(ctx)
	dst, err := target(in.ImportDestination)
	if err != nil {
		return nil, err
	}
	src, err := s.source(ctx, owner.Account, in.ImportDataSource)
	if err != nil {
		return nil, err
	}
	if err := s.mustHave(ctx, owner, dst); err != nil {
		return nil, err
	}
	j, err := s.store.CreateJob(ctx, job.Job{
		ID: job.ID(uuid.NewString()), Owner: owner, Wire: job.SESv2,
		Destination: dst, Source: src,
		State: job.Created, Ready: true, Created: time.Now().UTC(),
	}, store.Once{}, s.opts.Limits.UnfinishedJobs)
	if err != nil {
		return nil, service.Reword(err, fault.LimitExceeded, "an account has at most %d unfinished import jobs in a region", s.opts.Limits.UnfinishedJobs)
	}
	s.opts.Wake()
	return &sesv2api.CreateImportJobOutput{JobId: new(string(j.ID))}, nil
}

// target reads a destination. The model has no union, so that there is exactly one is
// for us to say.
func target(d *sesv2api.ImportDestination) (job.Destination, error) {
	switch sup, con := d.SuppressionListDestination, d.ContactListDestination; {
	case sup != nil && con != nil:
		return job.Destination{}, fault.New(fault.Invalid, "ImportDestination has both SuppressionListDestination and ContactListDestination, expected one")
	case sup != nil:
		return job.Destination{
			Kind: destination.Suppression, List: suppression, Action: destination.Action(sup.SuppressionListImportAction),
		}, nil
	case con != nil:
		return job.Destination{
			Kind: destination.ContactList, List: con.ContactListName, Action: destination.Action(con.ContactListImportAction),
		}, nil
	}
	return job.Destination{}, fault.New(fault.Invalid, "ImportDestination has neither SuppressionListDestination nor ContactListDestination, expected one")
}

// mustHave checks that there is the list to import into. The suppression list is made if
// it is missing: the engine takes a list that is not there for one that was deleted.
func (s *Service) mustHave(ctx context.Context, o job.Owner, d job.Destination) error {
	if d.Kind == destination.ContactList {
		_, err := s.store.List(ctx, contactListOf(ctx, d.List))
		return service.Reword(err, fault.NotFound, "ContactList %s doesn't exist", d.List)
	}
	return s.withList(ctx, o, func(ref store.ListRef) error {
		_, err := s.store.List(ctx, ref)
		return err
	})
}

// source reads where a job's bytes are. They may be missing still: then the engine
// fails the job. Their size, if it can be known by now, lets small jobs go first.
func (s *Service) source(ctx context.Context, account string, in *sesv2api.ImportDataSource) (job.Source, error) {
	name, err := object.ParseURL(account, in.S3Url)
	if err != nil {
		return job.Source{}, err
	}
	src := job.Source{Bucket: name.Bucket, Key: name.Key, Format: "CSV"}
	if in.DataFormat == sesv2api.DataFormatJson {
		src.Format = "JSON"
	}
	file, err := s.objects.Stat(ctx, name)
	if err == nil {
		src.Size = file.Size
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return job.Source{}, err
	}
	return src, nil
}

// GetImportJob tells how far a job is.
func (s *Service) GetImportJob(ctx context.Context, in *sesv2api.GetImportJobInput) (*sesv2api.GetImportJobOutput, error) {
	j, err := s.job(ctx, in.JobId)
	if err != nil {
		return nil, err
	}
	failure, err := s.failure(ctx, j)
	if err != nil {
		return nil, err
	}
	v := summary(j)
	return &sesv2api.GetImportJobOutput{
		JobId: v.JobId, JobStatus: v.JobStatus, ImportDestination: v.ImportDestination,
		ImportDataSource: &sesv2api.ImportDataSource{
			S3Url: service.SourceOf(j).URL(), DataFormat: sesv2api.DataFormat(j.Source.Format),
		},
		CreatedTimestamp:      v.CreatedTimestamp,
		CompletedTimestamp:    service.Time(j.Finished),
		ProcessedRecordsCount: v.ProcessedRecordsCount,
		FailedRecordsCount:    v.FailedRecordsCount,
		FailureInfo:           failure,
	}, nil
}

// ListImportJobs lists the caller's jobs that came by this API, oldest first.
func (s *Service) ListImportJobs(ctx context.Context, in *sesv2api.ListImportJobsInput) (*sesv2api.ListImportJobsOutput, error) {
	listing := service.Listing{
		Operation: "ListImportJobs", Owner: service.OwnerOf(ctx), Filter: []string{string(in.ImportDestinationType)},
	}
	page, err := s.tokens.Page(listing, in.NextToken, in.PageSize, maxPage)
	if err != nil {
		return nil, err
	}
	out := &sesv2api.ListImportJobsOutput{ImportJobs: []sesv2api.ImportJobSummary{}}
	filter := store.JobFilter{Wire: job.SESv2}
	switch in.ImportDestinationType {
	case sesv2api.ImportDestinationTypeSuppressionList:
		filter.Kind = destination.Suppression
	case sesv2api.ImportDestinationTypeContactList:
		filter.Kind = destination.ContactList
	}
	jobs, after, err := s.store.ListJobs(ctx, listing.Owner, filter, page)
	if err != nil {
		return nil, err
	}
	for _, j := range jobs {
		out.ImportJobs = append(out.ImportJobs, summary(j))
	}
	out.NextToken = s.tokens.Next(listing, after)
	return out, nil
}

// job returns a job of the caller that came by this API.
func (s *Service) job(ctx context.Context, id string) (job.Job, error) {
	return service.JobOf(ctx, s.store, job.SESv2, id)
}
