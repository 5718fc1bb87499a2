package mailmanager

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/internal/api/mailmanagerapi"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/service"
)

// CreateAddressListImportJob makes a job and the link to which its file goes. It does
// not run before it is started.
func (s *Service) CreateAddressListImportJob(ctx context.Context, in *mailmanagerapi.CreateAddressListImportJobInput) (*mailmanagerapi.CreateAddressListImportJobOutput, error) {
	list, err := s.list(ctx, in.AddressListId)
	if err != nil {
		return nil, err
	}
	id := service.NewID("job-")
	j := job.Job{
		ID: job.ID(id), Owner: list.Ref.Owner, Wire: job.MailManager, Name: in.Name,
		Destination: job.Destination{Kind: destination.AddressList, List: list.Ref.ID, Action: destination.Put},
		Source:      job.Source{Bucket: s.opts.Bucket, Key: "uploads/" + id, Format: "CSV"},
		State:       job.Created,
		Created:     time.Now().UTC(),
	}
	format := in.ImportDataFormat.ImportDataType
	if format == mailmanagerapi.ImportDataTypeJson {
		j.Source.Format = "JSON"
	}
	once := service.Repeatable(in.ClientToken, in.AddressListId, in.Name, string(format))
	j, err = s.store.CreateJob(ctx, j, once, 0)
	if err != nil {
		return nil, service.Reword(err, fault.Conflict, "the client token was used before, for another import job")
	}
	url, err := s.uploadLink(ctx, j)
	if err != nil {
		return nil, err
	}
	return &mailmanagerapi.CreateAddressListImportJobOutput{JobId: string(j.ID), PreSignedUrl: url}, nil
}

// StartAddressListImportJob binds a job to the bytes that lie at its link now, and
// lets it run. Bytes put there later belong to no job.
func (s *Service) StartAddressListImportJob(ctx context.Context, in *mailmanagerapi.StartAddressListImportJobInput) (*mailmanagerapi.StartAddressListImportJobOutput, error) {
	unlock := s.starts.lock(in.JobId)
	defer unlock()
	j, err := s.job(ctx, in.JobId)
	if err != nil {
		return nil, err
	}
	if err := mustBe(job.Created, j, "started"); err != nil {
		return nil, err
	}
	if _, err := s.list(ctx, j.Destination.List); err != nil {
		return nil, err
	}
	file, err := s.objects.Hold(ctx, service.SourceOf(j), in.JobId)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.Conflict, "import job %s cannot be started: nothing has been uploaded to its pre-signed URL", j.ID)
	}
	if err != nil {
		return nil, err
	}
	_, err = s.store.ChangeJob(ctx, j.Owner, j.ID, func(j *job.Job) error {
		if err := mustBe(job.Created, *j, "started"); err != nil {
			return err
		}
		j.Source.Version, j.Source.ETag, j.Source.Size = file.Version, file.ETag, file.Size
		return j.Become(job.Processing, time.Now().UTC())
	})
	if err != nil {
		return nil, err // what is held stays: a Start on another node may have won, and be reading it
	}
	s.opts.Wake()
	return &mailmanagerapi.StartAddressListImportJobOutput{}, nil
}

// StopAddressListImportJob ends a running job. What it has imported stays.
func (s *Service) StopAddressListImportJob(ctx context.Context, in *mailmanagerapi.StopAddressListImportJobInput) (*mailmanagerapi.StopAddressListImportJobOutput, error) {
	j, err := s.job(ctx, in.JobId)
	if err != nil {
		return nil, err
	}
	_, err = s.store.ChangeJob(ctx, j.Owner, j.ID, func(j *job.Job) error {
		if err := mustBe(job.Processing, *j, "stopped"); err != nil {
			return err
		}
		return j.Become(job.Stopped, time.Now().UTC())
	})
	if err != nil {
		return nil, err
	}
	// The engine releases what a job holds when it ends it, and has not seen this end. The
	// job is stopped whatever comes of this: maintenance releases what is still held.
	_ = s.objects.Release(ctx, in.JobId)
	return &mailmanagerapi.StopAddressListImportJobOutput{}, nil
}

// job returns a job of the caller that came by this API.
func (s *Service) job(ctx context.Context, id string) (job.Job, error) {
	return service.JobOf(ctx, s.store, job.MailManager, id)
}

// mustBe refuses what can be done in one state only.
func mustBe(want job.State, j job.Job, done string) error {
	if j.State == want {
		return nil
	}
	return fault.New(fault.Conflict, "import job %s cannot be %s: it is %s, not %s", j.ID, done, status[j.State], status[want])
}
