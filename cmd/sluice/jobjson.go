package main

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/sluicehq/sluice/internal/api/adminapi"
)

// jobInfo holds the fields of a job that the command line determines. --json prints them where
// the endpoint serves only AWS's APIs, in the JSON form of Sluice's own API.
type jobInfo struct {
	api    string
	list   adminapi.List
	action string
	file   string
}

// partialJob is a job of which nobody says the rest: what is nil is left out.
type partialJob struct {
	adminapi.Job
	List      *adminapi.List   `json:"list,omitempty"`
	Source    *adminapi.Source `json:"source,omitempty"`
	Processed *int64           `json:"processed,omitempty"`
	Imported  *int64           `json:"imported,omitempty"`
	Rejected  *int64           `json:"rejected,omitempty"`
	BytesRead *int64           `json:"bytesRead,omitempty"`
	Attempts  *int             `json:"attempts,omitempty"`
}

// printJSON prints a job that has ended: as the own API shows it, or what is known of it.
func (w *watcher) printJSON(ctx context.Context, c *client, o outcome) error {
	enc := json.NewEncoder(w.out)
	enc.SetEscapeHTML(false)
	if j, err := c.ownJob(ctx, o.Job); err == nil {
		return enc.Encode(j)
	}
	j := partialJob{Job: adminapi.Job{
		ID: o.Job, API: w.jobInfo.api, Action: w.jobInfo.action, File: w.jobInfo.file,
		State: stateName(o.State), Report: o.Report, Seconds: o.Seconds, Error: o.Error,
	}}
	if w.jobInfo.list.Kind != "" {
		j.List = &w.jobInfo.list
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

func (a *addressList) jobInfo() jobInfo {
	return jobInfo{api: "mailmanager", list: a.listJSON(), action: "PUT"}
}

func (l *contactList) jobInfo() jobInfo {
	return jobInfo{api: "sesv2", list: l.listJSON(), action: l.action}
}

func (q *quickResponses) jobInfo() jobInfo {
	return jobInfo{api: "qconnect", list: q.listJSON(), action: "PUT"}
}

func (s *suppression) jobInfo() jobInfo {
	return jobInfo{api: "sesv2", list: adminapi.List{Kind: "suppression", ID: "suppression", Name: "suppression"}, action: s.action}
}

// listJSON returns the list as jobs show it.
func (l *listName) listJSON() adminapi.List {
	list := adminapi.List{Kind: l.kind, ID: l.id, Name: l.ref}
	if l.ref == l.id && l.kind != "contact-list" { // the argument was the ID
		list.Name = ""
	}
	return list
}
