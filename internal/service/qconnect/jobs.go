package qconnect

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/report"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// asked is what a job was started with and the store has no place for, kept as the
// job's Config.
type asked struct {
	UploadID string                                   `json:"uploadId"`
	Metadata map[string]string                        `json:"metadata,omitempty"`
	External *qconnectapi.ExternalSourceConfiguration `json:"external,omitempty"`
}

// fileName is the entry of a job's metadata that the own API shows as its name.
const fileName = "fileName"

// StartImportJob stores a job for a file that has been uploaded and returns at once;
// the engine finds it in the store, and binds it to the bytes that lie there when it
// begins. An upload may be imported any number of times.
func (s *Service) StartImportJob(ctx context.Context, in *qconnectapi.StartImportJobInput) (*qconnectapi.StartImportJobOutput, error) {
	base, err := s.base(ctx, in.KnowledgeBaseId)
	if err != nil {
		return nil, err
	}
	if err := mustTakeResponses(base); err != nil {
		return nil, err
	}
	file, err := s.uploaded(ctx, base.Ref, in.UploadId)
	if err != nil {
		return nil, err
	}
	config := encode(asked{UploadID: in.UploadId, Metadata: in.Metadata, External: in.ExternalSourceConfiguration})
	j, err := s.store.CreateJob(ctx, job.Job{
		ID: job.ID(uuid.NewString()), Owner: base.Ref.Owner, Wire: job.QConnect, Name: in.Metadata[fileName],
		Destination: job.Destination{Kind: destination.QuickResponses, List: base.Ref.ID, Action: destination.Put},
		Source:      job.Source{Bucket: file.Name.Bucket, Key: file.Name.Key, Size: file.Size, Format: "CSV"},
		State:       job.Created, Ready: true, Created: time.Now().UTC(), Config: config,
	}, service.Repeatable(in.ClientToken, base.Ref.ID, string(config)), 0)
	if err != nil {
		return nil, service.Reword(err, fault.Conflict, "the client token was used before, for another import job")
	}
	s.opts.Wake()
	v, err := s.jobView(ctx, base.Ref, j)
	return &qconnectapi.StartImportJobOutput{ImportJob: v}, err
}

// GetImportJob tells how far a job is.
func (s *Service) GetImportJob(ctx context.Context, in *qconnectapi.GetImportJobInput) (*qconnectapi.GetImportJobOutput, error) {
	base, j, err := s.job(ctx, in.KnowledgeBaseId, in.ImportJobId)
	if err != nil {
		return nil, err
	}
	v, err := s.jobView(ctx, base, j)
	return &qconnectapi.GetImportJobOutput{ImportJob: v}, err
}

// ListImportJobs lists a knowledge base's jobs, oldest first.
func (s *Service) ListImportJobs(ctx context.Context, in *qconnectapi.ListImportJobsInput) (*qconnectapi.ListImportJobsOutput, error) {
	base, err := s.base(ctx, in.KnowledgeBaseId)
	if err != nil {
		return nil, err
	}
	listing := service.Listing{Operation: "ListImportJobs", Owner: base.Ref.Owner, Filter: []string{base.Ref.ID}}
	page, err := s.tokens.Page(listing, in.NextToken, in.MaxResults, maxPage)
	if err != nil {
		return nil, err
	}
	jobs, after, err := s.store.ListJobs(ctx, base.Ref.Owner, jobsOf(base.Ref), page)
	if err != nil {
		return nil, err
	}
	out := &qconnectapi.ListImportJobsOutput{
		ImportJobSummaries: []qconnectapi.ImportJobSummary{}, NextToken: s.tokens.Next(listing, after),
	}
	for _, j := range jobs {
		v, err := jobSummary(base.Ref, j)
		if err != nil {
			return nil, err
		}
		out.ImportJobSummaries = append(out.ImportJobSummaries, v)
	}
	return out, nil
}

// DeleteImportJob forgets a job that has ended, and its report. The quick responses
// that it made stay, and so does the uploaded file, which other jobs may read.
func (s *Service) DeleteImportJob(ctx context.Context, in *qconnectapi.DeleteImportJobInput) (*qconnectapi.DeleteImportJobOutput, error) {
	_, j, err := s.job(ctx, in.KnowledgeBaseId, in.ImportJobId)
	if err != nil {
		return nil, err
	}
	// The report goes first: the other way round, a failure in between would leave one
	// that nobody knows of.
	if err := s.deleteReport(ctx, j); err != nil {
		return nil, err
	}
	err = s.store.DeleteJob(ctx, j.Owner, j.ID)
	err = service.Reword(err, fault.Conflict, "import job %s cannot be deleted: it is %s", j.ID, status(j))
	if err = noJob(err, string(j.ID)); err != nil {
		return nil, err
	}
	return &qconnectapi.DeleteImportJobOutput{}, nil
}

// job returns a knowledge base of the caller and a job of it.
func (s *Service) job(ctx context.Context, baseID, id string) (store.ListRef, job.Job, error) {
	base, err := s.base(ctx, baseID)
	if err != nil {
		return store.ListRef{}, job.Job{}, err
	}
	j, err := service.JobOf(ctx, s.store, job.QConnect, id)
	if err == nil && j.Destination.List != base.Ref.ID {
		err = fault.New(fault.NotFound, "a job of another knowledge base")
	}
	return base.Ref, j, noJob(err, id)
}

// noJob words the fault of a job that is not there.
func noJob(err error, id string) error {
	return service.Reword(err, fault.NotFound, "import job %s does not exist", id)
}

// jobsOf selects the jobs of a knowledge base.
func jobsOf(base store.ListRef) store.JobFilter {
	return store.JobFilter{Wire: job.QConnect, Kind: base.Kind, List: base.ID}
}

func (s *Service) deleteReport(ctx context.Context, j job.Job) error {
	if j.Report == "" {
		return nil
	}
	return s.objects.Delete(ctx, report.Of(j, s.opts.Bucket))
}
