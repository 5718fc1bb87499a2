package sesv2

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/limits"
)

func TestContactList_Life(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	_, err := f.GetContactList(me(t), &sesv2api.GetContactListInput{ContactListName: "customers"})
	refused(t, "get before there is one", err, fault.NotFound, "List with name: customers doesn't exist.")

	before := time.Now().Truncate(time.Microsecond)
	in := sesv2api.CreateContactListInput{
		ContactListName: "customers", Description: new("All of them"), Topics: topics("news", "sports!"),
		Tags: []sesv2api.Tag{{Key: "team", Value: "a"}, {Key: "cost", Value: "7"}},
	}
	in.Topics[0].Description = new("What is new")
	must(f.CreateContactList(me(t), &in))
	got := f.list(t, "customers")
	if *got.ContactListName != "customers" || *got.Description != "All of them" || got.CreatedTimestamp.Before(before) ||
		!got.LastUpdatedTimestamp.Equal(*got.CreatedTimestamp) || !slices.Equal(got.Tags, []sesv2api.Tag{{Key: "cost", Value: "7"}, {Key: "team", Value: "a"}}) {
		t.Errorf("created: %+v", got)
	}
	if len(got.Topics) != 2 || *got.Topics[0].Description != "What is new" || got.Topics[0].DisplayName != "About news" ||
		got.Topics[0].DefaultSubscriptionStatus != optIn || got.Topics[1].TopicName != "sports" ||
		got.Topics[1].Description != nil || got.Topics[1].DefaultSubscriptionStatus != optOut {
		t.Errorf("topics: %+v", got.Topics)
	}
	must(f.DeleteContactList(me(t), &sesv2api.DeleteContactListInput{ContactListName: "customers"}))
	_, err = f.DeleteContactList(me(t), &sesv2api.DeleteContactListInput{ContactListName: "customers"})
	refused(t, "delete again", err, fault.NotFound, "List with name: customers doesn't exist.")
	_, err = f.UpdateContactList(me(t), &sesv2api.UpdateContactListInput{ContactListName: "customers"})
	refused(t, "update after the end", err, fault.NotFound, "List with name: customers doesn't exist.")
}

func TestContactList_Bare(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	must(f.CreateContactList(me(t), &sesv2api.CreateContactListInput{ContactListName: "bare"}))
	if got := f.list(t, "bare"); got.Description != nil || got.Topics == nil || len(got.Topics) != 0 || got.Tags == nil || len(got.Tags) != 0 {
		t.Errorf("a list of a name alone: %+v, want no description and empty lists", got)
	}
}

func TestD67_UpdateContactList(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	must(f.CreateContactList(me(t), &sesv2api.CreateContactListInput{ContactListName: "l", Description: new("first"), Topics: topics("news")}))
	created := f.list(t, "l").CreatedTimestamp
	for _, tt := range []struct {
		name        string
		in          sesv2api.UpdateContactListInput
		description string
		topics      []string
	}{
		{"nothing", sesv2api.UpdateContactListInput{}, "first", []string{"news"}},
		{"the description", sesv2api.UpdateContactListInput{Description: new("second")}, "second", []string{"news"}},
		{"the topics", sesv2api.UpdateContactListInput{Topics: topics("sports", "news")}, "second", []string{"sports", "news"}},
		{"both", sesv2api.UpdateContactListInput{Description: new("third"), Topics: topics("a")}, "third", []string{"a"}},
		{"both to nothing", sesv2api.UpdateContactListInput{Description: new(""), Topics: topics()}, "", nil},
	} {
		before := f.list(t, "l").LastUpdatedTimestamp
		tt.in.ContactListName = "l"
		must(f.UpdateContactList(me(t), &tt.in))
		got := f.list(t, "l")
		var names []string
		for _, topic := range got.Topics {
			names = append(names, topic.TopicName)
		}
		if *got.Description != tt.description || !slices.Equal(names, tt.topics) {
			t.Errorf("%s: %q, %v, want %q, %v", tt.name, *got.Description, names, tt.description, tt.topics)
		}
		if !got.LastUpdatedTimestamp.After(*before) || !got.CreatedTimestamp.Equal(*created) {
			t.Errorf("%s: updated %v after %v, created %v, want a later time and %v", tt.name, got.LastUpdatedTimestamp, before, got.CreatedTimestamp, created)
		}
	}
}

func TestD68_OneContactList(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.AWS)
	f.newList(me(t), "first")
	for _, name := range []string{"second", "first"} {
		_, err := f.CreateContactList(me(t), &sesv2api.CreateContactListInput{ContactListName: name})
		refused(t, "another list "+name, err, fault.Invalid, "A maximum of 1 Lists allowed per account.")
	}
	for _, ctx := range strangers(t) {
		f.newList(ctx, "first")
	}
	must(f.DeleteContactList(me(t), &sesv2api.DeleteContactListInput{ContactListName: "first"}))
	f.newList(me(t), "second")

	free := newFixture(t, limits.None)
	free.newList(me(t), "first")
	free.newList(me(t), "second")
	_, err := free.CreateContactList(me(t), &sesv2api.CreateContactListInput{ContactListName: "first"})
	refused(t, "a taken name", err, fault.AlreadyExists, "List with name: first already exists.")

	two := newFixture(t, limits.Profile{ContactLists: 2})
	two.newList(me(t), "first")
	_, err = two.CreateContactList(me(t), &sesv2api.CreateContactListInput{ContactListName: "first"})
	refused(t, "a taken name where two are allowed", err, fault.AlreadyExists, "first already exists")
}

func TestD69_ContactListRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	f.newList(me(t), "there")
	const (
		badList  = "ContactListName can contain up to 64 characters. Only alphanumeric characters, underscores(_) and hyphens(-) are allowed."
		badTopic = "TopicName can contain up to 64 characters. Only alphanumeric characters, underscores(_) and hyphens(-) are allowed."
	)
	long := strings.Repeat("x", 501)
	display := topics("a")
	display[0].DisplayName = long[:129]
	described := topics("a")
	described[0].Description = &long
	var many []string
	for i := range 21 {
		many = append(many, fmt.Sprint("t", i))
	}
	for _, tt := range []struct {
		name string
		in   sesv2api.CreateContactListInput
		want string
	}{
		{"no name", sesv2api.CreateContactListInput{}, "ContactListName can't be blank."},
		{"blank name", sesv2api.CreateContactListInput{ContactListName: " "}, "ContactListName can't be blank."},
		{"long name", sesv2api.CreateContactListInput{ContactListName: long[:65]}, badList},
		{"name with a dot", sesv2api.CreateContactListInput{ContactListName: "a.b"}, badList},
		{"name in other letters", sesv2api.CreateContactListInput{ContactListName: "kühe"}, badList},
		{"name before topics", sesv2api.CreateContactListInput{ContactListName: "a/b", Topics: topics(many...)}, badList},
		{"21 topics", sesv2api.CreateContactListInput{ContactListName: "l", Topics: topics(many...)}, "Maximum of <20> topics allowed per ContactList"},
		{"blank topic", sesv2api.CreateContactListInput{ContactListName: "l", Topics: topics("")}, "TopicName can't be blank."},
		{"topic with an =", sesv2api.CreateContactListInput{ContactListName: "l", Topics: topics("a=b")}, badTopic},
		{"topic with a blank", sesv2api.CreateContactListInput{ContactListName: "l", Topics: topics("a b")}, badTopic},
		{"long topic", sesv2api.CreateContactListInput{ContactListName: "l", Topics: topics(long[:65])}, badTopic},
		{"long display name", sesv2api.CreateContactListInput{ContactListName: "l", Topics: display}, "Topic DisplayName can contain up to <128> characters."},
		{"long topic description", sesv2api.CreateContactListInput{ContactListName: "l", Topics: described}, "Topic Description can contain up to <500> characters."},
		{"the same topic twice", sesv2api.CreateContactListInput{ContactListName: "l", Topics: topics("a", "b", "a")}, "Duplicate topic names are not allowed within a List."},
		{"topics before the description", sesv2api.CreateContactListInput{ContactListName: "l", Topics: topics(""), Description: &long}, "TopicName can't be blank."},
		{"long description", sesv2api.CreateContactListInput{ContactListName: "l", Description: &long}, "List description can contain up to 500 characters."},
	} {
		_, err := f.CreateContactList(me(t), &tt.in)
		refused(t, "create: "+tt.name, err, fault.Invalid, tt.want)
		if tt.in.ContactListName == "l" {
			tt.in.ContactListName = "there"
		}
		_, err = f.UpdateContactList(me(t), &sesv2api.UpdateContactListInput{ContactListName: tt.in.ContactListName, Topics: tt.in.Topics, Description: tt.in.Description})
		refused(t, "update: "+tt.name, err, fault.Invalid, tt.want)
	}
	_, err := f.CreateContactList(me(t), &sesv2api.CreateContactListInput{ContactListName: "l", Tags: []sesv2api.Tag{{Key: "aws:x"}}})
	refused(t, "reserved tag", err, fault.Invalid, "aws:x")
	for what, err := range map[string]error{
		"get":    second(f.GetContactList(me(t), &sesv2api.GetContactListInput{ContactListName: "a.b"})),
		"delete": second(f.DeleteContactList(me(t), &sesv2api.DeleteContactListInput{ContactListName: "a.b"})),
	} {
		refused(t, what+" with a dot", err, fault.Invalid, badList)
	}
	fits := topics("T-_9", "t-_9", long[:64])
	fits[0].DisplayName, fits[0].Description = strings.Repeat("ü", 128), new(strings.Repeat("ü", 500))
	must(f.CreateContactList(me(t), &sesv2api.CreateContactListInput{ContactListName: long[:64], Topics: fits, Description: fits[0].Description}))
	must(f.CreateContactList(me(t), &sesv2api.CreateContactListInput{ContactListName: "twenty", Topics: topics(many[:20]...)}))
}

func second[T any](_ T, err error) error { return err }

func TestD73_LastUpdatedOfContactList(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	f.newList(me(t), "l", "news")
	at := func() time.Time { return *f.list(t, "l").LastUpdatedTimestamp }
	created := at()
	f.mustAdd(t, "l", "a@example.com", "")
	must(f.UpdateContact(me(t), &sesv2api.UpdateContactInput{ContactListName: "l", EmailAddress: "a@example.com"}))
	must(f.DeleteContact(me(t), &sesv2api.DeleteContactInput{ContactListName: "l", EmailAddress: "a@example.com"}))
	if !at().Equal(created) {
		t.Errorf("after changes of contacts: %v, want %v", at(), created)
	}
	must(f.TagResource(me(t), &sesv2api.TagResourceInput{ResourceArn: arnPrefix + "contact-list/l", Tags: []sesv2api.Tag{{Key: "a"}}}))
	tagged := at()
	if !tagged.After(created) {
		t.Errorf("after a tag: %v, want later than %v", tagged, created)
	}
	out := must(f.ListContactLists(me(t), &sesv2api.ListContactListsInput{}))
	if len(out.ContactLists) != 1 || *out.ContactLists[0].ContactListName != "l" || !out.ContactLists[0].LastUpdatedTimestamp.Equal(tagged) {
		t.Errorf("listed: %+v, want l at %v", out.ContactLists, tagged)
	}
}

func TestD79_ContactListPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	if out := must(f.ListContactLists(me(t), &sesv2api.ListContactListsInput{})); out.ContactLists == nil || len(out.ContactLists) != 0 || out.NextToken != nil {
		t.Errorf("no lists: %+v, want an empty list and no token", out)
	}
	var want, got []string
	for i := range 55 {
		want = append(want, f.newList(me(t), fmt.Sprint("l", 99-i)))
	}
	in := &sesv2api.ListContactListsInput{PageSize: new(int64(20))}
	var first *string
	for {
		out := must(f.ListContactLists(me(t), in))
		for _, l := range out.ContactLists {
			got = append(got, *l.ContactListName)
		}
		if in.NextToken = out.NextToken; out.NextToken == nil {
			break
		}
		if first == nil {
			first = out.NextToken
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("in pages: %v, want %v", got, want)
	}
	if out := must(f.ListContactLists(me(t), &sesv2api.ListContactListsInput{NextToken: new("")})); len(out.ContactLists) != 55 {
		t.Errorf("without a size: %d, want all", len(out.ContactLists))
	}
	for _, size := range []int64{-1, 0, 1001} {
		_, err := f.ListContactLists(me(t), &sesv2api.ListContactListsInput{PageSize: &size, NextToken: new("forged")})
		refused(t, fmt.Sprint("page size ", size), err, fault.Invalid, "The page size must be between 1 and 1000")
	}
	_, err := f.ListContactLists(me(t), &sesv2api.ListContactListsInput{NextToken: new("forged")})
	refused(t, "forged token", err, fault.BadToken, "Provided NextToken is invalid")
	for who, ctx := range strangers(t) {
		_, err := f.ListContactLists(ctx, &sesv2api.ListContactListsInput{NextToken: first})
		refused(t, "my token as "+who, err, fault.BadToken, "Provided NextToken is invalid")
		if out := must(f.ListContactLists(ctx, &sesv2api.ListContactListsInput{})); len(out.ContactLists) != 0 {
			t.Errorf("lists as %s: %+v, want none", who, out.ContactLists)
		}
	}
}
