package sesv2

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
)

const (
	optIn  = sesv2api.SubscriptionStatusOptIn
	optOut = sesv2api.SubscriptionStatusOptOut
)

// topics of the tests: a name, or a name and "!", which is one that contacts are out of
// unless they say otherwise.
func topics(names ...string) []sesv2api.Topic {
	list := []sesv2api.Topic{}
	for _, name := range names {
		t := sesv2api.Topic{TopicName: name, DisplayName: "About " + name, DefaultSubscriptionStatus: optIn}
		if short, out := strings.CutSuffix(name, "!"); out {
			t.TopicName, t.DefaultSubscriptionStatus = short, optOut
		}
		list = append(list, t)
	}
	return list
}

// prefers reads "news=OPT_IN sports=OPT_OUT".
func prefers(text string) []sesv2api.TopicPreference {
	var list []sesv2api.TopicPreference
	for word := range strings.FieldsSeq(text) {
		topic, status, _ := strings.Cut(word, "=")
		list = append(list, sesv2api.TopicPreference{TopicName: topic, SubscriptionStatus: sesv2api.SubscriptionStatus(status)})
	}
	return list
}

// preferred writes what prefers reads.
func preferred(list []sesv2api.TopicPreference) string {
	var words []string
	for _, p := range list {
		words = append(words, p.TopicName+"="+string(p.SubscriptionStatus))
	}
	return strings.Join(words, " ")
}

// newList makes a contact list, and returns its name.
func (f *fixture) newList(ctx context.Context, name string, topicNames ...string) string {
	must(f.CreateContactList(ctx, &sesv2api.CreateContactListInput{ContactListName: name, Topics: topics(topicNames...)}))
	return name
}

func (f *fixture) list(t *testing.T, name string) *sesv2api.GetContactListOutput {
	t.Helper()
	return must(f.GetContactList(me(t), &sesv2api.GetContactListInput{ContactListName: name}))
}

// add makes a contact with preferences.
func (f *fixture) add(ctx context.Context, list, address, preferences string) error {
	_, err := f.CreateContact(ctx, &sesv2api.CreateContactInput{ContactListName: list, EmailAddress: address, TopicPreferences: prefers(preferences)})
	return err
}

func (f *fixture) mustAdd(t *testing.T, list, address, preferences string) {
	t.Helper()
	if err := f.add(me(t), list, address, preferences); err != nil {
		t.Fatalf("CreateContact %s: %v", address, err)
	}
}

func (f *fixture) contact(ctx context.Context, list, address string) (*sesv2api.GetContactOutput, error) {
	return f.GetContact(ctx, &sesv2api.GetContactInput{ContactListName: list, EmailAddress: address})
}

// contactLine writes a contact in one line: preferences, defaults in parentheses,
// whether it gets no mail, and its attributes.
func (f *fixture) contactLine(t *testing.T, list, address string) string {
	t.Helper()
	c := must(f.contact(me(t), list, address))
	words := []string{preferred(c.TopicPreferences), "(" + preferred(c.TopicDefaultPreferences) + ")"}
	if *c.UnsubscribeAll {
		words = append(words, "out of all")
	}
	if c.AttributesData != nil {
		words = append(words, *c.AttributesData)
	}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// contacts lists the names before the @ of one page.
func (f *fixture) contacts(t *testing.T, in sesv2api.ListContactsInput) (names []string, next *string) {
	t.Helper()
	out := must(f.ListContacts(me(t), &in))
	for _, c := range out.Contacts {
		name, _, _ := strings.Cut(*c.EmailAddress, "@")
		names = append(names, name)
	}
	return names, out.NextToken
}
