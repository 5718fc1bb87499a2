package mailmanager

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/internal/api/mailmanagerapi"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// maxPage is the largest page of lists and of jobs, maxMembers of members; both are
// the table's.
const (
	maxPage    = 50
	maxMembers = 1000
)

// CreateAddressList makes an empty list. Its name is taken until it is deleted.
func (s *Service) CreateAddressList(ctx context.Context, in *mailmanagerapi.CreateAddressListInput) (*mailmanagerapi.CreateAddressListOutput, error) {
	tags, err := service.AddTags(nil, tagMap(in.Tags), maxTags)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	l := store.List{
		Ref: refOf(ctx, service.NewID("al-")), Name: in.AddressListName,
		Created: now, Updated: now, Tags: tags,
	}
	once := service.Repeatable(in.ClientToken, append([]string{in.AddressListName}, flat(tags)...)...)
	l, err = s.store.CreateList(ctx, l, once, s.opts.Limits.AddressLists)
	err = service.Reword(err, fault.AlreadyExists, "an address list named %s already exists", in.AddressListName)
	err = service.Reword(err, fault.LimitExceeded, "an account has at most %d address lists in a region", s.opts.Limits.AddressLists)
	err = service.Reword(err, fault.Conflict, "the client token was used before, for another address list")
	if err != nil {
		return nil, err
	}
	return &mailmanagerapi.CreateAddressListOutput{AddressListId: l.Ref.ID}, nil
}

// GetAddressList tells about a list. How many members it has, no operation tells.
func (s *Service) GetAddressList(ctx context.Context, in *mailmanagerapi.GetAddressListInput) (*mailmanagerapi.GetAddressListOutput, error) {
	l, err := s.list(ctx, in.AddressListId)
	if err != nil {
		return nil, err
	}
	out := mailmanagerapi.GetAddressListOutput(view(l))
	return &out, nil
}

// ListAddressLists lists the caller's lists, oldest first.
func (s *Service) ListAddressLists(ctx context.Context, in *mailmanagerapi.ListAddressListsInput) (*mailmanagerapi.ListAddressListsOutput, error) {
	listing := service.Listing{Operation: "ListAddressLists", Owner: service.OwnerOf(ctx)}
	page, err := s.tokens.Page(listing, in.NextToken, in.PageSize, maxPage)
	if err != nil {
		return nil, err
	}
	lists, after, err := s.store.ListLists(ctx, listing.Owner, destination.AddressList, page)
	if err != nil {
		return nil, err
	}
	out := &mailmanagerapi.ListAddressListsOutput{NextToken: s.tokens.Next(listing, after)}
	for _, l := range lists {
		out.AddressLists = append(out.AddressLists, view(l))
	}
	return out, nil
}

// DeleteAddressList deletes a list with all its members. That there is none is no
// error: the operation's table has no word for it.
func (s *Service) DeleteAddressList(ctx context.Context, in *mailmanagerapi.DeleteAddressListInput) (*mailmanagerapi.DeleteAddressListOutput, error) {
	ref := refOf(ctx, in.AddressListId)
	running, ok, err := s.store.UnfinishedJob(ctx, ref, job.Processing)
	if err != nil {
		return nil, err
	}
	if ok {
		return nil, fault.New(fault.Conflict, "address list %s is in use: import job %s is PROCESSING", ref.ID, running.ID)
	}
	// A job that starts in between finds its list gone, and fails saying so.
	if err := s.store.DeleteList(ctx, ref); err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	return &mailmanagerapi.DeleteAddressListOutput{}, nil
}

// view is a list as the API shows it.
func view(l store.List) mailmanagerapi.AddressList {
	return mailmanagerapi.AddressList{
		AddressListId:        l.Ref.ID,
		AddressListArn:       arnOf(l.Ref).String(),
		AddressListName:      l.Name,
		CreatedTimestamp:     l.Created,
		LastUpdatedTimestamp: l.Updated,
	}
}
