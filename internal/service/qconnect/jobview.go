package qconnect

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// status is a job's in the API's words. A job that has read its file is COMPLETE if it
// kept a record at all; the report tells of the others.
func status(j job.Job) qconnectapi.ImportJobStatus {
	switch {
	case !j.State.Final():
		return qconnectapi.ImportJobStatusStartInProgress
	case j.State == job.Completed && j.Counts.Imported > 0:
		return qconnectapi.ImportJobStatusComplete
	}
	return qconnectapi.ImportJobStatusFailed
}

// jobSummary is a job of base as a listing shows it.
func jobSummary(base store.ListRef, j job.Job) (qconnectapi.ImportJobSummary, error) {
	var a asked
	if err := json.Unmarshal(j.Config, &a); err != nil {
		return qconnectapi.ImportJobSummary{}, fmt.Errorf("read what import job %s was asked for: %w", j.ID, err)
	}
	return qconnectapi.ImportJobSummary{
		CreatedTime:                 j.Created,
		ExternalSourceConfiguration: a.External,
		ImportJobId:                 string(j.ID),
		ImportJobType:               qconnectapi.ImportJobTypeQuickResponses,
		KnowledgeBaseArn:            baseARN(base),
		KnowledgeBaseId:             base.ID,
		LastModifiedTime:            lastModified(j),
		Metadata:                    a.Metadata,
		Status:                      status(j),
		UploadId:                    a.UploadID,
	}, nil
}

// jobView is a job of base in full, with fresh links to its file and to its report.
func (s *Service) jobView(ctx context.Context, base store.ListRef, j job.Job) (*qconnectapi.ImportJobData, error) {
	v, err := jobSummary(base, j)
	if err != nil {
		return nil, err
	}
	expiry := time.Now().UTC().Add(service.LinkLife)
	url, err := s.links.Presign(ctx, service.LinkTo(ctx, http.MethodGet, service.SourceOf(j)))
	if err != nil {
		return nil, err
	}
	var report *string
	if j.Report != "" {
		link, err := s.links.Presign(ctx, s.opts.LinkToReport(ctx, j))
		if err != nil {
			return nil, err
		}
		report = &link
	}
	return &qconnectapi.ImportJobData{
		CreatedTime:                 v.CreatedTime,
		ExternalSourceConfiguration: v.ExternalSourceConfiguration,
		FailedRecordReport:          report,
		ImportJobId:                 v.ImportJobId,
		ImportJobType:               v.ImportJobType,
		KnowledgeBaseArn:            v.KnowledgeBaseArn,
		KnowledgeBaseId:             v.KnowledgeBaseId,
		LastModifiedTime:            v.LastModifiedTime,
		Metadata:                    v.Metadata,
		Status:                      v.Status,
		UploadId:                    v.UploadId,
		Url:                         url,
		UrlExpiry:                   expiry,
	}, nil
}

// lastModified is when the job's state changed last.
func lastModified(j job.Job) time.Time {
	switch {
	case !j.Finished.IsZero():
		return j.Finished
	case !j.Started.IsZero():
		return j.Started
	}
	return j.Created
}
