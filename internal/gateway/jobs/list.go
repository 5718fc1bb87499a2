package jobs

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
)

// How many jobs a page has at most, unless the caller says so, and in any case.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

var states = []job.State{job.Created, job.Processing, job.Completed, job.Failed, job.Stopped}

var apis = []job.Wire{job.MailManager, job.SESv2, job.QConnect}

func (a *API) list(w http.ResponseWriter, r *http.Request) error {
	in, err := readQuery(r.URL.Query())
	if err != nil {
		return err
	}
	page, err := a.service.ListJobs(r.Context(), in)
	if err != nil {
		return err
	}
	write(w, http.StatusOK, page)
	return nil
}

// checkQuery refuses parameters that are not known, and those that are there twice, unless
// they are for that.
func checkQuery(q url.Values, known []string, repeatable ...string) error {
	for name, values := range q {
		if !slices.Contains(known, name) {
			return fault.New(fault.Invalid, "%q is not one of %s", name, strings.Join(known, ", "))
		}
		if len(values) > 1 && !slices.Contains(repeatable, name) {
			return fault.New(fault.Invalid, "%s: is there %d times, and may be once", name, len(values))
		}
	}
	return nil
}

// readQuery reads what a listing selects.
func readQuery(q url.Values) (in adminapi.ListJobsInput, err error) {
	if err := checkQuery(q, []string{"state", "api", "list", "limit", "next"}, "state"); err != nil {
		return in, err
	}
	in = adminapi.ListJobsInput{States: q["state"], API: q.Get("api"), List: q.Get("list"), Limit: defaultLimit, Next: q.Get("next")}
	if in.API != "" && !slices.Contains(apis, job.Wire(in.API)) {
		return in, fault.New(fault.Invalid, "api: %q is not one of mailmanager, sesv2, qconnect", in.API)
	}
	for _, s := range in.States {
		if !slices.Contains(states, job.State(s)) {
			return in, fault.New(fault.Invalid, "state: %q is not one of created, processing, completed, failed, stopped", s)
		}
	}
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || strings.Trim(s, "0123456789") != "" || n < 1 || n > maxLimit {
			return in, fault.New(fault.Invalid, "limit: %q is not a number from 1 to %d", s, maxLimit)
		}
		in.Limit = int64(n)
	}
	return in, nil
}
