package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/sluicehq/sluice/internal/api/adminapi"
)

// sesJob is how import jobs of SES v2 go, whatever they import into: the file is put
// into S3, and the job reads it there.
type sesJob struct{}

// uploadBucket is where files for SES v2 are put.
const uploadBucket = "sluice"

// create uploads a file and starts its import; destination is the ImportDestination.
func (sesJob) create(ctx context.Context, c *client, f *file, destination map[string]any) (string, error) {
	key := "imports/" + uuid.NewString() + "/" + jobName(f.name)
	c.reconnect.waitFor("the upload begins again")
	err := c.upload(ctx, f, func(ctx context.Context, body io.Reader) error {
		return c.putObject(ctx, uploadBucket, key, body, f.size)
	})
	if err != nil {
		return "", err
	}
	in := map[string]any{
		"ImportDestination": destination,
		"ImportDataSource":  map[string]string{"S3Url": "s3://" + uploadBucket + "/" + key, "DataFormat": f.format},
	}
	c.reconnect.waitFor("the job is created")
	var job struct{ JobId string }
	tried := false
	err = c.retrying(ctx, func(ctx context.Context) (err error) {
		if tried { // the API has no token that would make a second call the same one
			if job.JobId, err = jobOf(ctx, c, key); err != nil || job.JobId != "" {
				return err
			}
		}
		tried = true
		return c.rest(ctx, sesAPI, http.MethodPost, importJobsPath, in, &job)
	})
	if err != nil {
		return "", started(err, "create import job")
	}
	return job.JobId, nil
}

const importJobsPath = "/v2/email/import-jobs"

// jobOf returns the job that reads an object of the upload bucket, if there is one.
func jobOf(ctx context.Context, c *client, key string) (id string, err error) {
	since := time.Now().Add(-24 * time.Hour) // clocks may differ
	_, err = c.ownJobs(ctx, url.Values{"api": {"sesv2"}}, 0, func(_ json.RawMessage, j adminapi.Job) error {
		if j.Source.Bucket == uploadBucket && j.Source.Key == key {
			id = j.ID
			return errFound
		}
		if j.Created != nil && j.Created.Before(since) { // so are those behind it
			return errFound
		}
		return nil
	})
	switch {
	case errors.Is(err, errFound):
		return id, nil
	case err == nil || isUnavailable(err):
		return "", err
	}
	return jobOfAWS(ctx, c, key)
}

var errFound = errors.New("found")

// jobOfAWS is jobOf for an endpoint without Sluice's own API.
func jobOfAWS(ctx context.Context, c *client, key string) (string, error) {
	in := map[string]any{"PageSize": 1000}
	since := time.Now().Add(-24 * time.Hour) // clocks may differ
	for {
		var page struct {
			ImportJobs []struct {
				JobId            string
				CreatedTimestamp float64
			}
			NextToken string
		}
		if err := c.rest(ctx, sesAPI, http.MethodPost, importJobsPath+"/list", in, &page); err != nil {
			return "", err
		}
		for _, j := range page.ImportJobs {
			if time.Unix(int64(j.CreatedTimestamp), 0).Before(since) {
				continue
			}
			var job struct{ ImportDataSource struct{ S3Url string } }
			if err := c.rest(ctx, sesAPI, http.MethodGet, importJobsPath+"/"+url.PathEscape(j.JobId), nil, &job); err != nil {
				return "", err
			}
			if job.ImportDataSource.S3Url == "s3://"+uploadBucket+"/"+key {
				return j.JobId, nil
			}
		}
		if page.NextToken == "" {
			return "", nil
		}
		in["NextToken"] = page.NextToken
	}
}

func (sesJob) progress(ctx context.Context, c *client, id string) (progress, error) {
	var job struct {
		JobStatus                                 string
		ProcessedRecordsCount, FailedRecordsCount int64
		FailureInfo                               struct{ ErrorMessage string }
	}
	err := c.rest(ctx, sesAPI, http.MethodGet, importJobsPath+"/"+url.PathEscape(id), nil, &job)
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

func (s *suppression) find(context.Context, *client, bool) error { return nil }

func (s *suppression) discard(context.Context, *client) (bool, error) { return false, nil }

func (s *suppression) start(ctx context.Context, c *client, f *file) (string, error) {
	return s.create(ctx, c, f, map[string]any{
		"SuppressionListDestination": map[string]string{"SuppressionListImportAction": s.action},
	})
}

// contactList imports into a contact list.
type contactList struct {
	sesJob
	listName
	action string
}

func (l *contactList) start(ctx context.Context, c *client, f *file) (string, error) {
	return l.create(ctx, c, f, map[string]any{
		"ContactListDestination": map[string]string{"ContactListName": l.id, "ContactListImportAction": l.action},
	})
}

const contactListsPath = "/v2/email/contact-lists"

// find creates lists without topics. It looks before it creates: an account with one list
// gets an error about the name, not about its limit.
func (l *contactList) find(ctx context.Context, c *client, create bool) error {
	l.id = l.ref
	err := c.rest(ctx, sesAPI, http.MethodGet, contactListsPath+"/"+url.PathEscape(l.id), nil, nil)
	if err == nil {
		return nil
	}
	if !isAPIError(err, "NotFoundException") {
		return fmt.Errorf("look for contact list %s: %w", l.ref, err)
	}
	if !create {
		lists, err := l.all(ctx, c)
		if err != nil {
			return fmt.Errorf("list contact lists: %w", err)
		}
		return l.missing(ctx, c, lists)
	}
	err = c.rest(ctx, sesAPI, http.MethodPost, contactListsPath, map[string]string{"ContactListName": l.id}, nil)
	if isAPIError(err, "AlreadyExistsException") { // somebody else created it in between
		return nil
	}
	if err != nil {
		return fmt.Errorf("create contact list %s: %w", l.ref, err)
	}
	l.created = true
	return nil
}

func (l *contactList) all(ctx context.Context, c *client) ([]namedList, error) {
	var lists []namedList
	query := url.Values{}
	for {
		var page struct {
			ContactLists []struct{ ContactListName string }
			NextToken    string
		}
		if err := c.rest(ctx, sesAPI, http.MethodGet, contactListsPath+"?"+query.Encode(), nil, &page); err != nil {
			return nil, err
		}
		for _, list := range page.ContactLists {
			lists = append(lists, namedList{list.ContactListName, list.ContactListName})
		}
		if page.NextToken == "" {
			return lists, nil
		}
		query.Set("NextToken", page.NextToken)
	}
}

func (l *contactList) discard(ctx context.Context, c *client) (bool, error) {
	if !l.created {
		return false, nil
	}
	err := c.rest(ctx, sesAPI, http.MethodDelete, contactListsPath+"/"+url.PathEscape(l.id), nil, nil)
	if isAPIError(err, "NotFoundException") { // a call before has deleted it
		err = nil
	}
	return true, err
}
