package jobs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// How many jobs a page has at most, unless the caller says so, and in any case.
const (
	usualLimit = 100
	mostJobs   = 1000
)

var states = []job.State{job.Created, job.Processing, job.Completed, job.Failed, job.Stopped}

func (a *API) list(w http.ResponseWriter, r *http.Request, o job.Owner) error {
	q := r.URL.Query()
	for name := range q {
		if !slices.Contains([]string{"state", "wire", "list", "limit", "next"}, name) {
			return fault.New(fault.Invalid, "%q is not one of state, wire, list, limit, next", name)
		}
	}
	f := store.JobFilter{Wire: job.Wire(q.Get("wire")), List: q.Get("list")}
	for _, s := range q["state"] {
		if !slices.Contains(states, job.State(s)) {
			return fault.New(fault.Invalid, "state: %q is not one of created, processing, completed, failed, stopped", s)
		}
		f.States = append(f.States, job.State(s))
	}
	limit := usualLimit
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || strings.Trim(s, "0123456789") != "" || n < 1 || n > mostJobs {
			return fault.New(fault.Invalid, "limit: %q is not a number from 1 to %d", s, mostJobs)
		}
		limit = n
	}
	secret, err := a.store.Secret(r.Context(), "page of jobs")
	if err != nil {
		return err
	}
	seal := seal{secret, about(o, q)}
	after, err := seal.open(q.Get("next"))
	if err != nil {
		return err
	}
	found, next, err := a.store.ListJobs(r.Context(), o, f, store.Page{After: after, Limit: limit})
	if err != nil {
		return err
	}
	page := Page{Jobs: make([]Job, len(found)), Next: seal.close(next)}
	waiting := a.o.Waits()
	for i, j := range found {
		page.Jobs[i] = show(j, waiting)
	}
	write(w, http.StatusOK, page)
	return nil
}

// about is what a page belongs to: whose jobs, and which. The limit may change from
// page to page.
func about(o job.Owner, q url.Values) string {
	which := url.Values{"state": q["state"], "wire": q["wire"], "list": q["list"]}
	return o.Account + " " + o.Region + " " + which.Encode()
}

// seal makes the store's word for the next page one that callers can carry but not
// make, and not use for another listing.
type seal struct {
	secret []byte
	about  string
}

const sealSize = 16

// spelling refuses bits that do not count, so that a word has one spelling only. It
// passes over line ends.
var spelling = base64.RawURLEncoding.Strict()

func (s seal) sum(word string) []byte {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte(strconv.Itoa(len(s.about)) + " " + s.about + word))
	return mac.Sum(nil)[:sealSize]
}

func (s seal) close(word string) string {
	if word == "" {
		return ""
	}
	return spelling.EncodeToString(append(s.sum(word), word...))
}

func (s seal) open(sealed string) (string, error) {
	if sealed == "" {
		return "", nil
	}
	text, err := spelling.DecodeString(sealed)
	if err != nil || strings.ContainsAny(sealed, "\r\n") || len(text) < sealSize || !hmac.Equal(text[:sealSize], s.sum(string(text[sealSize:]))) {
		return "", fault.New(fault.BadToken, "next: not a word that this listing gave")
	}
	return string(text[sealSize:]), nil
}
