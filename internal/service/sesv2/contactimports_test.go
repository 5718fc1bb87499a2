package sesv2

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/object"
)

// contactCase is a file and what comes of it in the list l, which has the topics news,
// sports!, and food, and the contact old@example.com with something of everything.
type contactCase struct {
	name     string
	action   sesv2api.ContactListImportAction // PUT if empty
	format   sesv2api.DataFormat              // CSV if empty
	text     string
	limits   limits.Profile
	contacts []string // each an address and its line
	read     int64
	failed   int64
	error    string
	report   string
}

const (
	oldContact = "old@example.com news=OPT_OUT (sports=OPT_OUT food=OPT_IN) out of all {\"name\":\"Old\"}"
	bare       = " (news=OPT_IN sports=OPT_OUT food=OPT_IN)"
)

// into names the list that contacts are imported into.
func into(list string, action sesv2api.ContactListImportAction) sesv2api.ImportDestination {
	return sesv2api.ImportDestination{ContactListDestination: &sesv2api.ContactListDestination{ContactListName: list, ContactListImportAction: action}}
}

func (c contactCase) check(t *testing.T) {
	f := newFixture(t, c.limits)
	f.newList(me(t), "l", "news", "sports!", "food")
	must(f.CreateContact(me(t), &sesv2api.CreateContactInput{
		ContactListName: "l", EmailAddress: "old@example.com", TopicPreferences: prefers("news=OPT_OUT"),
		AttributesData: new(`{"name":"Old"}`), UnsubscribeAll: new(true),
	}))
	created := must(f.contact(me(t), "l", "old@example.com")).CreatedTimestamp
	if c.action == "" {
		c.action = sesv2api.ContactListImportActionPut
	}
	if c.format == "" {
		c.format = sesv2api.DataFormatCsv
	}
	got := f.imported(t, c.limits, f.files, into("l", c.action), f.source(t, c.text, c.format))
	f.ended(t, got, c.read, c.failed, c.error, c.report)
	var contacts []string
	for _, contact := range must(f.ListContacts(me(t), &sesv2api.ListContactsInput{ContactListName: "l"})).Contacts {
		contacts = append(contacts, *contact.EmailAddress+" "+f.contactLine(t, "l", *contact.EmailAddress))
	}
	if !slices.Equal(contacts, c.contacts) {
		t.Errorf("contacts:\n%s\nwant\n%s", strings.Join(contacts, "\n"), strings.Join(c.contacts, "\n"))
	}
	if old, err := f.contact(me(t), "l", "old@example.com"); err == nil && !old.CreatedTimestamp.Equal(*created) {
		t.Errorf("created time of a contact that was there: %v, want %v", old.CreatedTimestamp, created)
	}
}

func runContactImports(t *testing.T, cases []contactCase) {
	t.Helper()
	t.Parallel()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, c.check)
		})
	}
}

func TestContactImport_CSV(t *testing.T) {
	runContactImports(t, []contactCase{
		{name: "addresses alone", text: "emailAddress\na@example.com\nb@Example.com\n", read: 2, contacts: []string{"a@example.com" + bare, "b@example.com" + bare, oldContact}},
		{
			name: "all columns, in another order, with empty cells",
			text: "topicPreferences.sports,attributesData,emailAddress,topicPreferences.news,unsubscribeAll\n" +
				"OPT_IN,\"{\"\"name\"\":\"\"Ann\"\",\"\"age\"\":7}\",a@example.com,OPT_OUT,false\n" +
				",{\"Name\": \"John\"},b@example.com,,true\n",
			read: 2,
			contacts: []string{
				`a@example.com news=OPT_OUT sports=OPT_IN (food=OPT_IN) {"name":"Ann","age":7}`,
				"b@example.com" + bare + ` out of all {"Name": "John"}`,
				oldContact,
			},
		},
		{
			name: "bad records among good ones",
			text: "emailAddress,unsubscribeAll,topicPreferences.news\n" +
				"not one,,\n" + "a@example.com,,OPT_OUT\n" + "b@example.com,maybe,\n" + "c@example.com,,out\n",
			read: 4, failed: 3, contacts: []string{"a@example.com news=OPT_OUT (sports=OPT_OUT food=OPT_IN)", oldContact},
		},
		{name: "no header", text: "a@example.com,true\n", error: "emailAddress", contacts: []string{oldContact}},
	})
}

func TestContactImport_JSON(t *testing.T) {
	runContactImports(t, []contactCase{
		{
			name: "values over several lines", format: sesv2api.DataFormatJson,
			text: "{\n  \"emailAddress\": \"a@example.com\",\n  \"unsubscribeAll\": false,\n  \"attributesData\": \"{\\\"Name\\\":\\\"Ann\\\"}\",\n" +
				"  \"topicPreferences\": [\n    {\"topicName\": \"sports\", \"subscriptionStatus\": \"OPT_IN\"},\n    {\"topicName\": \"news\", \"subscriptionStatus\": \"OPT_OUT\"}\n  ]\n}\n" +
				"{\"emailAddress\":\"b@example.com\",\"unsubscribeAll\":true,\"attributesData\":{\"n\":1}} {\"emailAddress\":\"c@example.com\"}",
			read: 3,
			contacts: []string{
				`a@example.com news=OPT_OUT sports=OPT_IN (food=OPT_IN) {"Name":"Ann"}`,
				"b@example.com" + bare + ` out of all {"n":1}`,
				"c@example.com" + bare,
				oldContact,
			},
		},
		{
			name: "an unknown topic", format: sesv2api.DataFormatJson,
			text: `{"emailAddress":"a@example.com","topicPreferences":[{"topicName":"none","subscriptionStatus":"OPT_IN"}]}` + "\n" + `{"emailAddress":"b@example.com"}`,
			read: 2, failed: 1, contacts: []string{"b@example.com" + bare, oldContact},
			report: "emailAddress,reason,code,line,offset,record\n" +
				`a@example.com,"the record has a preference for a topic that the contact list does not have; add the topic to the list, or take the preference out",unknown-topic,1,0,` +
				`"{""emailAddress"":""a@example.com"",""topicPreferences"":[{""topicName"":""none"",""subscriptionStatus"":""OPT_IN""}]}"` + "\n",
		},
	})
}

func TestContactImport_Delete(t *testing.T) {
	runContactImports(t, []contactCase{
		{name: "CSV", action: "DELETE", text: "emailAddress\nnobody@example.com\nold@Example.com\n", read: 2},
		{name: "CSV of one column", action: "DELETE", text: "old@example.com\n", read: 1},
		{name: "JSON with more", action: "DELETE", format: "JSON", text: `{"emailAddress":"old@example.com","topicPreferences":[{"topicName":"none"}]}`, read: 1},
	})
}

func TestD76_ImportReplacesContact(t *testing.T) {
	runContactImports(t, []contactCase{
		{name: "an address alone", text: "emailAddress\nold@example.com\n", read: 1, contacts: []string{"old@example.com" + bare}},
		{name: "a topic", text: "emailAddress,topicPreferences.food\nold@example.com,OPT_OUT\n", read: 1, contacts: []string{"old@example.com food=OPT_OUT (news=OPT_IN sports=OPT_OUT)"}},
		{name: "twice", format: "JSON", text: `{"emailAddress":"a@example.com","attributesData":"x"}{"emailAddress":"a@example.com"}`, read: 2, contacts: []string{"a@example.com" + bare, oldContact}},
	})
}

// TestD76_ImportDropsHiddenPreferences: what a contact preferred for a topic that is
// gone does not outlive its replacement.
func TestD76_ImportDropsHiddenPreferences(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, limits.None)
		f.newList(me(t), "l", "news", "sports")
		for _, address := range []string{"a@example.com", "b@example.com"} {
			f.mustAdd(t, "l", address, "news=OPT_OUT")
		}
		set := func(names ...string) {
			must(f.UpdateContactList(me(t), &sesv2api.UpdateContactListInput{ContactListName: "l", Topics: topics(names...)}))
		}
		set("sports")
		f.ended(t, f.imported(t, limits.None, f.files, into("l", "PUT"), f.source(t, "emailAddress\na@example.com\n", "CSV")), 1, 0, "", "")
		set("news")
		if a, b := f.contactLine(t, "l", "a@example.com"), f.contactLine(t, "l", "b@example.com"); a != "(news=OPT_IN)" || b != "news=OPT_OUT ()" {
			t.Errorf("imported: %s, other: %s; want the default, and what it preferred", a, b)
		}
	})
}

func TestD78_TooManyContacts(t *testing.T) {
	const three = "emailAddress\na@example.com\nb@example.com\nold@example.com\n"
	two := limits.Profile{ContactRecords: 2}
	runContactImports(t, []contactCase{
		{name: "put", text: three, limits: two, error: "more than 2 records", read: 2, contacts: []string{"a@example.com" + bare, "b@example.com" + bare, oldContact}},
		{name: "delete", action: "DELETE", text: three, limits: two, error: "more than 2 records", read: 2, contacts: []string{oldContact}},
		{name: "just as many", text: three, limits: limits.Profile{ContactRecords: 3}, read: 3, contacts: []string{"a@example.com" + bare, "b@example.com" + bare, "old@example.com" + bare}},
	})
}

// hooked are files whose readers call hook when they were read so often; with 0, before
// they are opened.
type hooked struct {
	engine.Objects
	after int
	hook  func()
}

func (h hooked) Hold(ctx context.Context, n object.Name, holder string) (object.Info, error) {
	if h.after == 0 {
		h.hook()
	}
	return h.Objects.Hold(ctx, n, holder)
}

func (h hooked) Open(ctx context.Context, n object.Name, version string, offset int64) (io.ReadCloser, error) {
	r, err := h.Objects.Open(ctx, n, version, offset)
	return &hookedReader{ReadCloser: r, after: h.after, hook: h.hook}, err
}

type hookedReader struct {
	io.ReadCloser
	after int
	hook  func()
}

func (r *hookedReader) Read(p []byte) (int, error) {
	if r.after--; r.after == 0 {
		r.hook()
	}
	return r.ReadCloser.Read(p)
}

// TestD77_TopicsOfTheDay: an import goes by the topics that the list has when it begins.
func TestD77_TopicsOfTheDay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, limits.None)
		f.newList(me(t), "l", "news")
		late := hooked{Objects: f.files, after: 1, hook: func() {
			must(f.UpdateContactList(me(t), &sesv2api.UpdateContactListInput{ContactListName: "l", Topics: topics("sports")}))
		}}
		text := "emailAddress,topicPreferences.news\na@example.com,OPT_OUT\n"
		f.ended(t, f.imported(t, limits.None, late, into("l", "PUT"), f.source(t, text, "CSV")), 1, 0, "", "")
		if line := f.contactLine(t, "l", "a@example.com"); line != "(sports=OPT_IN)" {
			t.Errorf("after the topic went: %s", line)
		}
		must(f.UpdateContactList(me(t), &sesv2api.UpdateContactListInput{ContactListName: "l", Topics: topics("news")}))
		if line := f.contactLine(t, "l", "a@example.com"); line != "news=OPT_OUT ()" {
			t.Errorf("with the topic again: %s, want what was imported", line)
		}
	})
}

func TestD75_DeleteListWhileImporting(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("emailAddress\n")
	for i := range 20_000 {
		fmt.Fprintf(&text, "m%05d@example.com\n", i)
	}
	for _, tt := range []struct {
		name  string
		after int
		again bool // a list is made under the same name
	}{
		{"before it is read", 0, false},
		{"before the first batch", 1, false},
		{"in the middle", 3, false},
		{"and made again before it is read", 0, true},
		{"and made again in the middle", 3, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, limits.None)
				f.newList(me(t), "l", "news")
				deleted := hooked{Objects: f.files, after: tt.after, hook: func() {
					must(f.DeleteContactList(me(t), &sesv2api.DeleteContactListInput{ContactListName: "l"}))
					if tt.again {
						f.newList(me(t), "l", "news")
					}
				}}
				got := f.imported(t, limits.None, deleted, into("l", "PUT"), f.source(t, text.String(), "CSV"))
				f.ended(t, got, *got.ProcessedRecordsCount, 0, "list", "")
				if *got.ProcessedRecordsCount == 20_000 || *got.ImportDestination.ContactListDestination != (sesv2api.ContactListDestination{ContactListName: "l", ContactListImportAction: "PUT"}) {
					t.Errorf("job: %d processed into %+v, want fewer than all and the list that it was for", *got.ProcessedRecordsCount, got.ImportDestination.ContactListDestination)
				}
				if !tt.again {
					return
				}
				if in := must(f.ListContacts(me(t), &sesv2api.ListContactsInput{ContactListName: "l"})).Contacts; len(in) != 0 {
					t.Errorf("%d contacts on the new list, want none", len(in))
				}
			})
		})
	}
}
