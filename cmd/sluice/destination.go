package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"
)

// importer imports into a destination as the command line names it. Each kind of
// destination has an API of its own, with the same steps: upload, start, watch.
type importer interface {
	// find looks for the list to import into. With create it creates the list if there
	// is none of that name or id.
	find(ctx context.Context, c *client, create bool) error
	// discard deletes the list if find created it, and reports whether it did.
	discard(ctx context.Context, c *client) (bool, error)
	// start uploads the file and starts its import; it returns the job's id. A job that
	// was created but not started is returned beside the error; if it may have been started,
	// the error is an *uncertainError. However often the server goes away, there is one job.
	start(ctx context.Context, c *client, f *file) (string, error)
	// jobInfo is what is known of the job before it is created, but for its file.
	jobInfo() jobInfo
	// progress asks how far a job is.
	progress(ctx context.Context, c *client, id string) (progress, error)
}

// uncertainError says that the server went away before it said whether it starts the job.
type uncertainError struct{ error }

func (e *uncertainError) Unwrap() error { return e.error }

// started returns the error of the call that starts a job.
func started(err error, format string, args ...any) error {
	err = fmt.Errorf(format+": %w", append(args, err)...)
	var away *awayError
	if errors.As(err, &away) {
		return &uncertainError{err}
	}
	return err
}

// progress is what an API says of a job.
type progress struct {
	State    string // as the API spells it
	Imported int64
	Rejected int64
	Error    string
	Waiting  string // why it does not go on, if Sluice says so
	// Uncounted says that the API has no counts; then Report is a link to the rejected
	// records, if there are any.
	Uncounted bool
	Report    string
}

func (p progress) completed() bool { return p.State == "COMPLETED" || p.State == "COMPLETE" }
func (p progress) stopped() bool   { return p.State == "STOPPED" || p.State == "CANCELLED" }
func (p progress) final() bool     { return p.completed() || p.stopped() || p.State == "FAILED" }

// destinations are the values of --to.
const destinations = "address-list/NAME, contact-list/NAME, quick-responses/NAME, suppression"

// newImporter reads the flags --to and --action.
func newImporter(to, action string) (importer, error) {
	if action != "PUT" && action != "DELETE" {
		return nil, fmt.Errorf("action: %s is not one of PUT, DELETE", quoteValue(action))
	}
	if to == "" {
		return nil, errors.New("--to is missing: it takes " + destinations)
	}
	kind, name, named := strings.Cut(to, "/")
	switch kind = strings.ToLower(kind); {
	case kind == "address-list" && name != "":
		if action != "PUT" {
			return nil, errors.New("action: an address list only takes PUT")
		}
		return &addressList{listName{kind: kind, ref: name}}, nil
	case kind == "contact-list" && name != "":
		return &contactList{listName: listName{kind: kind, ref: name}, action: action}, nil
	case kind == "quick-responses" && name != "":
		if action != "PUT" {
			return nil, errors.New("action: quick responses only take PUT")
		}
		return &quickResponses{listName: listName{kind: kind, ref: name}}, nil
	case kind == "suppression" && !named:
		return &suppression{action: action}, nil
	}
	return nil, fmt.Errorf("to: %q is not one of %s%s", to, destinations, suggestKind(kind, name))
}

// suggestKind suggests a value of --to for one whose part before the slash is misspelled.
func suggestKind(kind, name string) string {
	for _, to := range []string{"address-list", "contact-list", "quick-responses", "suppression"} {
		if suggest(kind, []string{to}) == "" {
			continue
		}
		if to != "suppression" {
			to += "/" + cmp.Or(name, "NAME")
		}
		return "; did you mean " + to + "?"
	}
	return ""
}

// addressList imports through SES Mail Manager.
type addressList struct{ listName }

func (a *addressList) start(ctx context.Context, c *client, f *file) (string, error) {
	var job struct{ JobId, PreSignedUrl string }
	in := map[string]any{
		"AddressListId": a.id, "Name": jobName(f.name), "ClientToken": uuid.NewString(),
		"ImportDataFormat": map[string]string{"ImportDataType": f.format},
	}
	c.reconnect.waitFor("the import begins again")
	err := c.upload(ctx, f, func(ctx context.Context, body io.Reader) error {
		// With the same token it is the same job, with a new link.
		if err := c.callTarget(ctx, mailManagerAPI, "CreateAddressListImportJob", in, &job); err != nil {
			return fmt.Errorf("create import job: %w", err)
		}
		if err := c.putFile(ctx, job.PreSignedUrl, nil, body, f.size); err != nil {
			return fmt.Errorf("upload %s: %w", f.name, err)
		}
		return nil
	})
	if err != nil {
		return job.JobId, err
	}
	c.reconnect.waitFor("job %s is started", job.JobId)
	err = c.callTarget(ctx, mailManagerAPI, "StartAddressListImportJob", map[string]string{"JobId": job.JobId}, nil)
	if isAPIError(err, "ConflictException") {
		// The call before a lost connection may have started it.
		if p, askErr := a.progress(ctx, c, job.JobId); askErr == nil && p.State != "CREATED" {
			return job.JobId, nil
		}
	}
	if err != nil {
		return job.JobId, started(err, "start job %s", job.JobId)
	}
	return job.JobId, nil
}

func (a *addressList) find(ctx context.Context, c *client, create bool) error {
	lists, err := a.all(ctx, c)
	if err != nil {
		return fmt.Errorf("look for address list %s: %w", a.ref, err)
	}
	if a.choose(lists) {
		return nil
	}
	if !create {
		return a.missing(ctx, c, lists)
	}
	var list struct{ AddressListId string }
	if err := c.callTarget(ctx, mailManagerAPI, "CreateAddressList",
		map[string]string{"AddressListName": a.ref, "ClientToken": uuid.NewString()}, &list); err != nil {
		return fmt.Errorf("create address list %s: %w", a.ref, err)
	}
	a.id, a.created = list.AddressListId, true
	return nil
}

func (a *addressList) all(ctx context.Context, c *client) ([]namedList, error) {
	var lists []namedList
	in := map[string]any{"PageSize": 50}
	for {
		var page struct {
			AddressLists []struct{ AddressListId, AddressListName string }
			NextToken    string
		}
		if err := c.callTarget(ctx, mailManagerAPI, "ListAddressLists", in, &page); err != nil {
			return nil, err
		}
		for _, list := range page.AddressLists {
			lists = append(lists, namedList{list.AddressListId, list.AddressListName})
		}
		if page.NextToken == "" {
			return lists, nil
		}
		in["NextToken"] = page.NextToken
	}
}

func (a *addressList) discard(ctx context.Context, c *client) (bool, error) {
	if !a.created {
		return false, nil
	}
	err := c.callTarget(ctx, mailManagerAPI, "DeleteAddressList", map[string]string{"AddressListId": a.id}, nil)
	if isAPIError(err, "ResourceNotFoundException") { // a call before has deleted it
		err = nil
	}
	return true, err
}

func (a *addressList) progress(ctx context.Context, c *client, id string) (progress, error) {
	var job struct {
		Status                               string
		ImportedItemsCount, FailedItemsCount int64
		Error                                string
	}
	err := c.callTarget(ctx, mailManagerAPI, "GetAddressListImportJob", map[string]string{"JobId": id}, &job)
	return progress{State: job.Status, Imported: job.ImportedItemsCount, Rejected: job.FailedItemsCount, Error: job.Error}, err
}

// jobName makes a name that Mail Manager takes from a file's: letters, digits, and . _ -
// at most 255 of them. Letters keep what is left of them without accents. A name of which
// nothing else is left is the name import, with the file's ending.
func jobName(name string) string {
	clean := func(r rune) rune {
		switch {
		case r == '.' || r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
			return r
		case unicode.Is(unicode.Mn, r): // an accent, apart from its letter
			return -1
		}
		return '-'
	}
	stem, ending := name, ""
	if i := strings.IndexByte(name, '.'); i > 0 {
		stem, ending = name[:i], name[i:]
	}
	stem = strings.Map(clean, norm.NFD.String(stem))
	if strings.Trim(stem, "-") == "" {
		stem = "import"
	}
	name = stem + strings.Map(clean, norm.NFD.String(ending))
	return name[max(0, len(name)-255):]
}
