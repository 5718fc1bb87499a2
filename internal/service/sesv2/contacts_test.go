package sesv2

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/limits"
)

func TestContact_Life(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	f.newList(me(t), "l", "news", "sports!", "food")
	const missing = "a/b+c@Example.com doesn't exist in List."
	_, err := f.contact(me(t), "l", "a/b+c@Example.com")
	refused(t, "get before it is there", err, fault.NotFound, missing)

	before := time.Now().Truncate(time.Microsecond)
	must(f.CreateContact(me(t), &sesv2api.CreateContactInput{
		ContactListName: "l", EmailAddress: " a/b+c@Example.com ", TopicPreferences: prefers("food=OPT_OUT news=OPT_IN"),
		AttributesData: new(`{"name":"Ann"}`),
	}))
	got := must(f.contact(me(t), "l", "a/b+c@example.COM"))
	if *got.ContactListName != "l" || *got.EmailAddress != "a/b+c@example.com" || *got.UnsubscribeAll || *got.AttributesData != `{"name":"Ann"}` ||
		got.CreatedTimestamp.Before(before) || !got.LastUpdatedTimestamp.Equal(*got.CreatedTimestamp) {
		t.Errorf("created: %+v", got)
	}
	if own, defaults := preferred(got.TopicPreferences), preferred(got.TopicDefaultPreferences); own != "news=OPT_IN food=OPT_OUT" || defaults != "sports=OPT_OUT" {
		t.Errorf("preferences: %s and %s, in the order of the list's topics", own, defaults)
	}
	refused(t, "create again", f.add(me(t), "l", "a/b+c@EXAMPLE.com", ""), fault.AlreadyExists, "a/b+c@EXAMPLE.com already exists in List.")
	if line := f.contactLine(t, "l", "a/b+c@example.com"); line != `news=OPT_IN food=OPT_OUT (sports=OPT_OUT) {"name":"Ann"}` {
		t.Errorf("after a refused create: %s", line)
	}

	must(f.DeleteContact(me(t), &sesv2api.DeleteContactInput{ContactListName: "l", EmailAddress: "a/b+c@Example.com"}))
	_, err = f.DeleteContact(me(t), &sesv2api.DeleteContactInput{ContactListName: "l", EmailAddress: "a/b+c@Example.com"})
	refused(t, "delete again", err, fault.NotFound, missing)
	_, err = f.UpdateContact(me(t), &sesv2api.UpdateContactInput{ContactListName: "l", EmailAddress: "a/b+c@Example.com"})
	refused(t, "update after the end", err, fault.NotFound, missing)
}

func TestContact_Bare(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	f.newList(me(t), "l")
	f.mustAdd(t, "l", "a@example.com", "")
	got := must(f.contact(me(t), "l", "a@example.com"))
	if got.AttributesData != nil || *got.UnsubscribeAll || got.TopicPreferences == nil || got.TopicDefaultPreferences == nil {
		t.Errorf("a contact of an address alone: %+v, want no attributes and empty lists", got)
	}
}

// TestD22_DefaultOfTopic: a default is the topic's, and counts as it is now.
func TestD22_DefaultOfTopic(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	f.newList(me(t), "l", "news", "sports")
	f.mustAdd(t, "l", "a@example.com", "sports=OPT_IN")
	must(f.UpdateContactList(me(t), &sesv2api.UpdateContactListInput{ContactListName: "l", Topics: topics("news!", "sports!", "food")}))
	if line := f.contactLine(t, "l", "a@example.com"); line != "sports=OPT_IN (news=OPT_OUT food=OPT_IN)" {
		t.Errorf("after the defaults changed: %s", line)
	}
}

func TestD70_TopicThatGoes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	f.newList(me(t), "l", "news", "sports")
	f.mustAdd(t, "l", "a@example.com", "news=OPT_OUT sports=OPT_OUT")
	set := func(names ...string) {
		must(f.UpdateContactList(me(t), &sesv2api.UpdateContactListInput{ContactListName: "l", Topics: topics(names...)}))
	}
	set("sports")
	if line := f.contactLine(t, "l", "a@example.com"); line != "sports=OPT_OUT ()" {
		t.Errorf("without the topic: %s", line)
	}
	refused(t, "a preference for it", f.add(me(t), "l", "b@example.com", "news=OPT_IN"), fault.Invalid, "List: l doesn't contain Topic: news")
	must(f.UpdateContact(me(t), &sesv2api.UpdateContactInput{ContactListName: "l", EmailAddress: "a@example.com", TopicPreferences: prefers("sports=OPT_IN")}))
	set("food", "news", "sports")
	if line := f.contactLine(t, "l", "a@example.com"); line != "news=OPT_OUT sports=OPT_IN (food=OPT_IN)" {
		t.Errorf("with the topic again: %s, want what it preferred before", line)
	}
}

func TestD110_LongAttributes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	f.newList(me(t), "l")
	most := strings.Repeat("x", destination.MaxAttributes)
	create := &sesv2api.CreateContactInput{ContactListName: "l", EmailAddress: "a@example.com", AttributesData: new(most + "x")}
	_, err := f.CreateContact(me(t), create)
	refused(t, "create", err, fault.Invalid, "AttributesData has 65537 bytes, at most 65536 are allowed")
	create.AttributesData = &most
	must(f.CreateContact(me(t), create))
	update := &sesv2api.UpdateContactInput{ContactListName: "l", EmailAddress: "a@example.com", AttributesData: new(most + "x")}
	_, err = f.UpdateContact(me(t), update)
	refused(t, "update", err, fault.Invalid, "AttributesData has 65537 bytes, at most 65536 are allowed")
	if got := must(f.contact(me(t), "l", "a@example.com")).AttributesData; *got != most {
		t.Errorf("attributes of %d bytes, want %d", len(*got), len(most))
	}
}

func TestD71_UpdateContact(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	f.newList(me(t), "l", "news", "sports", "food!")
	must(f.CreateContact(me(t), &sesv2api.CreateContactInput{
		ContactListName: "l", EmailAddress: "a@example.com", TopicPreferences: prefers("news=OPT_OUT news=OPT_IN"),
		AttributesData: new("first"), UnsubscribeAll: new(true),
	}))
	created := must(f.contact(me(t), "l", "a@example.com"))
	if line := f.contactLine(t, "l", "a@example.com"); line != "news=OPT_IN (sports=OPT_IN food=OPT_OUT) out of all first" {
		t.Fatalf("created: %s", line)
	}
	for _, tt := range []struct {
		name string
		in   sesv2api.UpdateContactInput
		want string
	}{
		{"a topic and attributes", sesv2api.UpdateContactInput{TopicPreferences: prefers("sports=OPT_OUT"), AttributesData: new("second")}, "news=OPT_IN sports=OPT_OUT (food=OPT_OUT) second"},
		{"a topic alone", sesv2api.UpdateContactInput{TopicPreferences: prefers("news=OPT_OUT")}, "news=OPT_OUT sports=OPT_OUT (food=OPT_OUT)"},
		{"a topic twice", sesv2api.UpdateContactInput{TopicPreferences: prefers("food=OPT_OUT food=OPT_IN")}, "news=OPT_OUT sports=OPT_OUT food=OPT_IN ()"},
		{"all mail", sesv2api.UpdateContactInput{UnsubscribeAll: new(true)}, "news=OPT_OUT sports=OPT_OUT food=OPT_IN () out of all"},
		{"attributes of no letters", sesv2api.UpdateContactInput{AttributesData: new(""), UnsubscribeAll: new(false)}, "news=OPT_OUT sports=OPT_OUT food=OPT_IN ()"},
		{"attributes of lines", sesv2api.UpdateContactInput{AttributesData: new("x=1\ny=2\x00")}, "news=OPT_OUT sports=OPT_OUT food=OPT_IN () x=1\ny=2\x00"},
		{"no topics, said", sesv2api.UpdateContactInput{TopicPreferences: []sesv2api.TopicPreference{}}, "news=OPT_OUT sports=OPT_OUT food=OPT_IN ()"},
		{"nothing", sesv2api.UpdateContactInput{}, "news=OPT_OUT sports=OPT_OUT food=OPT_IN ()"},
	} {
		before := must(f.contact(me(t), "l", "a@example.com")).LastUpdatedTimestamp
		tt.in.ContactListName, tt.in.EmailAddress = "l", "a@Example.com"
		must(f.UpdateContact(me(t), &tt.in))
		if line := f.contactLine(t, "l", "a@example.com"); line != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, line, tt.want)
		}
		got := must(f.contact(me(t), "l", "a@example.com"))
		if !got.LastUpdatedTimestamp.After(*before) || !got.CreatedTimestamp.Equal(*created.CreatedTimestamp) {
			t.Errorf("%s: updated %v after %v, created %v; want a later time and %v", tt.name, got.LastUpdatedTimestamp, before, got.CreatedTimestamp, created.CreatedTimestamp)
		}
		if tt.in.AttributesData != nil && (got.AttributesData == nil || *got.AttributesData != *tt.in.AttributesData) {
			t.Errorf("%s: attributes %v, want %q", tt.name, got.AttributesData, *tt.in.AttributesData)
		}
	}
	_, err := f.UpdateContact(me(t), &sesv2api.UpdateContactInput{ContactListName: "l", EmailAddress: "a@example.com", TopicPreferences: prefers("news=OPT_IN none=OPT_IN")})
	refused(t, "an unknown topic", err, fault.Invalid, "List: l doesn't contain Topic: none")
	if line := f.contactLine(t, "l", "a@example.com"); line != "news=OPT_OUT sports=OPT_OUT food=OPT_IN ()" {
		t.Errorf("after a refusal: %s, want it as it was", line)
	}
}

func TestUpdateContact_AtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprint("t", i, "!"))
	}
	f.newList(me(t), "l", names...)
	f.mustAdd(t, "l", "a@example.com", "")
	var all sync.WaitGroup
	for i := range names {
		all.Go(func() {
			must(f.UpdateContact(me(t), &sesv2api.UpdateContactInput{
				ContactListName: "l", EmailAddress: "a@example.com", TopicPreferences: prefers(fmt.Sprintf("t%d=OPT_IN", i)),
			}))
		})
	}
	all.Wait()
	if got := must(f.contact(me(t), "l", "a@example.com")); len(got.TopicPreferences) != 20 || len(got.TopicDefaultPreferences) != 0 {
		t.Errorf("after 20 updates at once: %s, want all 20 topics", preferred(got.TopicPreferences))
	}
}

func TestCreateContact_AtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	f.newList(me(t), "l", "news")
	errs := make([]error, 10)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = f.add(me(t), "l", "a@example.com", "") })
	}
	all.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
			continue
		}
		refused(t, "create at once", err, fault.AlreadyExists, "a@example.com already exists in List.")
	}
	if made != 1 {
		t.Errorf("%d of 10 creates at once succeed, want one", made)
	}
}

// TestD74_ContactAddresses: an address is one in whatever form it is written, and what
// is wrong is told in AWS's order: address, list, topic.
func TestD74_ContactAddresses(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	f.newList(me(t), "l", "news")
	f.mustAdd(t, "l", "Ann@Bücher.example.com.", "")
	for _, address := range []string{"Ann@xn--bcher-kva.example.com", " Ann@BÜCHER.example.com"} {
		if got := must(f.contact(me(t), "l", address)); *got.EmailAddress != "Ann@xn--bcher-kva.example.com" {
			t.Errorf("get %s: %s", address, *got.EmailAddress)
		}
	}
	_, err := f.contact(me(t), "l", "ann@xn--bcher-kva.example.com")
	refused(t, "get with another local part", err, fault.NotFound, "ann@xn--bcher-kva.example.com doesn't exist in List.")

	for _, tt := range []struct {
		list, address string
		kind          fault.Kind
		want          string
	}{
		{"no.list", "", fault.Invalid, "EmailAddress can't be blank."},
		{"no.list", " \t", fault.Invalid, "EmailAddress can't be blank."},
		{"no.list", "nobody", fault.Invalid, "EmailAddress <nobody> is invalid"},
		{"no.list", "a b@example.com", fault.Invalid, "EmailAddress <a b@example.com> is invalid"},
		{"no.list", "a@example.com", fault.Invalid, "ContactListName can contain up to 64 characters."},
		{"nothing", "a@example.com", fault.NotFound, "List with name: nothing doesn't exist."},
		{"l", "a@example.com", 0, "a@example.com doesn't exist in List."},
	} {
		_, get := f.contact(me(t), tt.list, tt.address)
		_, update := f.UpdateContact(me(t), &sesv2api.UpdateContactInput{ContactListName: tt.list, EmailAddress: tt.address})
		_, remove := f.DeleteContact(me(t), &sesv2api.DeleteContactInput{ContactListName: tt.list, EmailAddress: tt.address})
		errs := map[string]error{"get": get, "update": update, "delete": remove}
		if tt.kind != 0 {
			errs["create"] = f.add(me(t), tt.list, tt.address, "none=OPT_IN")
		} else {
			tt.kind = fault.NotFound
		}
		for what, err := range errs {
			refused(t, fmt.Sprintf("%s %q on %s", what, tt.address, tt.list), err, tt.kind, tt.want)
		}
	}
	refused(t, "create with an unknown topic", f.add(me(t), "l", "a@example.com", "none=OPT_IN"), fault.Invalid, "List: l doesn't contain Topic: none")
}

func TestContacts_Owners(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	f.newList(me(t), "l", "news")
	f.mustAdd(t, "l", "a@example.com", "news=OPT_OUT")
	const missing = "List with name: l doesn't exist."
	for who, ctx := range strangers(t) {
		for what, err := range map[string]error{
			"get the list":    second(f.GetContactList(ctx, &sesv2api.GetContactListInput{ContactListName: "l"})),
			"update the list": second(f.UpdateContactList(ctx, &sesv2api.UpdateContactListInput{ContactListName: "l"})),
			"delete the list": second(f.DeleteContactList(ctx, &sesv2api.DeleteContactListInput{ContactListName: "l"})),
			"list contacts":   second(f.ListContacts(ctx, &sesv2api.ListContactsInput{ContactListName: "l"})),
			"get":             second(f.contact(ctx, "l", "a@example.com")),
			"create":          f.add(ctx, "l", "b@example.com", ""),
			"update":          second(f.UpdateContact(ctx, &sesv2api.UpdateContactInput{ContactListName: "l", EmailAddress: "a@example.com"})),
			"delete":          second(f.DeleteContact(ctx, &sesv2api.DeleteContactInput{ContactListName: "l", EmailAddress: "a@example.com"})),
		} {
			refused(t, what+" as "+who, err, fault.NotFound, missing)
		}
		f.newList(ctx, "l", "food")
		if err := f.add(ctx, "l", "a@example.com", "food=OPT_OUT"); err != nil {
			t.Errorf("create as %s: %v", who, err)
		}
		must(f.DeleteContactList(ctx, &sesv2api.DeleteContactListInput{ContactListName: "l"}))
	}
	if line := f.contactLine(t, "l", "a@example.com"); line != "news=OPT_OUT ()" {
		t.Errorf("mine after others' changes: %s", line)
	}
}

func TestDeleteContactList_Contacts(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	f.newList(me(t), "l", "news")
	f.newList(me(t), "other", "news")
	for _, list := range []string{"l", "other"} {
		f.mustAdd(t, list, "a@example.com", "")
	}
	must(f.DeleteContactList(me(t), &sesv2api.DeleteContactListInput{ContactListName: "l"}))
	_, err := f.contact(me(t), "l", "a@example.com")
	refused(t, "get of a deleted list", err, fault.NotFound, "List with name: l doesn't exist.")
	f.newList(me(t), "l")
	if names, _ := f.contacts(t, sesv2api.ListContactsInput{ContactListName: "l"}); len(names) != 0 {
		t.Errorf("a new list of the same name: %v, want none", names)
	}
	if names, _ := f.contacts(t, sesv2api.ListContactsInput{ContactListName: "other"}); len(names) != 1 {
		t.Errorf("the other list: %v, want its contact", names)
	}
}
