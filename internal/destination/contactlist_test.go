package destination

import (
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/record"
)

// contacts is a contact list with topics of which two differ by case alone.
func contacts(a Action) Target {
	return Target{Kind: ContactList, Action: a, Config: []byte(`{"description":"x","topics":[{"name":"News","default":"OPT_IN"},{"name":"Sports"},{"name":"news"}]}`)}
}

// expect reads a source and compares what became of its records.
func expect(t *testing.T, to Target, f record.Format, text, want string) {
	t.Helper()
	if got, err := decideAll(t, to, f, text); got != want || err != nil {
		t.Errorf("%s %s: error %v\n got %s\nwant %s", f, text, err, got, want)
	}
}

func TestContacts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		format record.Format
		text   string
		want   string
	}{
		{"columns of the guide", record.CSV, "emailAddress,unsubscribeAll,attributesData,topicPreferences.Sports,topicPreferences.News\n" +
			"a@B.c,false,{\"Name\": \"John\"},OPT_IN,OPT_OUT\nd@e.f,true,,OPT_OUT,\n", "a@b.c=OPT_IN News=OPT_OUT Sports=OPT_IN\n{\"Name\": \"John\"} d@e.f=OPT_OUT Sports=OPT_OUT"},
		{"columns in another order", record.CSV, "topicPreferences.Sports, attributesData ,x,emailaddress\nOPT_IN,a,b,a@b.c\n", "a@b.c=OPT_IN Sports=OPT_IN\na"},
		{"address alone", record.CSV, "emailAddress\na@b.c\n", "a@b.c=OPT_IN"},
		{"short row", record.CSV, "emailAddress,unsubscribeAll,topicPreferences.Sports\na@b.c\n", "a@b.c=OPT_IN"},
		{"attributes in quotes", record.CSV, "emailAddress,attributesData\na@b.c,\"{\"\"Name\"\": \"\"John\"\", \"\"Age\"\": 7}\"\n", "a@b.c=OPT_IN\n{\"Name\": \"John\", \"Age\": 7}"},
		{"attributes with commas but no quotes", record.CSV, "emailAddress,attributesData\na@b.c,{\"Name\": \"John\", \"Age\": 7}\n", "!too-many-cells"},
		{"attributes over lines", record.CSV, "attributesData,emailAddress\n\"x\ny\",a@b.c\n", "a@b.c=OPT_IN\nx\ny"},
		{"topics that differ by case", record.CSV, "emailAddress,topicPreferences.news,topicPreferences.News\na@b.c,OPT_IN,OPT_OUT\n", "a@b.c=OPT_IN News=OPT_OUT news=OPT_IN"},
		{"a topic in other letters", record.CSV, "emailAddress,TopicPreferences.SPORTS\na@b.c, OPT_IN \n", "a@b.c=OPT_IN Sports=OPT_IN"},
		{"bad cells", record.CSV, "emailAddress,topicPreferences.news\na.b,OPT_IN\na@b.c,opt_in\na@b.c,yes\n,\n,OPT_IN\n", "!no-at-sign !unknown-status !unknown-status !no-address !no-address"},
		{"preferences in one column", record.CSV, "emailAddress,topicPreferences\na@b.c,OPT_IN\na@b.c,\n", "!topic-preferences a@b.c=OPT_IN"},

		{
			"objects of the guide", record.JSON, "{\n\"emailAddress\":\"a@b.c\",\n\"unsubscribeAll\": false,\n\"attributesData\": \"{\\\"Name\\\":\\\"John\\\"}\",\n\"topicPreferences\": [\n{\n\"topicName\":\"Sports\",\n\"subscriptionStatus\":\"OPT_IN\"\n}\n]\n}\n{\n\"emailAddress\":\"d@e.f\"}",
			"a@b.c=OPT_IN Sports=OPT_IN\n{\"Name\":\"John\"} d@e.f=OPT_IN",
		},
		{"one a line", record.JSON, `{"emailAddress":"a@b.c","unsubscribeAll":true}` + "\n" + `{"emailAddress":"d@e.f","topicPreferences":[]}`, "a@b.c=OPT_OUT d@e.f=OPT_IN"},
		{"an array", record.JSON, `[{"emailAddress":"a@b.c","x":{}},{"attributesData":"x"}]`, "a@b.c=OPT_IN !no-address"},
		{"nulls", record.JSON, `{"emailAddress":"a@b.c","unsubscribeAll":null,"attributesData":null,"topicPreferences":null}`, "a@b.c=OPT_IN"},
		{"texts of nothing", record.JSON, `{"emailAddress":"a@b.c","unsubscribeAll":"","attributesData":"","topicPreferences":""}`, "a@b.c=OPT_IN"},
		{"the last of one topic", record.JSON, preferring(`{"topicName":"news","subscriptionStatus":"OPT_IN"},{"topicName":"News","subscriptionStatus":"OPT_IN"},{"topicName":"n\u0065ws","subscriptionStatus":"OPT_OUT"}`), "a@b.c=OPT_IN News=OPT_IN news=OPT_OUT"},
		{"no status", record.JSON, preferring(`{"topicName":"news"}`) + preferring(`{"topicName":"news","subscriptionStatus":null}`), "!unknown-status !unknown-status"},
		{"other statuses", record.JSON, preferring(`{"topicName":"news","subscriptionStatus":"opt_in"}`) + preferring(`{"topicName":"news","subscriptionStatus":true}`), "!unknown-status !unknown-status"},
		{"no topic", record.JSON, preferring(`{"subscriptionStatus":"OPT_IN"}`) + preferring(`{"topicName":null,"subscriptionStatus":"OPT_IN"}`), "!topic-preferences !topic-preferences"},
		{"no objects", record.JSON, preferring(`"news"`) + preferring(`null`) + preferring(`["news"]`), "!topic-preferences !topic-preferences !topic-preferences"},
		{"no array", record.JSON, `{"emailAddress":"a@b.c","topicPreferences":{"news":"OPT_IN"}}` + "\n" + `{"emailAddress":"a@b.c","topicPreferences":"news"}`, "!topic-preferences !topic-preferences"},
		{"address a number", record.JSON, `{"emailAddress":1}`, "!not-text"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			expect(t, contacts(Put), tt.format, tt.text, tt.want)
		})
	}
}

// preferring is a JSON line with those preferences.
func preferring(elements string) string {
	return `{"emailAddress":"a@b.c","topicPreferences":[` + elements + "]}\n"
}

func TestContactsWithoutHeader(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a@b.c,true\n":     `the first row must name the column "emailAddress"`,
		"email,x\na@b.c\n": `the first row names "email", "x"; the first row must name the column "emailAddress"`,
		"":                 "the source is empty",
		"emailAddress,topicPreferences.Sports,topicPreferences.SPORTS\n": `names the column "topicPreferences.Sports" twice`,
	} {
		got, err := decideAll(t, contacts(Put), record.CSV, text)
		if got != "" || !fault.Is(err, fault.Broken) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %s, error %v, want Broken with %s", text, got, err, want)
		}
	}
}

func TestD57_UnsubscribeAll(t *testing.T) {
	t.Parallel()
	expect(t, contacts(Put), record.CSV, "emailAddress,unsubscribeAll\na@b.c,TRUE\na@b.c, True\na@b.c,\"true\"\na@b.c,FALSE\na@b.c,yes\na@b.c,1\n",
		"a@b.c=OPT_OUT a@b.c=OPT_OUT a@b.c=OPT_OUT a@b.c=OPT_IN !unsubscribe-all !unsubscribe-all")
	expect(t, contacts(Put), record.JSON, `{"emailAddress":"a@b.c","unsubscribeAll":"True"}{"emailAddress":"a@b.c","unsubscribeAll":1}{"emailAddress":"a@b.c","unsubscribeAll":[true]}`,
		"a@b.c=OPT_OUT !unsubscribe-all !unsubscribe-all")
}

func TestD58_UnknownTopics(t *testing.T) {
	t.Parallel()
	const rows = "emailAddress,topicPreferences.Arts,topicPreferences.Sports,topicPreferences.Cars\n" +
		"a@b.c,,OPT_IN,\nd@e.f,OPT_IN,OPT_IN,\ng@h.i,,,OPT_OUT\nj@k.l,\"\",,\"  \"\nm@n.o\n"
	expect(t, contacts(Put), record.CSV, rows, "a@b.c=OPT_IN Sports=OPT_IN !unknown-topic !unknown-topic j@k.l=OPT_IN m@n.o=OPT_IN")
	expect(t, contacts(Put), record.JSON, preferring(`{"topicName":"Arts","subscriptionStatus":"OPT_IN"}`)+preferring(`{"topicName":"NEWS","subscriptionStatus":"OPT_IN"}`), "!unknown-topic !unknown-topic")

	// The topics are those that the list has when a worker takes up the job.
	_, at, err := decideFrom(t, contacts(Put), record.CSV, rows, record.Position{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	later := Target{Kind: ContactList, Action: Put, Config: []byte(`{"topics":[{"name":"Arts"},{"name":"New"}]}`)}
	got, _, err := decideFrom(t, later, record.CSV, rows, at, -1)
	if want := "!unknown-topic !unknown-topic j@k.l=OPT_IN m@n.o=OPT_IN"; got != want || err != nil {
		t.Errorf("taken up with other topics at %+v: %s, %v, want %s", at, got, err, want)
	}
	later.Config = []byte(`{"topics":[{"name":"Cars"},{"name":"Arts"},{"name":"Sports"}]}`)
	got, _, err = decideFrom(t, later, record.CSV, rows, at, -1)
	if want := "d@e.f=OPT_IN Arts=OPT_IN Sports=OPT_IN g@h.i=OPT_IN Cars=OPT_OUT j@k.l=OPT_IN m@n.o=OPT_IN"; got != want || err != nil {
		t.Errorf("taken up with more topics at %+v: %s, %v, want %s", at, got, err, want)
	}
}

func TestD59_DeletingContacts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"emailAddress\na@B.c\nd\n": "a@b.c !no-at-sign",
		"topicPreferences.Arts,emailAddress,unsubscribeAll\nx,a@b.c,maybe\nOPT_IN,d@e.f": "a@b.c d@e.f",
		"a@b.c\nd@e.f\n":    "a@b.c d@e.f",
		"a@b.c,\nd@e.f,x\n": "a@b.c !too-many-cells",
		"":                  "",
	} {
		expect(t, contacts(Delete), record.CSV, text, want)
	}
	expect(t, contacts(Delete), record.JSON, `{"emailAddress":"a@b.c","unsubscribeAll":[],"topicPreferences":[{"topicName":"Arts"}]}`+"\n"+`{"email":"a@b.c"}`, "a@b.c !no-address")
	if got, err := decideAll(t, contacts(Delete), record.CSV, "email\na@b.c\n"); got != "" || !fault.Is(err, fault.Broken) {
		t.Errorf("a first row that is neither header nor address: %s, %v, want Broken", got, err)
	}
}

func TestD60_AttributesData(t *testing.T) {
	t.Parallel()
	expect(t, contacts(Put), record.JSON, `{"emailAddress":"a@b.c","attributesData":{"Name": "J\u00f6rg"}}{"emailAddress":"a@b.c","attributesData":[1, 2]}{"emailAddress":"a@b.c","attributesData":7}{"emailAddress":"a@b.c","attributesData":true}`,
		"a@b.c=OPT_IN\n{\"Name\": \"J\\u00f6rg\"} a@b.c=OPT_IN\n[1, 2] !attributes-data !attributes-data")
	for n, want := range map[int]string{MaxAttributes: "a@b.c=OPT_IN\n" + strings.Repeat("x", MaxAttributes), MaxAttributes + 1: "!attributes-too-long"} {
		expect(t, contacts(Put), record.CSV, "emailAddress,attributesData\na@b.c,"+strings.Repeat("x", n)+"\n", want)
	}
}

func TestTopicNames(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		``: "", `{}`: "", `{"topics":null}`: "", `{"topics":[{"name":"a","x":1},{"name":"b"}]}`: "a b",
	} {
		settings, err := DecodeContactSettings([]byte(config))
		got := settings.topicNames()
		if strings.Join(got, " ") != want || err != nil {
			t.Errorf("topics of %s: %q, %v, want %s", config, got, err, want)
		}
	}
	if _, err := NewRule(Target{Kind: ContactList, Action: Put, Config: []byte("{")}); err == nil {
		t.Error("a rule for a config that is no JSON, want an error")
	}
}

// FuzzContacts reads anything as contacts: what is accepted is a contact of this list.
func FuzzContacts(f *testing.F) {
	f.Add("emailAddress,unsubscribeAll,attributesData,topicPreferences.News\na@b.c,true,{\"a\": \"b\"},OPT_IN\n", false)
	f.Add("emailAddress,topicPreferences.x\na@b.c,\"\nx\n", false)
	f.Add(preferring(`{"topicName":"news","subscriptionStatus":"OPT_IN"}`), true)
	f.Fuzz(func(t *testing.T, text string, isJSON bool) {
		format := record.CSV
		if isJSON {
			format = record.JSON
		}
		rule, err := NewRule(contacts(Put))
		if err != nil {
			t.Fatal(err)
		}
		eachRecord(t, rule, format, text, func(rec *record.Record) {
			var c Change
			if rule.Decide(rec, &c) != nil {
				return
			}
			checkContact(t, c.Value)
			if _, r := Address(nil, c.Key); r != nil {
				t.Errorf("%q: the key %q is no address", text, c.Key)
			}
		})
	})
}

// checkContact writes a contact anew from what it reads as, which must be the same.
func checkContact(t *testing.T, value Contact) {
	t.Helper()
	again := NewContact(nil, value.Unsubscribed())
	for topic, status := range value.Preferences() {
		if got, ok := value.Preference(topic); !ok || got != status || status != OptIn && status != OptOut {
			t.Errorf("contact %q: preference %s=%s is %s when asked for", value, topic, status, got)
		}
		again = again.With(topic, status)
	}
	if text, ok := value.Attributes(); ok {
		again = again.WithAttributes(text)
	}
	if string(again) != string(value) {
		t.Errorf("contact %q reads as %q", value, again)
	}
}
