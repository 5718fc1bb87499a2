package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/google/uuid"
)

// quickResponses imports into a knowledge base through Connect Wisdom.
type quickResponses struct {
	listName
	path string // of the knowledge base, once it is found
}

const responsesType = "QUICK_RESPONSES" // of a knowledge base, and of an import job

func (q *quickResponses) start(ctx context.Context, c *client, f *file) (string, error) {
	if f.format != "CSV" {
		return "", usageError{errors.New("format: quick responses only come as CSV")}
	}
	c.reconnect.waitFor("the upload begins again")
	upload, err := q.upload(ctx, c, f)
	if err != nil {
		return "", err
	}
	c.reconnect.waitFor("the job is created")
	in := map[string]any{
		"importJobType": responsesType, "uploadId": upload, "clientToken": uuid.NewString(),
		"metadata": map[string]string{"fileName": f.name},
	}
	var out struct {
		ImportJob struct{ ImportJobId string }
	}
	if err := c.rest(ctx, wisdomAPI, http.MethodPost, q.path+"/importJobs", in, &out); err != nil {
		return "", started(err, "start import job")
	}
	return out.ImportJob.ImportJobId, nil
}

// upload puts the file to a link that is made for it, with the headers that the link
// asks for, and returns the upload's id.
func (q *quickResponses) upload(ctx context.Context, c *client, f *file) (id string, err error) {
	err = c.upload(ctx, f, func(ctx context.Context, body io.Reader) error {
		var link struct {
			UploadId, Url    string
			HeadersToInclude map[string]string
		}
		if err := c.rest(ctx, wisdomAPI, http.MethodPost, q.path+"/upload", map[string]string{"contentType": "text/csv"}, &link); err != nil {
			return fmt.Errorf("start content upload: %w", err)
		}
		header := http.Header{}
		for name, value := range link.HeadersToInclude {
			header.Set(name, value)
		}
		if err := c.putFile(ctx, link.Url, header, body, f.size); err != nil {
			return fmt.Errorf("upload %s: %w", f.name, err)
		}
		id = link.UploadId
		return nil
	})
	return id, err
}

// find looks among the knowledge bases that are for quick responses.
func (q *quickResponses) find(ctx context.Context, c *client, create bool) error {
	bases, err := q.all(ctx, c)
	if err != nil {
		return fmt.Errorf("look for knowledge base %s: %w", q.ref, err)
	}
	switch {
	case q.choose(bases):
	case !create:
		return q.missing(ctx, c, bases)
	default:
		var out struct {
			KnowledgeBase struct{ KnowledgeBaseId string }
		}
		in := map[string]string{"name": q.ref, "knowledgeBaseType": responsesType, "clientToken": uuid.NewString()}
		if err := c.rest(ctx, wisdomAPI, http.MethodPost, "/knowledgeBases", in, &out); err != nil {
			return fmt.Errorf("create knowledge base %s: %w", q.ref, err)
		}
		q.id, q.created = out.KnowledgeBase.KnowledgeBaseId, true
	}
	q.path = "/knowledgeBases/" + url.PathEscape(q.id)
	return nil
}

func (q *quickResponses) all(ctx context.Context, c *client) ([]namedList, error) {
	var bases []namedList
	query := url.Values{"maxResults": {"100"}}
	for {
		var page struct {
			KnowledgeBaseSummaries []struct{ KnowledgeBaseId, Name, KnowledgeBaseType string }
			NextToken              string
		}
		if err := c.rest(ctx, wisdomAPI, http.MethodGet, "/knowledgeBases?"+query.Encode(), nil, &page); err != nil {
			return nil, err
		}
		for _, base := range page.KnowledgeBaseSummaries {
			if base.KnowledgeBaseType == responsesType {
				bases = append(bases, namedList{base.KnowledgeBaseId, base.Name})
			}
		}
		if page.NextToken == "" {
			return bases, nil
		}
		query.Set("nextToken", page.NextToken)
	}
}

func (q *quickResponses) discard(ctx context.Context, c *client) (bool, error) {
	if !q.created {
		return false, nil
	}
	err := c.rest(ctx, wisdomAPI, http.MethodDelete, q.path, nil, nil)
	if isAPIError(err, "ResourceNotFoundException") { // a call before has deleted it
		err = nil
	}
	return true, err
}

// progress has the counts from Sluice's own API: this one's tells none.
func (q *quickResponses) progress(ctx context.Context, c *client, id string) (progress, error) {
	var out struct {
		ImportJob struct{ Status, FailedRecordReport string }
	}
	if err := c.rest(ctx, wisdomAPI, http.MethodGet, q.path+"/importJobs/"+url.PathEscape(id), nil, &out); err != nil {
		return progress{}, err
	}
	p := progress{State: out.ImportJob.Status, Report: out.ImportJob.FailedRecordReport}
	own, err := c.ownJob(ctx, id)
	var away *awayError
	if isUnavailable(err) || errors.As(err, &away) {
		return progress{}, err
	}
	if p.Uncounted = err != nil; !p.Uncounted {
		p.Imported, p.Rejected, p.Error = own.Imported, own.Rejected, own.Error
	}
	return p, ctx.Err()
}
