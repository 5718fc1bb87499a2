package jobs

import (
	"time"

	"github.com/sluicehq/sluice/internal/job"
)

// Job is a job as this API shows it. Times are RFC 3339 in UTC; those that have not
// come yet are left out.
type Job struct {
	ID          string            `json:"id"`
	Wire        string            `json:"wire"`
	Name        string            `json:"name,omitempty"`
	Destination Destination       `json:"destination"`
	Source      Source            `json:"source"`
	State       string            `json:"state"`
	Imported    int64             `json:"imported"`
	Rejected    int64             `json:"rejected"`
	BytesRead   int64             `json:"bytesRead"` // of the text: what a compressed source unpacks to
	Created     *time.Time        `json:"created,omitempty"`
	Started     *time.Time        `json:"started,omitempty"`
	Finished    *time.Time        `json:"finished,omitempty"`
	Error       string            `json:"error,omitempty"`
	Waiting     string            `json:"waiting,omitempty"` // why a job that could run does not
	WaitsSince  *time.Time        `json:"waitsSince,omitempty"`
	NextAttempt *time.Time        `json:"nextAttempt,omitempty"` // not before
	Attempts    int               `json:"attempts,omitempty"`    // in a row that ended early, without progress
	LastError   string            `json:"lastError,omitempty"`   // why the last attempt that ended early did
	Tags        map[string]string `json:"tags,omitempty"`
}

// Destination is what a job imports into, and whether it puts or deletes.
type Destination struct {
	Kind   string `json:"kind"`
	List   string `json:"list"`
	Action string `json:"action"`
}

// Source is the object that a job reads. Its size is known once the job has started.
type Source struct {
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
	Size   int64  `json:"size"`
	Format string `json:"format"`
}

// Page is a part of a listing; Next asks for the part after it.
type Page struct {
	Jobs []Job  `json:"jobs"`
	Next string `json:"next,omitempty"`
}

// Reject is a refused record: one line of a report as JSON.
type Reject struct {
	Record int64  `json:"record"`
	Line   int64  `json:"line"`
	Offset int64  `json:"offset"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
	Key    string `json:"key"`
	Raw    string `json:"raw"`
	// RawBytes is the record if it is not UTF-8, which Raw then shows with U+FFFD.
	RawBytes []byte `json:"rawBytes,omitempty"`
}

// Fault is the body of a refusal.
type Fault struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Version is the reply to GET version.
type Version struct {
	Version string `json:"version"`
}

// show returns a job as callers see it. Waiting is why no job is worked on, if so.
func show(j job.Job, waiting string) Job {
	switch {
	case !j.Ready || j.State.Final():
		waiting = ""
	case waiting == "":
		waiting = string(j.Waiting.Reason)
	}
	return Job{
		ID: string(j.ID), Wire: string(j.Wire), Name: j.Name,
		Destination: Destination{string(j.Destination.Kind), j.Destination.List, string(j.Destination.Action)},
		Source:      Source{j.Source.Bucket, j.Source.Key, j.Source.Size, string(j.Source.Format)},
		State:       string(j.State),
		Imported:    j.Counts.Imported, Rejected: j.Counts.Rejected,
		BytesRead: j.Checkpoint.Offset,
		Created:   when(j.Created), Started: when(j.Started), Finished: when(j.Finished),
		Error: j.Error, Waiting: waiting, WaitsSince: when(j.Waiting.Since), NextAttempt: when(j.Waiting.Until),
		Attempts: j.Attempts, LastError: j.LastError, Tags: j.Tags,
	}
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
