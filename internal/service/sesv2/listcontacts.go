package sesv2

import (
	"context"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// usualContacts is AWS's page of contacts for those who ask for no size.
const usualContacts = 50

// badContactsToken is AWS's text for the token of another listing.
const badContactsToken = "Provided NextToken is invalid"

// contactsPage reads a size, in AWS's words for contacts and their lists.
func contactsPage(size *int64, usual int64) (int64, error) {
	switch {
	case size == nil:
		return usual, nil
	case *size < 1 || *size > maxPage:
		return 0, fault.New(fault.Invalid, "The page size must be between 1 and %d", maxPage)
	}
	return *size, nil
}

// ListContacts lists the contacts of a list that the filter selects, in the order of
// their addresses' bytes. What is wrong is told in AWS's order: the page's size, the
// filter's form, the token, the list, the topic.
func (s *Service) ListContacts(ctx context.Context, in *sesv2api.ListContactsInput) (*sesv2api.ListContactsOutput, error) {
	size, err := contactsPage(in.PageSize, usualContacts)
	if err != nil {
		return nil, err
	}
	filter, err := readFilter(in.Filter)
	if err != nil {
		return nil, err
	}
	listing := service.Listing{
		Operation: "ListContacts", Owner: service.OwnerOf(ctx), Filter: append(filter.words(), in.ContactListName),
	}
	page, err := s.tokens.Page(listing, in.NextToken, &size, maxPage)
	if err != nil {
		return nil, service.Reword(err, fault.BadToken, badContactsToken)
	}
	l, set, err := s.contactList(ctx, in.ContactListName)
	if err != nil {
		return nil, err
	}
	selects, err := filter.over(l.Name, set)
	if err != nil {
		return nil, err
	}
	out := &sesv2api.ListContactsOutput{Contacts: []sesv2api.Contact{}}
	examined := 0
	if match := selects.Match; match != nil {
		selects.Match = func(m store.Member) bool { examined++; return match(m) }
	}
	for after := page.After; ; {
		part := store.Page{
			After: after, Limit: min(contactsAtOnce, page.Limit-len(out.Contacts)), Budget: store.MemberBudget - examined,
		}
		var members []store.Member
		members, after, err = s.store.ListMembers(ctx, l.Ref, selects, part)
		if err != nil {
			return nil, service.Reword(err, fault.NotFound, noContactList, l.Name)
		}
		for _, m := range members {
			out.Contacts = append(out.Contacts, set.contact(m))
		}
		// Without a filter a page ends where it is full, long before the budget does.
		if after == "" || len(out.Contacts) == page.Limit || examined >= store.MemberBudget {
			out.NextToken = s.tokens.Next(listing, after)
			return out, nil
		}
	}
}

// contactsAtOnce is how many contacts of a page are in memory together with their
// attributes, which the page does not show.
const contactsAtOnce = 100

// contact is a contact as a listing shows it: without attributes and created time.
func (c contactSettings) contact(m store.Member) sesv2api.Contact {
	contact := destination.Contact(m.Value)
	own, defaults := c.preferences(contact)
	return sesv2api.Contact{
		EmailAddress: &m.Key, TopicPreferences: own, TopicDefaultPreferences: defaults,
		UnsubscribeAll: new(contact.Unsubscribed()), LastUpdatedTimestamp: &m.Updated,
	}
}

// contactFilter selects contacts by their status: towards the list, or towards one of
// its topics. The zero value selects all.
type contactFilter struct {
	status     string
	topic      string // empty is the whole list
	useDefault bool   // a contact without a preference has the topic's default
}

// readFilter checks a filter's form.
func readFilter(in *sesv2api.ListContactsFilter) (contactFilter, error) {
	if in == nil {
		return contactFilter{}, nil
	}
	if in.FilteredStatus == "" {
		return contactFilter{}, fault.New(fault.Invalid, "Invalid FilteredStatus <null>")
	}
	f := contactFilter{status: string(in.FilteredStatus)}
	if t := in.TopicFilter; t != nil {
		if t.TopicName == nil || strings.TrimSpace(*t.TopicName) == "" {
			return contactFilter{}, fault.New(fault.Invalid, "TopicName can't be blank in TopicFilter.")
		}
		f.topic = *t.TopicName
		f.useDefault = t.UseDefaultIfPreferenceUnavailable != nil && *t.UseDefaultIfPreferenceUnavailable
	}
	return f, nil
}

// words are all that decides which contacts are selected.
func (f contactFilter) words() []string {
	return []string{f.status, f.topic, strconv.FormatBool(f.useDefault)}
}

// over makes the store's filter for a list, which must have the topic.
func (f contactFilter) over(list string, set contactSettings) (store.MemberFilter, error) {
	if f.status == "" {
		return store.MemberFilter{}, nil
	}
	if f.topic == "" {
		return store.MemberFilter{Match: func(m store.Member) bool { return f.selects(m.Value, nil) }}, nil
	}
	t := set.Topic(f.topic)
	if t == nil {
		return store.MemberFilter{}, fault.New(fault.NotFound, noTopic, list, f.topic)
	}
	return store.MemberFilter{Match: func(m store.Member) bool { return f.selects(m.Value, t) }}, nil
}

// selects decides about one contact. Who gets no mail at all has opted out of every
// topic, whatever its preference for it. Without a preference, and if the default
// does not stand in for it, a contact has neither status.
func (f contactFilter) selects(c destination.Contact, t *destination.Topic) bool {
	if t == nil || c.Unsubscribed() {
		return c.Unsubscribed() == (f.status == destination.OptOut)
	}
	status, ok := c.Preference(t.Name)
	if !ok && f.useDefault {
		status = t.Default
	}
	return status == f.status
}
