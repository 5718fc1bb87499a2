package jobs

import (
	"context"
	"net/url"
	"path"
	"slices"
	"time"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// Job is a job as this API and the commands of the client show it. Times are RFC 3339 in
// UTC; those that have not come yet are left out.
type Job struct {
	ID     string `json:"id"`
	API    string `json:"api"`            // that it was created with: mailmanager, sesv2, qconnect
	Name   string `json:"name,omitempty"` // as the caller named it
	File   string `json:"file,omitempty"` // the name of the file, as far as it is known
	List   List   `json:"list"`
	Action string `json:"action"` // PUT or DELETE
	Source Source `json:"source"`
	State  string `json:"state"` // created, processing, completed, failed, stopped

	Processed int64 `json:"processed"` // records: those that were imported and rejected
	Imported  int64 `json:"imported"`
	Rejected  int64 `json:"rejected"`
	BytesRead int64 `json:"bytesRead"` // of the text: what a compressed source unpacks to
	// Report is the path of the report of this API, once a record was rejected.
	Report string `json:"report,omitempty"`

	Created  *time.Time `json:"created,omitempty"`
	Started  *time.Time `json:"started,omitempty"`
	Finished *time.Time `json:"finished,omitempty"`
	// Seconds is how long it has taken: from its start to its end, or to now.
	Seconds float64 `json:"seconds,omitempty"`

	Error        string     `json:"error,omitempty"`   // why it failed
	Waiting      string     `json:"waiting,omitempty"` // why a job that could run does not
	WaitingSince *time.Time `json:"waitingSince,omitempty"`
	NextAttempt  *time.Time `json:"nextAttempt,omitempty"` // not before
	Attempts     int        `json:"attempts"`              // in a row that ended early, without progress
	LastError    string     `json:"lastError,omitempty"`   // why the last attempt that ended early did

	Tags map[string]string `json:"tags,omitempty"`
}

// List is the list that a job imports into. Its name is left out once it is deleted.
type List struct {
	Kind string `json:"kind"` // address-list, contact-list, quick-responses, suppression
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
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

// Reject is a rejected record: one line of a report as JSON.
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

// view shows jobs as they are at one moment.
type view struct {
	now     time.Time
	waiting string // why no job is worked on, if so
	names   map[store.ListRef]string
}

// newView returns the view for some jobs, with the names of their lists.
func (a *API) newView(ctx context.Context, jobs ...job.Job) (*view, error) {
	v := &view{now: a.o.Now(), waiting: a.o.Waits(), names: map[store.ListRef]string{}}
	var ids []string
	for _, j := range jobs {
		if !slices.Contains(ids, j.Destination.List) {
			ids = append(ids, j.Destination.List)
		}
	}
	if len(ids) == 0 {
		return v, nil
	}
	lists, err := a.store.FindLists(ctx, jobs[0].Owner, ids...)
	if err != nil {
		return nil, err
	}
	for _, l := range lists {
		v.names[l.Ref] = l.Name
	}
	return v, nil
}

// show returns a job as callers see it.
func (v *view) show(j job.Job) Job {
	waiting := v.waiting
	switch {
	case !j.Ready || j.State.Final():
		waiting = ""
	case waiting == "":
		waiting = string(j.Waiting.Reason)
	}
	list := store.ListRef{Owner: j.Owner, Kind: j.Destination.Kind, ID: j.Destination.List}
	shown := Job{
		ID: string(j.ID), API: string(j.Wire), Name: j.Name, File: fileOf(j),
		List:   List{string(list.Kind), list.ID, v.names[list]},
		Action: string(j.Destination.Action),
		Source: Source{j.Source.Bucket, j.Source.Key, j.Source.Size, string(j.Source.Format)},
		State:  string(j.State),

		Processed: j.Counts.Imported + j.Counts.Rejected, Imported: j.Counts.Imported, Rejected: j.Counts.Rejected,
		BytesRead: j.Checkpoint.Offset,
		Created:   when(j.Created), Started: when(j.Started), Finished: when(j.Finished), Seconds: v.seconds(j),
		Error: j.Error, Waiting: waiting, WaitingSince: when(j.Waiting.Since), NextAttempt: when(j.Waiting.Until),
		Attempts: j.Attempts, LastError: j.LastError, Tags: j.Tags,
	}
	if shown.Rejected > 0 {
		shown.Report = Prefix + "jobs/" + url.PathEscape(shown.ID) + "/report"
	}
	return shown
}

func (v *view) seconds(j job.Job) float64 {
	end := j.Finished
	switch {
	case j.Started.IsZero():
		return 0
	case end.IsZero():
		end = v.now
	}
	return max(0, end.Sub(j.Started).Seconds())
}

// fileOf returns the name of a job's file. Only SES v2 reads objects that callers have
// named; with the other APIs a job may have been named after the file.
func fileOf(j job.Job) string {
	if j.Wire == job.SESv2 {
		return path.Base(j.Source.Key)
	}
	return j.Name
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
