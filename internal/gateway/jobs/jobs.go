// Package jobs is the HTTP side of Sluice's own API: it reads requests and writes replies as
// the contract in api/adminapi says, and asks a Service for what they mean.
package jobs

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/wire"
)

// Options of an API; the zero value works.
type Options struct {
	Version string                           // what /version answers
	Observe func(context.Context, wire.Done) // told of every call after its reply; may be nil
}

// API answers requests whose caller is in their context, see caller.NewContext.
type API struct {
	service adminapi.Service
	o       Options
	mux     *http.ServeMux
}

// New returns the API whose operations s does.
func New(s adminapi.Service, o Options) *API {
	a := &API{service: s, o: o, mux: http.NewServeMux()}
	for _, op := range operations {
		a.mux.Handle(op.pattern, a.call(op.name, func(w http.ResponseWriter, r *http.Request) error {
			return op.handle(a, w, r)
		}))
	}
	a.mux.Handle("/", a.call("Unknown", a.unknown))
	return a
}

// GetJob is the operation that commands call again and again while they watch a job.
const GetJob = "GetJob"

var operations = []struct {
	pattern, name string
	handle        func(*API, http.ResponseWriter, *http.Request) error
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

// handler answers r, or says why not before it has written anything. What
// goes wrong later is a cut.
type handler func(w http.ResponseWriter, r *http.Request) error

// cut is an error in the middle of a reply.
type cut struct{ error }

func (c cut) Unwrap() error { return c.error }

func (a *API) call(name string, handle handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := checkText(r)
		if err == nil {
			err = handle(w, r)
		}
		_, broken := err.(cut)
		status := http.StatusOK
		if err != nil && !broken {
			status = WriteFault(w, err)
		}
		if a.o.Observe != nil {
			a.o.Observe(r.Context(), wire.Done{API: "sluice", Operation: name, Status: status, Err: err})
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

func (a *API) get(w http.ResponseWriter, r *http.Request) error {
	j, err := a.service.GetJob(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	write(w, http.StatusOK, j)
	return nil
}

func (a *API) stop(w http.ResponseWriter, r *http.Request) error {
	j, err := a.service.StopJob(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	write(w, http.StatusOK, j)
	return nil
}

func (a *API) delete(w http.ResponseWriter, r *http.Request) error {
	if err := a.service.DeleteJob(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *API) version(w http.ResponseWriter, _ *http.Request) error {
	write(w, http.StatusOK, adminapi.Version{Version: a.o.Version})
	return nil
}

func (a *API) unknown(http.ResponseWriter, *http.Request) error {
	return fault.New(fault.UnknownOperation, "no such operation; there are GET jobs, jobs/{id}, jobs/{id}/report, version, POST jobs/{id}/stop, snapshot and DELETE jobs/{id} below "+adminapi.Prefix)
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
	write(w, status, adminapi.Fault{Code: kind.String(), Message: fault.Message(err)})
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
