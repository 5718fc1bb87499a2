package sesv2

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// AWS's texts for a topic that the list does not have, and for a contact.
const (
	noTopic   = "List: %s doesn't contain Topic: %s"
	noContact = "%s doesn't exist in List."
)

// contactKey gives an address the form that it has on a list.
func contactKey(address string) (string, error) {
	if strings.TrimSpace(address) == "" {
		return "", fault.New(fault.Invalid, "EmailAddress can't be blank.")
	}
	key, refused := destination.Address(nil, []byte(address))
	if refused != nil {
		return "", fault.New(fault.Invalid, "EmailAddress <%s> is invalid", address)
	}
	return string(key), nil
}

// contactOf finds the list that a call is about, and the key that an address has on it.
// AWS looks at the address first.
func (s *Service) contactOf(ctx context.Context, list, address string) (store.List, contactSettings, string, error) {
	key, err := contactKey(address)
	if err != nil {
		return store.List{}, contactSettings{}, "", err
	}
	l, set, err := s.contactList(ctx, list)
	return l, set, key, err
}

// checkAttributes refuses attributes that are too long.
func checkAttributes(text *string) error {
	if text != nil && len(*text) > destination.MaxAttributes {
		return fault.New(fault.Invalid, "AttributesData has %d bytes, at most %d are allowed", len(*text), destination.MaxAttributes)
	}
	return nil
}

// preferences reads what is asked for, for topics that the list must all have, and puts
// it into their order. Of a topic that comes twice the last status counts.
func preferences(list string, set contactSettings, asked []sesv2api.TopicPreference) ([]sesv2api.TopicPreference, error) {
	status := make(map[string]sesv2api.SubscriptionStatus, len(set.Topics))
	for _, p := range asked {
		if set.Topic(p.TopicName) == nil {
			return nil, fault.New(fault.Invalid, noTopic, list, p.TopicName)
		}
		status[p.TopicName] = p.SubscriptionStatus
	}
	var ordered []sesv2api.TopicPreference
	for _, t := range set.Topics {
		if s, ok := status[t.Name]; ok {
			ordered = append(ordered, sesv2api.TopicPreference{TopicName: t.Name, SubscriptionStatus: s})
		}
	}
	return ordered, nil
}

// newContact makes the value of a contact. It keeps what it preferred before for topics
// of which nothing is said now, those that the list has lost among them.
func newContact(before destination.Contact, now []sesv2api.TopicPreference, unsubscribe *bool, attributes *string) destination.Contact {
	c := destination.NewContact(nil, unsubscribe != nil && *unsubscribe)
	for _, p := range now {
		c = c.With(p.TopicName, string(p.SubscriptionStatus))
	}
	for topic, status := range before.Preferences() {
		if !slices.ContainsFunc(now, func(p sesv2api.TopicPreference) bool { return p.TopicName == topic }) {
			c = c.With(topic, status)
		}
	}
	if attributes != nil {
		c = c.WithAttributes([]byte(*attributes))
	}
	return c
}

// CreateContact puts an address on a list on which it is not.
func (s *Service) CreateContact(ctx context.Context, in *sesv2api.CreateContactInput) (*sesv2api.CreateContactOutput, error) {
	if err := checkAttributes(in.AttributesData); err != nil {
		return nil, err
	}
	l, set, key, err := s.contactOf(ctx, in.ContactListName, in.EmailAddress)
	if err != nil {
		return nil, err
	}
	asked, err := preferences(l.Name, set, in.TopicPreferences)
	if err != nil {
		return nil, err
	}
	value := newContact(nil, asked, in.UnsubscribeAll, in.AttributesData)
	err = s.store.PutMember(ctx, l.Ref, key, value, time.Now().UTC(), store.PutOptions{New: true})
	err = service.Reword(err, fault.AlreadyExists, "%s already exists in List.", in.EmailAddress)
	if err != nil {
		return nil, missing(err, l.Name, in.EmailAddress)
	}
	return &sesv2api.CreateContactOutput{}, nil
}

// missing words the error of a contact or a contact list that does not exist.
func missing(err error, list, address string) error {
	if errors.Is(err, store.ErrNoMember) {
		return fault.New(fault.NotFound, noContact, address)
	}
	return service.Reword(err, fault.NotFound, noContactList, list)
}

// GetContact tells about a contact, its preferences in the order of the list's topics.
func (s *Service) GetContact(ctx context.Context, in *sesv2api.GetContactInput) (*sesv2api.GetContactOutput, error) {
	l, set, key, err := s.contactOf(ctx, in.ContactListName, in.EmailAddress)
	if err != nil {
		return nil, err
	}
	m, err := s.store.Member(ctx, l.Ref, key)
	if err != nil {
		return nil, missing(err, l.Name, in.EmailAddress)
	}
	contact := destination.Contact(m.Value)
	own, defaults := set.preferences(contact)
	out := &sesv2api.GetContactOutput{
		ContactListName:         &l.Name,
		EmailAddress:            &m.Key,
		TopicPreferences:        own,
		TopicDefaultPreferences: defaults,
		UnsubscribeAll:          new(contact.Unsubscribed()),
		CreatedTimestamp:        &m.Created,
		LastUpdatedTimestamp:    &m.Updated,
	}
	if attributes, ok := contact.Attributes(); ok {
		out.AttributesData = new(string(attributes))
	}
	return out, nil
}

// UpdateContact changes a contact: preferences by topic, and what it does not name of
// them stays; UnsubscribeAll and AttributesData as they are given, and if they are not,
// they are taken back.
func (s *Service) UpdateContact(ctx context.Context, in *sesv2api.UpdateContactInput) (*sesv2api.UpdateContactOutput, error) {
	if err := checkAttributes(in.AttributesData); err != nil {
		return nil, err
	}
	l, set, key, err := s.contactOf(ctx, in.ContactListName, in.EmailAddress)
	if err != nil {
		return nil, err
	}
	asked, err := preferences(l.Name, set, in.TopicPreferences)
	if err != nil {
		return nil, err
	}
	_, err = s.store.ChangeMember(ctx, l.Ref, key, time.Now().UTC(), func(m *store.Member) error {
		m.Value = newContact(m.Value, asked, in.UnsubscribeAll, in.AttributesData)
		return nil
	})
	if err != nil {
		return nil, missing(err, l.Name, in.EmailAddress)
	}
	return &sesv2api.UpdateContactOutput{}, nil
}

// DeleteContact takes an address off a list.
func (s *Service) DeleteContact(ctx context.Context, in *sesv2api.DeleteContactInput) (*sesv2api.DeleteContactOutput, error) {
	l, _, key, err := s.contactOf(ctx, in.ContactListName, in.EmailAddress)
	if err != nil {
		return nil, err
	}
	if err := s.store.DeleteMember(ctx, l.Ref, key); err != nil {
		return nil, missing(err, l.Name, in.EmailAddress)
	}
	return &sesv2api.DeleteContactOutput{}, nil
}
