package mailmanager

import (
	"context"
	"net/http"

	"github.com/sluicehq/sluice/internal/api/mailmanagerapi"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// GetAddressListImportJob tells how far a job is.
func (s *Service) GetAddressListImportJob(ctx context.Context, in *mailmanagerapi.GetAddressListImportJobInput) (*mailmanagerapi.GetAddressListImportJobOutput, error) {
	j, err := s.job(ctx, in.JobId)
	if err != nil {
		return nil, err
	}
	v, err := s.jobView(ctx, j)
	if err != nil {
		return nil, err
	}
	out := mailmanagerapi.GetAddressListImportJobOutput(v)
	return &out, nil
}

// ListAddressListImportJobs lists a list's jobs, oldest first.
func (s *Service) ListAddressListImportJobs(ctx context.Context, in *mailmanagerapi.ListAddressListImportJobsInput) (*mailmanagerapi.ListAddressListImportJobsOutput, error) {
	list, err := s.list(ctx, in.AddressListId)
	if err != nil {
		return nil, err
	}
	listing := service.Listing{
		Operation: "ListAddressListImportJobs", Owner: list.Ref.Owner, Filter: []string{list.Ref.ID},
	}
	page, err := s.tokens.Page(listing, in.NextToken, in.PageSize, maxPage)
	if err != nil {
		return nil, err
	}
	filter := store.JobFilter{Wire: job.MailManager, Kind: destination.AddressList, List: list.Ref.ID}
	jobs, after, err := s.store.ListJobs(ctx, listing.Owner, filter, page)
	if err != nil {
		return nil, err
	}
	out := &mailmanagerapi.ListAddressListImportJobsOutput{NextToken: s.tokens.Next(listing, after)}
	for _, j := range jobs {
		v, err := s.jobView(ctx, j)
		if err != nil {
			return nil, err
		}
		out.ImportJobs = append(out.ImportJobs, v)
	}
	return out, nil
}

var status = map[job.State]mailmanagerapi.ImportJobStatus{
	job.Created:    mailmanagerapi.ImportJobStatusCreated,
	job.Processing: mailmanagerapi.ImportJobStatusProcessing,
	job.Completed:  mailmanagerapi.ImportJobStatusCompleted,
	job.Failed:     mailmanagerapi.ImportJobStatusFailed,
	job.Stopped:    mailmanagerapi.ImportJobStatusStopped,
}

// jobView is a job as the API shows it, with a fresh link whatever its state.
func (s *Service) jobView(ctx context.Context, j job.Job) (mailmanagerapi.ImportJob, error) {
	url, err := s.uploadLink(ctx, j)
	if err != nil {
		return mailmanagerapi.ImportJob{}, err
	}
	v := mailmanagerapi.ImportJob{
		JobId:              string(j.ID),
		Name:               j.Name,
		Status:             status[j.State],
		PreSignedUrl:       url,
		AddressListId:      j.Destination.List,
		ImportDataFormat:   &mailmanagerapi.ImportDataFormat{ImportDataType: mailmanagerapi.ImportDataType(j.Source.Format)},
		CreatedTimestamp:   j.Created,
		StartTimestamp:     service.Time(j.Started),
		CompletedTimestamp: service.Time(j.Finished),
	}
	if !j.Started.IsZero() {
		v.ImportedItemsCount = service.Count(j.Counts.Imported)
		v.FailedItemsCount = service.Count(j.Counts.Rejected)
	}
	if j.State == job.Failed {
		v.Error = &j.Error
	}
	return v, nil
}

// uploadLink makes the link to which a job's file is put.
func (s *Service) uploadLink(ctx context.Context, j job.Job) (string, error) {
	return s.links.Presign(ctx, service.LinkTo(ctx, http.MethodPut, service.SourceOf(j)))
}
