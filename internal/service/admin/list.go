package admin

import (
	"context"
	"strings"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// suppression is the list that every account has. The store does not list it.
const suppression = "suppression"

// ListJobs returns a page of jobs, newest first.
func (s *Service) ListJobs(ctx context.Context, in adminapi.ListJobsInput) (adminapi.Page, error) {
	o := service.OwnerOf(ctx)
	f := store.JobFilter{NewestFirst: true, Wire: job.Wire(in.API)}
	for _, state := range in.States {
		f.States = append(f.States, job.State(state))
	}
	found, err := s.selectList(ctx, o, in.List, &f)
	if err != nil {
		return adminapi.Page{}, err
	}
	listing := service.Listing{Operation: "ListJobs", Owner: o, Filter: []string{strings.Join(in.States, ","), in.API, in.List}}
	page, err := s.tokens.Page(listing, &in.Next, &in.Limit, int(in.Limit))
	if err != nil {
		return adminapi.Page{}, service.Reword(err, fault.BadToken, "next: not a page token of this listing")
	}
	jobs, next, err := s.store.ListJobs(ctx, o, f, page)
	if err != nil {
		return adminapi.Page{}, err
	}
	if !found && page.After == "" && len(jobs) == 0 && next == "" {
		return adminapi.Page{}, fault.New(fault.NotFound, "there is no list %q, and no job into a deleted list of that ID", in.List)
	}
	v, err := s.newView(ctx, jobs...)
	if err != nil {
		return adminapi.Page{}, err
	}
	out := adminapi.Page{Jobs: make([]adminapi.Job, len(jobs))}
	for i, j := range jobs {
		out.Jobs[i] = v.show(j)
	}
	if token := s.tokens.Next(listing, next); token != nil {
		out.Next = *token
	}
	return out, nil
}

// selectList makes a filter select the jobs of a list, by its name or ID, with its kind
// before it or without. found is false if there is no such list: it may be deleted, and
// then its jobs are found by its ID only.
func (s *Service) selectList(ctx context.Context, o job.Owner, list string, f *store.JobFilter) (found bool, err error) {
	if list == "" {
		return true, nil
	}
	f.List = list
	_, bare, _ := strings.Cut(list, "/")
	lists, err := s.store.FindLists(ctx, o, list, bare)
	if err != nil {
		return false, err
	}
	var named, identified []store.List
	for _, l := range lists {
		kind := string(l.Ref.Kind) + "/"
		switch {
		case list == l.Name || list == kind+l.Name:
			named = append(named, l)
		case list == l.Ref.ID || list == kind+l.Ref.ID:
			identified = append(identified, l)
		}
	}
	if lists = named; len(named) == 0 { // a name counts more than an ID
		lists = identified
	}
	switch len(lists) {
	case 0:
		return list == suppression, nil
	case 1:
		f.Kind, f.List = lists[0].Ref.Kind, lists[0].Ref.ID
		return true, nil
	}
	var all []string
	for _, l := range lists {
		all = append(all, string(l.Ref.Kind)+"/"+l.Name)
	}
	return false, fault.New(fault.Invalid, "list: %q is one of several: %s", list, strings.Join(all, ", "))
}
