package sesv2

import (
	"context"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/service"
)

// status has CANCELLED for a job that was stopped: by no operation of this API, but by
// Sluice's own.
var status = map[job.State]sesv2api.JobStatus{
	job.Created:    sesv2api.JobStatusCreated,
	job.Processing: sesv2api.JobStatusProcessing,
	job.Completed:  sesv2api.JobStatusCompleted,
	job.Failed:     sesv2api.JobStatusFailed,
	job.Stopped:    sesv2api.JobStatusCancelled,
}

// summary is a job as a listing shows it. The counts move while it runs; processed
// records are all that were read, the failed ones among them.
func summary(j job.Job) sesv2api.ImportJobSummary {
	return sesv2api.ImportJobSummary{
		JobId:                 new(string(j.ID)),
		JobStatus:             status[j.State],
		ImportDestination:     destinationOf(j),
		CreatedTimestamp:      service.Time(j.Created),
		ProcessedRecordsCount: service.Count(j.Counts.Imported + j.Counts.Rejected),
		FailedRecordsCount:    service.Count(j.Counts.Rejected),
	}
}

func destinationOf(j job.Job) *sesv2api.ImportDestination {
	if j.Destination.Kind == destination.ContactList {
		return &sesv2api.ImportDestination{ContactListDestination: &sesv2api.ContactListDestination{
			ContactListName: j.Destination.List, ContactListImportAction: sesv2api.ContactListImportAction(j.Destination.Action),
		}}
	}
	return &sesv2api.ImportDestination{SuppressionListDestination: &sesv2api.SuppressionListDestination{
		SuppressionListImportAction: sesv2api.SuppressionListImportAction(j.Destination.Action),
	}}
}

// failure tells why a job failed, and where the report of its rejects is; nil if
// there is nothing to tell.
func (s *Service) failure(ctx context.Context, j job.Job) (*sesv2api.FailureInfo, error) {
	var info sesv2api.FailureInfo
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
	if info == (sesv2api.FailureInfo{}) {
		return nil, nil
	}
	return &info, nil
}
