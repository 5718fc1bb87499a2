package sesv2

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/limits"
)

// filters of the tests: a status; a status and a topic; and with a "+" also by default.
func filter(text string) *sesv2api.ListContactsFilter {
	if text == "" {
		return nil
	}
	status, topic, byTopic := strings.Cut(text, " ")
	f := &sesv2api.ListContactsFilter{FilteredStatus: sesv2api.SubscriptionStatus(status)}
	if byTopic {
		name, byDefault := strings.CutSuffix(topic, "+")
		f.TopicFilter = &sesv2api.TopicFilter{TopicName: &name, UseDefaultIfPreferenceUnavailable: &byDefault}
	}
	return f
}

// newAudience makes a list with contacts of every sort.
func newAudience(t *testing.T, f *fixture) {
	t.Helper()
	f.newList(me(t), "l", "in", "out!")
	for _, c := range []struct {
		name, preferences string
		unsubscribed      bool
	}{
		{"bare", "", false},
		{"both", "in=OPT_IN out=OPT_IN", false},
		{"neither", "in=OPT_OUT out=OPT_OUT", false},
		{"no-in", "in=OPT_OUT", false},
		{"off-and-bare", "", true},
		{"off-but-both", "in=OPT_IN out=OPT_IN", true},
		{"yes-out", "out=OPT_IN", false},
	} {
		must(f.CreateContact(me(t), &sesv2api.CreateContactInput{
			ContactListName: "l", EmailAddress: c.name + "@example.com", TopicPreferences: prefers(c.preferences), UnsubscribeAll: &c.unsubscribed,
		}))
	}
}

func TestD72_ContactFilters(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	newAudience(t, f)
	for text, want := range map[string]string{
		"":             "bare both neither no-in off-and-bare off-but-both yes-out",
		"OPT_IN":       "bare both neither no-in yes-out",
		"OPT_OUT":      "off-and-bare off-but-both",
		"OPT_IN in":    "both",
		"OPT_IN in+":   "bare both yes-out",
		"OPT_OUT in":   "neither no-in off-and-bare off-but-both",
		"OPT_OUT in+":  "neither no-in off-and-bare off-but-both",
		"OPT_IN out":   "both yes-out",
		"OPT_IN out+":  "both yes-out",
		"OPT_OUT out":  "neither off-and-bare off-but-both",
		"OPT_OUT out+": "bare neither no-in off-and-bare off-but-both",
	} {
		in := sesv2api.ListContactsInput{ContactListName: "l", Filter: filter(text)}
		if got, next := f.contacts(t, in); strings.Join(got, " ") != want || next != nil {
			t.Errorf("%q: %v, token %v; want %s and no token", text, got, next, want)
		}
		// In pages of two, every one but the last is full.
		var pages [][]string
		for in.PageSize = new(int64(2)); ; {
			part, next := f.contacts(t, in)
			if pages = append(pages, part); next == nil {
				break
			}
			if len(part) != 2 {
				t.Errorf("%q: a page of %d before the end", text, len(part))
			}
			in.NextToken = next
		}
		if got := strings.Join(slices.Concat(pages...), " "); got != want {
			t.Errorf("%q in pages: %s, want %s", text, got, want)
		}
	}
}

func TestListContacts_Entries(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	newAudience(t, f)
	out := must(f.ListContacts(me(t), &sesv2api.ListContactsInput{ContactListName: "l", Filter: filter("OPT_OUT in"), PageSize: new(int64(1))}))
	if len(out.Contacts) != 1 {
		t.Fatalf("a page of one: %+v", out.Contacts)
	}
	got, whole := out.Contacts[0], must(f.contact(me(t), "l", "neither@example.com"))
	if *got.EmailAddress != "neither@example.com" || *got.UnsubscribeAll || !got.LastUpdatedTimestamp.Equal(*whole.LastUpdatedTimestamp) ||
		preferred(got.TopicPreferences) != "in=OPT_OUT out=OPT_OUT" || got.TopicDefaultPreferences == nil || len(got.TopicDefaultPreferences) != 0 {
		t.Errorf("entry: %+v", got)
	}
	f.newList(me(t), "empty")
	if out := must(f.ListContacts(me(t), &sesv2api.ListContactsInput{ContactListName: "empty"})); out.Contacts == nil || len(out.Contacts) != 0 || out.NextToken != nil {
		t.Errorf("of an empty list: %+v, want an empty list and no token", out)
	}
}

func TestD72_ContactPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	f.newList(me(t), "l")
	var want []string
	for i := range 120 {
		want = append(want, fmt.Sprintf("m%03d", i))
		f.mustAdd(t, "l", want[i]+"@example.com", "")
	}
	in := sesv2api.ListContactsInput{ContactListName: "l"}
	got, next := f.contacts(t, in)
	if len(got) != 50 || next == nil {
		t.Fatalf("without a size: %d, token %v; want 50 and a token", len(got), next)
	}
	for _, name := range []string{"a", "m075a"} { // before and behind the page
		f.mustAdd(t, "l", name+"@example.com", "")
	}
	must(f.DeleteContact(me(t), &sesv2api.DeleteContactInput{ContactListName: "l", EmailAddress: "m100@example.com"}))
	want = slices.Insert(slices.Delete(want, 100, 101), 76, "m075a")
	in.NextToken, in.PageSize = next, new(int64(1000))
	rest, next := f.contacts(t, in)
	if got = append(got, rest...); !slices.Equal(got, want) || next != nil {
		t.Errorf("pages: %v, token %v; want %v and no token", got, next, want)
	}
}

func TestListContacts_Refusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	newAudience(t, f)
	f.newList(me(t), "other", "in")
	const badSize, badToken = "The page size must be between 1 and 1000", "Provided NextToken is invalid"
	_, token := f.contacts(t, sesv2api.ListContactsInput{ContactListName: "l", PageSize: new(int64(1)), Filter: filter("OPT_OUT in")})
	zero, forged := new(int64(0)), new("forged")
	for _, tt := range []struct {
		name string
		in   sesv2api.ListContactsInput
		kind fault.Kind
		want string
	}{
		{"no page", sesv2api.ListContactsInput{ContactListName: "l", PageSize: zero}, fault.Invalid, badSize},
		{"a page too large", sesv2api.ListContactsInput{ContactListName: "l", PageSize: new(int64(1001))}, fault.Invalid, badSize},
		{"the size first", sesv2api.ListContactsInput{ContactListName: "none", PageSize: zero, NextToken: forged, Filter: &sesv2api.ListContactsFilter{}}, fault.Invalid, badSize},
		{"no status", sesv2api.ListContactsInput{ContactListName: "l", Filter: &sesv2api.ListContactsFilter{}}, fault.Invalid, "Invalid FilteredStatus <null>"},
		{"a topic without a status", sesv2api.ListContactsInput{ContactListName: "l", Filter: filter(" in")}, fault.Invalid, "Invalid FilteredStatus <null>"},
		{"no topic", sesv2api.ListContactsInput{ContactListName: "l", Filter: &sesv2api.ListContactsFilter{FilteredStatus: optIn, TopicFilter: &sesv2api.TopicFilter{}}}, fault.Invalid, "TopicName can't be blank in TopicFilter."},
		{"a blank topic, then the rest", sesv2api.ListContactsInput{ContactListName: "none", NextToken: forged, Filter: filter("OPT_IN  ")}, fault.Invalid, "TopicName can't be blank in TopicFilter."},
		{"the token before the list", sesv2api.ListContactsInput{ContactListName: "none", NextToken: forged}, fault.BadToken, badToken},
		{"the list before the topic", sesv2api.ListContactsInput{ContactListName: "none", Filter: filter("OPT_IN none")}, fault.NotFound, "List with name: none doesn't exist."},
		{"an unknown topic", sesv2api.ListContactsInput{ContactListName: "l", Filter: filter("OPT_IN none")}, fault.NotFound, "List: l doesn't contain Topic: none"},
		{"a bad name", sesv2api.ListContactsInput{ContactListName: "a.b"}, fault.Invalid, "ContactListName can contain up to 64 characters."},
		{"the token of another filter", sesv2api.ListContactsInput{ContactListName: "l", NextToken: token, Filter: filter("OPT_OUT in+")}, fault.BadToken, badToken},
		{"of another status", sesv2api.ListContactsInput{ContactListName: "l", NextToken: token, Filter: filter("OPT_IN in")}, fault.BadToken, badToken},
		{"of no filter", sesv2api.ListContactsInput{ContactListName: "l", NextToken: token}, fault.BadToken, badToken},
		{"of another list", sesv2api.ListContactsInput{ContactListName: "other", NextToken: token, Filter: filter("OPT_OUT in")}, fault.BadToken, badToken},
	} {
		_, err := f.ListContacts(me(t), &tt.in)
		refused(t, tt.name, err, tt.kind, tt.want)
	}
}
