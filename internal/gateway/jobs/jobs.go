// Package jobs is Sluice's own API: the jobs of an account whichever API they came
// by, and what no API of AWS's offers. docs/api.md is its page.
//
//	GET  /sluice/v1/jobs               the jobs, newest first, a page at a time
//	       ?state=processing             only these; may be repeated
//	       &api=mailmanager              only those of one API: mailmanager, sesv2, qconnect
//	       &list=NAME                    only those into one list, by its name or ID, or by
//	                                     either behind its kind: address-list/NAME
//	       &limit=100                    how many at most, 1 to 1000
//	       &next=WORD                    the page after the one that gave this word
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
// A job is the object that Job writes; a page is {"jobs":[…],"next":"…"}, without
// next at the end only: a page with a filter may be short, or empty, and have next. A
// refusal is {"code":"…","message":"…"}, its code the name of a
// fault.Kind, with a status that fits:
//
//	400 Invalid, BadToken, Malformed   403 who is asking is not clear   404 NotFound
//	404 UnknownOperation    409 Conflict: the job has ended already, or not yet
//
// A report that breaks off in the middle ends its connection without the end of the
// body, so that no client takes the part for the whole.
package jobs

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/caller"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/wire"
)

// What a client needs to know of this API.
const (
	Prefix      = "/sluice/v1/"
	SigningName = "sluice"
)

// Options of an API; the zero value works, without reports as CSV.
type Options struct {
	Version string // what /version tells
	// Report writes the report of a job as CSV; safe asks for the form for spreadsheets.
	Report func(ctx context.Context, w io.Writer, j job.Job, safe bool) error
	// Release lets go of the source of a stopped job, whose id it is given: no worker
	// that would may have it. May be nil.
	Release func(ctx context.Context, holder string) error
	// Delete deletes a job that is final, with all that is its own. Nil deletes it in the
	// store only.
	Delete  func(ctx context.Context, j job.Job) error
	Observe func(context.Context, wire.Done) // told of every call after its reply; may be nil
	Now     func() time.Time                 // nil is time.Now
	// Waits returns why no job is worked on at the moment; empty if nothing is in the
	// way. May be nil.
	Waits func() string
}

// API answers requests whose caller is in their context, see caller.NewContext.
type API struct {
	store store.Store
	o     Options
	mux   *http.ServeMux
}

// New returns the API over the jobs of s.
func New(s store.Store, o Options) *API {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Waits == nil {
		o.Waits = func() string { return "" }
	}
	if o.Delete == nil {
		o.Delete = func(ctx context.Context, j job.Job) error { return s.DeleteJob(ctx, j.Owner, j.ID) }
	}
	a := &API{store: s, o: o, mux: http.NewServeMux()}
	for _, op := range operations {
		a.mux.Handle(op.pattern, a.call(op.name, func(w http.ResponseWriter, r *http.Request, o job.Owner) error {
			return op.handle(a, w, r, o)
		}))
	}
	a.mux.Handle("/", a.call("Unknown", a.unknown))
	return a
}

// GetJob is the operation that commands call again and again while they watch a job.
const GetJob = "GetJob"

var operations = []struct {
	pattern, name string
	handle        func(*API, http.ResponseWriter, *http.Request, job.Owner) error
}{
	{"GET /sluice/v1/jobs", "ListJobs", (*API).list},
	{"GET /sluice/v1/jobs/{id}", GetJob, (*API).get},
	{"POST /sluice/v1/jobs/{id}/stop", "StopJob", (*API).stop},
	{"DELETE /sluice/v1/jobs/{id}", "DeleteJob", (*API).delete},
	{"GET /sluice/v1/jobs/{id}/report", "GetReport", (*API).report},
	{"GET /sluice/v1/version", "GetVersion", (*API).version},
}

// Operations returns the names of the operations, for log and metrics.
func Operations() []string {
	names := make([]string, len(operations))
	for i, op := range operations {
		names[i] = op.name
	}
	return names
}

func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// handler answers r for owner, or says why not before it has written anything. What
// goes wrong later is a cut.
type handler func(w http.ResponseWriter, r *http.Request, o job.Owner) error

// cut is an error in the middle of a reply.
type cut struct{ error }

func (c cut) Unwrap() error { return c.error }

func (a *API) call(name string, handle handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		who := caller.FromContext(r.Context())
		err := checkText(r)
		if err == nil {
			err = handle(w, r, job.Owner{Account: who.Account, Region: who.Region})
		}
		_, broken := err.(cut)
		status := http.StatusOK
		if err != nil && !broken {
			status = WriteFault(w, err)
		}
		if a.o.Observe != nil {
			a.o.Observe(r.Context(), wire.Done{API: "sluice", Operation: name, Status: status, Err: err, Took: time.Since(began)})
		}
		if broken {
			panic(http.ErrAbortHandler)
		}
	}
}

// checkText refuses a path and a query that are not UTF-8, or that cannot be read.
func checkText(r *http.Request) error {
	query, err := url.QueryUnescape(r.URL.RawQuery)
	if _, parseErr := url.ParseQuery(r.URL.RawQuery); err != nil || parseErr != nil || !utf8.ValidString(query) {
		return fault.New(fault.Malformed, "the query string cannot be read, or is not UTF-8")
	}
	if !utf8.ValidString(r.URL.Path) {
		return fault.New(fault.Malformed, "the path is not UTF-8")
	}
	return nil
}

func (a *API) get(w http.ResponseWriter, r *http.Request, o job.Owner) error {
	j, err := a.store.Job(r.Context(), o, job.ID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return a.writeJob(w, r, j)
}

// writeJob answers with a job.
func (a *API) writeJob(w http.ResponseWriter, r *http.Request, j job.Job) error {
	v, err := a.newView(r.Context(), j)
	if err != nil {
		return err
	}
	write(w, http.StatusOK, v.show(j))
	return nil
}

func (a *API) stop(w http.ResponseWriter, r *http.Request, o job.Owner) error {
	j, err := a.store.ChangeJob(r.Context(), o, job.ID(r.PathValue("id")), func(j *job.Job) error {
		return j.Become(job.Stopped, a.o.Now())
	})
	if err != nil {
		return err
	}
	if a.o.Release != nil {
		// The job is stopped whatever comes of this; what stays held only takes room.
		_ = a.o.Release(r.Context(), string(j.ID))
	}
	return a.writeJob(w, r, j)
}

func (a *API) delete(w http.ResponseWriter, r *http.Request, o job.Owner) error {
	j, err := a.store.Job(r.Context(), o, job.ID(r.PathValue("id")))
	if err != nil {
		return err
	}
	if !j.State.Final() {
		return fault.New(fault.Conflict, "job %s is %s and cannot be deleted: stop it first", j.ID, j.State)
	}
	if err := a.o.Delete(r.Context(), j); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *API) version(w http.ResponseWriter, _ *http.Request, _ job.Owner) error {
	write(w, http.StatusOK, Version{a.o.Version})
	return nil
}

func (a *API) unknown(http.ResponseWriter, *http.Request, job.Owner) error {
	return fault.New(fault.UnknownOperation, "no such operation; there are GET jobs, jobs/{id}, jobs/{id}/report, version, POST jobs/{id}/stop, snapshot and DELETE jobs/{id} below "+Prefix)
}

// statuses of the kinds of fault; 400 for all others.
var statuses = map[fault.Kind]int{
	fault.Internal:         http.StatusInternalServerError,
	fault.LeaseLost:        http.StatusInternalServerError,
	fault.Damaged:          http.StatusInternalServerError,
	fault.NotFound:         http.StatusNotFound,
	fault.UnknownOperation: http.StatusNotFound,
	fault.Conflict:         http.StatusConflict,
	fault.TooLarge:         http.StatusRequestEntityTooLarge,
	fault.Throttled:        http.StatusTooManyRequests,
	fault.Unavailable:      http.StatusServiceUnavailable,
	fault.StorageFull:      http.StatusServiceUnavailable,
	fault.Canceled:         fault.StatusCanceled,
	fault.DeadlineExceeded: http.StatusGatewayTimeout,
	fault.Overloaded:       http.StatusServiceUnavailable,
	fault.RequestTimeout:   http.StatusRequestTimeout,
	fault.Denied:           http.StatusForbidden,
	fault.Unauthenticated:  http.StatusForbidden,
	fault.UnknownKey:       http.StatusForbidden,
	fault.BadSignature:     http.StatusForbidden,
	fault.Expired:          http.StatusForbidden,
	fault.Skewed:           http.StatusForbidden,
	fault.BodyMismatch:     http.StatusForbidden,
}

// WriteFault answers with err as this API does, and returns the status.
func WriteFault(w http.ResponseWriter, err error) int {
	kind := fault.KindOf(err)
	status, ok := statuses[kind]
	if !ok {
		status = http.StatusBadRequest
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	write(w, status, Fault{kind.String(), fault.Message(err)})
	return status
}

// write sends v as JSON. A caller that has gone away is no error of ours.
func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
}
