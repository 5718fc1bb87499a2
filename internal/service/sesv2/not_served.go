package sesv2

import (
	"context"

	api "github.com/sluicehq/sluice/internal/api/sesv2"
	"github.com/sluicehq/sluice/internal/fault"
)

// contactLists is the answer to all that would need them.
func contactLists() error {
	return fault.New(fault.Invalid, "Contact lists are not served yet: they come with a later release of Sluice. The suppression list is served.")
}

// CreateContact is not served yet.
func (s *Service) CreateContact(context.Context, *api.CreateContactInput) (*api.CreateContactOutput, error) {
	return nil, contactLists()
}

// CreateContactList is not served yet.
func (s *Service) CreateContactList(context.Context, *api.CreateContactListInput) (*api.CreateContactListOutput, error) {
	return nil, contactLists()
}

// DeleteContact is not served yet.
func (s *Service) DeleteContact(context.Context, *api.DeleteContactInput) (*api.DeleteContactOutput, error) {
	return nil, contactLists()
}

// DeleteContactList is not served yet.
func (s *Service) DeleteContactList(context.Context, *api.DeleteContactListInput) (*api.DeleteContactListOutput, error) {
	return nil, contactLists()
}

// GetContact is not served yet.
func (s *Service) GetContact(context.Context, *api.GetContactInput) (*api.GetContactOutput, error) {
	return nil, contactLists()
}

// GetContactList is not served yet.
func (s *Service) GetContactList(context.Context, *api.GetContactListInput) (*api.GetContactListOutput, error) {
	return nil, contactLists()
}

// ListContactLists is not served yet.
func (s *Service) ListContactLists(context.Context, *api.ListContactListsInput) (*api.ListContactListsOutput, error) {
	return nil, contactLists()
}

// ListContacts is not served yet.
func (s *Service) ListContacts(context.Context, *api.ListContactsInput) (*api.ListContactsOutput, error) {
	return nil, contactLists()
}

// UpdateContact is not served yet.
func (s *Service) UpdateContact(context.Context, *api.UpdateContactInput) (*api.UpdateContactOutput, error) {
	return nil, contactLists()
}

// UpdateContactList is not served yet.
func (s *Service) UpdateContactList(context.Context, *api.UpdateContactListInput) (*api.UpdateContactListOutput, error) {
	return nil, contactLists()
}
