package sesv2

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// noContactList is AWS's text for a list that is not there.
const noContactList = "List with name: %s doesn't exist."

func contactListOf(ctx context.Context, name string) store.ListRef {
	return store.ListRef{Owner: service.OwnerOf(ctx), Kind: destination.ContactList, ID: name}
}

// contactList returns a list of the caller's, with its settings.
func (s *Service) contactList(ctx context.Context, name string) (store.List, contactSettings, error) {
	if err := checkName("ContactListName", name); err != nil {
		return store.List{}, contactSettings{}, err
	}
	l, err := s.store.List(ctx, contactListOf(ctx, name))
	if err != nil {
		return store.List{}, contactSettings{}, service.Reword(err, fault.NotFound, noContactList, name)
	}
	set, err := decodeContactSettings(l.Config)
	return l, set, err
}

// CreateContactList makes an empty list. Its name is taken until it is deleted.
func (s *Service) CreateContactList(ctx context.Context, in *sesv2api.CreateContactListInput) (*sesv2api.CreateContactListOutput, error) {
	name := in.ContactListName
	if err := checkContactList(name, in.Description, in.Topics); err != nil {
		return nil, err
	}
	tags, err := addTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	set := contactSettings{destination.ContactSettings{Topics: []destination.Topic{}}}
	set.put(in.Description, in.Topics)
	now := time.Now().UTC()
	l := store.List{
		Ref: contactListOf(ctx, name), Name: name,
		Created: now, Updated: now, Config: set.Encode(), Tags: tags,
	}
	most := s.opts.Limits.ContactLists
	_, err = s.store.CreateList(ctx, l, store.Once{}, most)
	// Where one list is all there may be, AWS tells of that also if its name is taken.
	if fault.Is(err, fault.LimitExceeded) || fault.Is(err, fault.AlreadyExists) && most == 1 {
		return nil, fault.New(fault.Invalid, "A maximum of %d Lists allowed per account.", most)
	}
	if err != nil {
		return nil, service.Reword(err, fault.AlreadyExists, "List with name: %s already exists.", name)
	}
	return &sesv2api.CreateContactListOutput{}, nil
}

// GetContactList tells about a list. How many contacts it has, no operation tells.
func (s *Service) GetContactList(ctx context.Context, in *sesv2api.GetContactListInput) (*sesv2api.GetContactListOutput, error) {
	l, set, err := s.contactList(ctx, in.ContactListName)
	if err != nil {
		return nil, err
	}
	return &sesv2api.GetContactListOutput{
		ContactListName:      &l.Name,
		Description:          set.Description,
		Topics:               set.views(),
		Tags:                 tagList(l.Tags),
		CreatedTimestamp:     &l.Created,
		LastUpdatedTimestamp: &l.Updated,
	}, nil
}

// UpdateContactList replaces the topics, or the description, or both. What contacts
// prefer for a topic that goes is kept, and counts again if the topic comes back.
func (s *Service) UpdateContactList(ctx context.Context, in *sesv2api.UpdateContactListInput) (*sesv2api.UpdateContactListOutput, error) {
	if err := checkContactList(in.ContactListName, in.Description, in.Topics); err != nil {
		return nil, err
	}
	_, err := s.store.ChangeList(ctx, contactListOf(ctx, in.ContactListName), func(l *store.List) error {
		set, err := decodeContactSettings(l.Config)
		if err != nil {
			return err
		}
		set.put(in.Description, in.Topics)
		l.Config, l.Updated = set.Encode(), time.Now().UTC()
		return nil
	})
	if err != nil {
		return nil, service.Reword(err, fault.NotFound, noContactList, in.ContactListName)
	}
	return &sesv2api.UpdateContactListOutput{}, nil
}

// DeleteContactList deletes a list with all its contacts, however many there are. A
// job that imports into it fails, saying that its list is gone.
func (s *Service) DeleteContactList(ctx context.Context, in *sesv2api.DeleteContactListInput) (*sesv2api.DeleteContactListOutput, error) {
	if err := checkName("ContactListName", in.ContactListName); err != nil {
		return nil, err
	}
	if err := s.store.DeleteList(ctx, contactListOf(ctx, in.ContactListName)); err != nil {
		return nil, service.Reword(err, fault.NotFound, noContactList, in.ContactListName)
	}
	return &sesv2api.DeleteContactListOutput{}, nil
}

// ListContactLists lists the caller's lists, oldest first.
func (s *Service) ListContactLists(ctx context.Context, in *sesv2api.ListContactListsInput) (*sesv2api.ListContactListsOutput, error) {
	listing := service.Listing{Operation: "ListContactLists", Owner: service.OwnerOf(ctx)}
	size, err := contactsPage(in.PageSize, maxPage)
	if err != nil {
		return nil, err
	}
	page, err := s.tokens.Page(listing, in.NextToken, &size, maxPage)
	if err != nil {
		return nil, service.Reword(err, fault.BadToken, badContactsToken)
	}
	lists, after, err := s.store.ListLists(ctx, listing.Owner, destination.ContactList, page)
	if err != nil {
		return nil, err
	}
	out := &sesv2api.ListContactListsOutput{
		NextToken:    s.tokens.Next(listing, after),
		ContactLists: make([]sesv2api.ContactList, 0, len(lists)),
	}
	for _, l := range lists {
		out.ContactLists = append(out.ContactLists, sesv2api.ContactList{ContactListName: new(l.Name), LastUpdatedTimestamp: new(l.Updated)})
	}
	return out, nil
}
