// Package adminapi is the contract of Sluice's own API: the jobs of an account whichever API they came
// by, and what no API of AWS's offers. docs/api.md is its page.
//
//	GET  /sluice/v1/jobs               the jobs, newest first, a page at a time
//	       ?state=processing             only these; may be repeated
//	       &api=mailmanager              only those of one API: mailmanager, sesv2, qconnect
//	       &list=NAME                    only those into one list, by its name or ID, or by
//	                                     either behind its kind: address-list/NAME
//	       &limit=100                    how many at most, 1 to 1000
//	       &next=TOKEN                   the page after the one that gave this token
//	GET  /sluice/v1/jobs/{id}          one job
//	POST /sluice/v1/jobs/{id}/stop     stop it; what is committed stays
//	DELETE /sluice/v1/jobs/{id}        delete one that has ended, with what it rejected, its
//	                                   report and the file that was uploaded for it: 204
//	GET  /sluice/v1/jobs/{id}/report   the rejected records so far, as CSV
//	       ?format=json                  or as one JSON object per line; "rawBytes" has the bytes
//	                                     of a record that is not UTF-8, in base64
//	       ?safe=excel                   or as CSV for a spreadsheet: with a byte order mark, and
//	                                     an apostrophe before what would be taken for a formula
//	GET  /sluice/v1/version            the server's version
//
// Requests are signed with AWS Signature Version 4 for the service "sluice". The
// account and the region of the signature say whose jobs they are.
//
// A job is the object Job; a page is {"jobs":[…],"next":"…"}, without
// next at the end only: a page with a filter may be short, or empty, and have next. A
// refusal is {"code":"…","message":"…"}, its code the name of a
// fault.Kind, with a status that fits:
//
//	400 Invalid, BadToken, Malformed   403 who is asking is not clear   404 NotFound
//	404 UnknownOperation    409 Conflict: the job has ended already, or not yet
//
// A report that breaks off in the middle ends its connection without the end of the
// body, so that no client takes the part for the whole.
package adminapi

import (
	"context"
	"io"
	"time"
)

// What a client needs to know of this API.
const (
	Prefix      = "/sluice/v1/"
	SigningName = "sluice"
)

// Service is what a server of this API does, for the caller in the context, see package
// caller. Its errors carry a fault.Kind.
type Service interface {
	GetJob(ctx context.Context, id string) (Job, error)
	ListJobs(ctx context.Context, in ListJobsInput) (Page, error)
	StopJob(ctx context.Context, id string) (Job, error)
	DeleteJob(ctx context.Context, id string) error
	GetReport(ctx context.Context, in GetReportInput) (Report, error)
}

// ListJobsInput selects jobs. The limits of its members are the handler's to check.
type ListJobsInput struct {
	States []string
	API    string
	List   string // by name or ID, with its kind before it or without
	Limit  int64
	Next   string // from the page before
}

// GetReportInput asks for a report in a form.
type GetReportInput struct {
	ID     string
	Format string // "csv", which is the default, or "json"
	Safe   string // "excel" or nothing
}

// Report is a report that is ready to be written.
type Report struct {
	IsCSV    bool
	FileName string // to download it as, of CSV
	Write    func(ctx context.Context, w io.Writer) error
}

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
