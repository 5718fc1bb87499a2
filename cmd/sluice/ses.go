package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/google/uuid"
)

// sesJob is how import jobs of SES v2 go, whatever they import into: the file is put
// into S3, and the job reads it there.
type sesJob struct{}

// uploadBucket is where files for SES v2 are put.
const uploadBucket = "sluice"

// create uploads a file and starts its import; destination is the ImportDestination.
func (sesJob) create(ctx context.Context, c *client, f *file, destination map[string]any) (string, error) {
	key := "imports/" + uuid.NewString() + "/" + jobName(f.name)
	if err := c.putObject(ctx, uploadBucket, key, f.body, f.size); err != nil {
		return "", err
	}
	in := map[string]any{
		"ImportDestination": destination,
		"ImportDataSource":  map[string]string{"S3Url": "s3://" + uploadBucket + "/" + key, "DataFormat": f.format},
	}
	var job struct{ JobId string }
	if err := c.rest(ctx, sesAPI, http.MethodPost, "/v2/email/import-jobs", in, &job); err != nil {
		return "", fmt.Errorf("create import job: %w", err)
	}
	return job.JobId, nil
}

func (sesJob) progress(ctx context.Context, c *client, id string) (progress, error) {
	var job struct {
		JobStatus                                 string
		ProcessedRecordsCount, FailedRecordsCount int64
		FailureInfo                               struct{ ErrorMessage string }
	}
	err := c.rest(ctx, sesAPI, http.MethodGet, "/v2/email/import-jobs/"+url.PathEscape(id), nil, &job)
	return progress{
		State: job.JobStatus, Imported: job.ProcessedRecordsCount - job.FailedRecordsCount,
		Rejected: job.FailedRecordsCount, Error: job.FailureInfo.ErrorMessage,
	}, err
}

// suppression imports into the account's suppression list.
type suppression struct {
	sesJob
	action string
}

func (s *suppression) start(ctx context.Context, c *client, f *file) (string, error) {
	return s.create(ctx, c, f, map[string]any{
		"SuppressionListDestination": map[string]string{"SuppressionListImportAction": s.action},
	})
}

// contactList imports into a contact list.
type contactList struct {
	sesJob
	name, action string
}

func (l *contactList) start(ctx context.Context, c *client, f *file) (string, error) {
	if l.action == "PUT" { // there is nothing to delete from a list that is not there
		if err := l.make(ctx, c); err != nil {
			return "", err
		}
	}
	return l.create(ctx, c, f, map[string]any{
		"ContactListDestination": map[string]string{"ContactListName": l.name, "ContactListImportAction": l.action},
	})
}

// make makes the list, without topics, if there is none of the name. It looks first: who
// may have one list only shall be told of the name, not of the limit.
func (l *contactList) make(ctx context.Context, c *client) error {
	const path = "/v2/email/contact-lists"
	err := c.rest(ctx, sesAPI, http.MethodGet, path+"/"+url.PathEscape(l.name), nil, nil)
	if !refusedAs(err, "NotFoundException") {
		if err != nil {
			err = fmt.Errorf("look for contact list %s: %w", l.name, err)
		}
		return err
	}
	err = c.rest(ctx, sesAPI, http.MethodPost, path, map[string]string{"ContactListName": l.name}, nil)
	if err != nil && !refusedAs(err, "AlreadyExistsException") { // since a moment
		return fmt.Errorf("create contact list %s: %w", l.name, err)
	}
	return nil
}
