package main

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/sluicehq/sluice/internal/gateway/jobs"
)

// known holds the fields of a job that the command line determines. --json prints them where
// the endpoint serves only AWS's APIs, in the JSON form of Sluice's own API.
type known struct {
	api    string
	list   jobs.List
	action string
	file   string
}

// partialJob is a job of which nobody says the rest: what is nil is left out.
type partialJob struct {
	jobs.Job
	List      *jobs.List   `json:"list,omitempty"`
	Source    *jobs.Source `json:"source,omitempty"`
	Processed *int64       `json:"processed,omitempty"`
	Imported  *int64       `json:"imported,omitempty"`
	Rejected  *int64       `json:"rejected,omitempty"`
	BytesRead *int64       `json:"bytesRead,omitempty"`
	Attempts  *int         `json:"attempts,omitempty"`
}

// printJSON prints a job that has ended: as the own API shows it, or what is known of it.
func (w *watcher) printJSON(ctx context.Context, c *client, o outcome) error {
	enc := json.NewEncoder(w.out)
	enc.SetEscapeHTML(false)
	if j, err := c.ownJob(ctx, o.Job); err == nil {
		return enc.Encode(j)
	}
	j := partialJob{Job: jobs.Job{
		ID: o.Job, API: w.known.api, Action: w.known.action, File: w.known.file,
		State: stateName(o.State), Report: o.Report, Seconds: o.Seconds, Error: o.Error,
	}}
	if w.known.list.Kind != "" {
		j.List = &w.known.list
	}
	if o.counts != nil {
		j.Imported, j.Rejected, j.Processed = &o.Imported, &o.Rejected, new(o.Imported+o.Rejected)
	}
	return enc.Encode(j)
}

// stateName returns a final state as Sluice names it, whatever the API that said it.
func stateName(state string) string {
	switch p := (progress{State: state}); {
	case p.completed():
		return "completed"
	case p.stopped():
		return "stopped"
	}
	return strings.ToLower(state)
}

func (a *addressList) known() known {
	return known{api: "mailmanager", list: a.shown(), action: "PUT"}
}

func (l *contactList) known() known {
	return known{api: "sesv2", list: l.shown(), action: l.action}
}

func (q *quickResponses) known() known {
	return known{api: "qconnect", list: q.shown(), action: "PUT"}
}

func (s *suppression) known() known {
	return known{api: "sesv2", list: jobs.List{Kind: "suppression", ID: "suppression", Name: "suppression"}, action: s.action}
}

// shown returns the list as jobs show it.
func (l *listName) shown() jobs.List {
	list := jobs.List{Kind: l.kind, ID: l.id, Name: l.word}
	if l.word == l.id && l.kind != "contact-list" { // the word was the ID
		list.Name = ""
	}
	return list
}
