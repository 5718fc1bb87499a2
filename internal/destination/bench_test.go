package destination

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/record"
)

func BenchmarkDecide(b *testing.B) {
	for _, bb := range []struct {
		name   string
		kind   Kind
		fields []record.Field
	}{
		{"suppression", Suppression, []record.Field{text("firstname.lastname123@mail.example.com"), text("COMPLAINT")}},
		{"address-list", AddressList, []record.Field{text("firstname.lastname123@mail.example.com")}},
		{"domain", AddressList, []record.Field{text("*.mail.example.com")}},
		{"refused", AddressList, []record.Field{text("firstname..lastname123@mail.example.com")}},
		{"international", AddressList, []record.Field{text("name@bücher.example.com")}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			rule, err := NewRule(Target{Kind: bb.kind, Action: Put})
			if err != nil {
				b.Fatal(err)
			}
			rec := record.Record{Fields: bb.fields}
			var c Change
			b.ReportAllocs()
			for b.Loop() {
				rule.Decide(&rec, &c)
			}
		})
	}
}

// BenchmarkContacts reads and decides a source of contacts with attributes and five
// topics.
func BenchmarkContacts(b *testing.B) {
	to := Target{Kind: ContactList, Action: Put, Config: []byte(`{"topics":[{"name":"News"},{"name":"Sports"},{"name":"Arts"},{"name":"Travel"},{"name":"Food"}]}`)}
	const rows = 50_000
	const header = "emailAddress,unsubscribeAll,attributesData,topicPreferences.News,topicPreferences.Sports,topicPreferences.Arts,topicPreferences.Travel,topicPreferences.Food\n"
	many := func(format string) string {
		var s strings.Builder
		for i := range rows {
			fmt.Fprintf(&s, format, i)
		}
		return s.String()
	}
	for _, bb := range []struct {
		name   string
		format record.Format
		text   string
	}{
		{"CSV", record.CSV, header + many("user%07d@mail.example.com,false,\"{\"\"name\"\": \"\"Ann\"\", \"\"age\"\": 7}\",OPT_IN,OPT_OUT,,OPT_IN,OPT_OUT\n")},
		{"CSV/bare", record.CSV, header + many("user%07d@mail.example.com,false,{\"name\": \"Ann\"},OPT_IN,OPT_OUT,,OPT_IN,OPT_OUT\n")},
		{"JSON", record.JSON, many(`{"emailAddress":"user%07d@mail.example.com","unsubscribeAll":false,"attributesData":"{\"name\":\"Ann\",\"age\":7}",` +
			`"topicPreferences":[{"topicName":"News","subscriptionStatus":"OPT_IN"},{"topicName":"Sports","subscriptionStatus":"OPT_OUT"},{"topicName":"Travel","subscriptionStatus":"OPT_IN"},{"topicName":"Food","subscriptionStatus":"OPT_OUT"}]}` + "\n")},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(bb.text)))
			b.ReportAllocs()
			for b.Loop() {
				rule, err := NewRule(to)
				if err != nil {
					b.Fatal(err)
				}
				var c Change
				n := 0
				eachRecord(b, rule, bb.format, bb.text, func(rec *record.Record) {
					if r := rule.Decide(rec, &c); r != nil {
						b.Fatal(r.Code)
					}
					n++
				})
				if n != rows {
					b.Fatalf("%d records, want %d", n, rows)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/record")
		})
	}
}

// TestDecideAllocatesNothing holds for all but domains outside ASCII.
func TestDecideAllocatesNothing(t *testing.T) {
	for _, tt := range []struct {
		to     Target
		format record.Format
		text   string
	}{
		{Target{Kind: Suppression, Action: Put}, record.CSV, "joe@example.com,BOUNCE\njoe@example,BOUNCE\njoe@example.com,no\n"},
		{Target{Kind: AddressList, Action: Put}, record.CSV, "address\njoe@example.com\n*.Example.com\n1*@x.y\n"},
		{contacts(Put), record.CSV, "emailAddress,unsubscribeAll,attributesData,topicPreferences.News,topicPreferences.x\na@b.c,true,\"{\"\"a\"\": 7}\",OPT_IN,\nd@e.f,,,,OPT_IN\ng@h.i,no\n"},
		{contacts(Put), record.JSON, preferring(`{"topicName":"News","subscriptionStatus":"OPT_IN"},{"topicName":"n\u0065ws","subscriptionStatus":"OPT_OUT"}`) + preferring(`{"topicName":"x"}`)},
		{contacts(Delete), record.CSV, "a@b.c\nd\n"},
		{quickResponses, record.CSV, "name,content,channels,active,language,routing profile\nn,\"<c>\",Chat;Email,no,de-de,a|b\nn,c,,perhaps\n"},
	} {
		rule, err := NewRule(tt.to)
		if err != nil {
			t.Fatal(err)
		}
		var c Change
		eachRecord(t, rule, tt.format, tt.text, func(rec *record.Record) {
			if n := testing.AllocsPerRun(100, func() { rule.Decide(rec, &c) }); n != 0 {
				t.Errorf("%s of %q: %v allocations, want none", tt.to.Kind, rec.Raw, n)
			}
		})
	}
}
