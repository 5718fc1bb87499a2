package sesv2

import (
	"context"

	api "github.com/sluicehq/sluice/internal/api/sesv2"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/service"
)

// status has CANCELLED for a job that was stopped: by no operation of this API, but by
// Sluice's own.
var status = map[job.State]api.JobStatus{
	job.Created:    api.JobStatusCreated,
	job.Processing: api.JobStatusProcessing,
	job.Completed:  api.JobStatusCompleted,
	job.Failed:     api.JobStatusFailed,
	job.Stopped:    api.JobStatusCancelled,
}

// summary is a job as a listing shows it. The counts move while it runs; processed
// records are all that were read, the failed ones among them.
func summary(j job.Job) api.ImportJobSummary {
	return api.ImportJobSummary{
		JobId:                 new(string(j.ID)),
		JobStatus:             status[j.State],
		ImportDestination:     destinationOf(j),
		CreatedTimestamp:      service.Time(j.Created),
		ProcessedRecordsCount: service.Count(j.Counts.Imported + j.Counts.Rejected),
		FailedRecordsCount:    service.Count(j.Counts.Rejected),
	}
}

func destinationOf(j job.Job) *api.ImportDestination {
	if j.Destination.Kind == destination.ContactList {
		return &api.ImportDestination{ContactListDestination: &api.ContactListDestination{
			ContactListName: j.Destination.List, ContactListImportAction: api.ContactListImportAction(j.Destination.Action),
		}}
	}
	return &api.ImportDestination{SuppressionListDestination: &api.SuppressionListDestination{
		SuppressionListImportAction: api.SuppressionListImportAction(j.Destination.Action),
	}}
}

// failure tells why a job failed, and where the report of its rejects is; nil if
// there is nothing to tell.
func (s *Service) failure(ctx context.Context, j job.Job) (*api.FailureInfo, error) {
	var info api.FailureInfo
	if j.State == job.Failed {
		info.ErrorMessage = &j.Error
	}
	if j.Report != "" {
		url, err := s.links.Presign(ctx, s.opts.LinkToReport(ctx, j))
		if err != nil {
			return nil, err
		}
		info.FailedRecordsS3Url = &url
	}
	if info == (api.FailureInfo{}) {
		return nil, nil
	}
	return &info, nil
}
