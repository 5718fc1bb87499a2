package jobs

import (
	"context"
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

// suppression is the list that every account has. The store does not list it.
const suppression = "suppression"

var states = []job.State{job.Created, job.Processing, job.Completed, job.Failed, job.Stopped}

var apis = []job.Wire{job.MailManager, job.SESv2, job.QConnect}

func (a *API) list(w http.ResponseWriter, r *http.Request, o job.Owner) error {
	q := r.URL.Query()
	f, limit, err := readQuery(q)
	if err != nil {
		return err
	}
	known, err := a.selectList(r.Context(), o, q.Get("list"), &f)
	if err != nil {
		return err
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
	if !known && after == "" && len(found) == 0 && next == "" {
		return fault.New(fault.NotFound, "there is no list %q, and no job into a deleted list of that ID", q.Get("list"))
	}
	v, err := a.newView(r.Context(), found...)
	if err != nil {
		return err
	}
	page := Page{Jobs: make([]Job, len(found)), Next: seal.close(next)}
	for i, j := range found {
		page.Jobs[i] = v.show(j)
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

// readQuery reads what a listing selects, but for its list.
func readQuery(q url.Values) (f store.JobFilter, limit int, err error) {
	if err := checkQuery(q, []string{"state", "api", "list", "limit", "next"}, "state"); err != nil {
		return f, 0, err
	}
	f = store.JobFilter{NewestFirst: true, Wire: job.Wire(q.Get("api"))}
	if f.Wire != "" && !slices.Contains(apis, f.Wire) {
		return f, 0, fault.New(fault.Invalid, "api: %q is not one of mailmanager, sesv2, qconnect", f.Wire)
	}
	for _, s := range q["state"] {
		if !slices.Contains(states, job.State(s)) {
			return f, 0, fault.New(fault.Invalid, "state: %q is not one of created, processing, completed, failed, stopped", s)
		}
		f.States = append(f.States, job.State(s))
	}
	limit = usualLimit
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || strings.Trim(s, "0123456789") != "" || n < 1 || n > mostJobs {
			return f, 0, fault.New(fault.Invalid, "limit: %q is not a number from 1 to %d", s, mostJobs)
		}
		limit = n
	}
	return f, limit, nil
}

// selectList makes a filter select the jobs of a list, by its name or ID, with its kind
// before it or without. known is false if there is no such list: it may be deleted, and
// then its jobs are found by its ID only.
func (a *API) selectList(ctx context.Context, o job.Owner, word string, f *store.JobFilter) (known bool, err error) {
	if word == "" {
		return true, nil
	}
	f.List = word
	_, behind, _ := strings.Cut(word, "/")
	lists, err := a.store.FindLists(ctx, o, word, behind)
	if err != nil {
		return false, err
	}
	var named, identified []store.List
	for _, l := range lists {
		kind := string(l.Ref.Kind) + "/"
		switch {
		case word == l.Name || word == kind+l.Name:
			named = append(named, l)
		case word == l.Ref.ID || word == kind+l.Ref.ID:
			identified = append(identified, l)
		}
	}
	if lists = named; len(named) == 0 { // a name counts more than an ID
		lists = identified
	}
	switch len(lists) {
	case 0:
		return word == suppression, nil
	case 1:
		f.Kind, f.List = lists[0].Ref.Kind, lists[0].Ref.ID
		return true, nil
	}
	var all []string
	for _, l := range lists {
		all = append(all, string(l.Ref.Kind)+"/"+l.Name)
	}
	return false, fault.New(fault.Invalid, "list: %q is one of several: %s", word, strings.Join(all, ", "))
}

// about is what a page belongs to: whose jobs, and which. The limit may change from
// page to page.
func about(o job.Owner, q url.Values) string {
	which := url.Values{"state": q["state"], "api": q["api"], "list": q["list"]}
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
