package search

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
)

const modifier = "arn:aws:iam::111111111111:root"

const plain, markdown = "application/x.quickresponse;format=plain", "application/x.quickresponse;format=markdown"

// documents are what the tables of these tests search. The ids say what is special.
func documents() []*Document {
	at := func(minute int) time.Time { return time.Date(2026, 11, 22, 10, minute, 0, 123_456_000, time.UTC) }
	all := []*Document{
		{
			ID: "a-refund", Created: at(1), Updated: at(9),
			Name: "Refund policy", ShortcutKey: "/refund", Content: "You get your money back within 30 days.", Description: "Returns and money",
			ContentType: plain, Language: "en_US", Channels: []string{"Chat", "Email"}, Active: true,
			GroupingCriteria: "RoutingProfileArn", GroupingValues: []string{"arn:b/Sales", "arn:a/Support"},
		},
		{
			ID: "b-money", Created: at(2), Updated: at(2),
			Name: "Money", Content: "A refund takes a week. This is our policy.", ContentType: markdown, Language: "en_GB",
			Channels: []string{"Chat"}, Active: true,
		},
		{
			ID: "c-inactive", Created: at(3), Updated: at(3),
			Name: "Policy of refunds", Content: "Grüße aus Köln, C++ 🙂", ContentType: plain,
			GroupingCriteria: "RoutingProfileArn", GroupingValues: []string{"arn:c/Night"},
		},
		{
			ID: "d-japanese", Created: at(4), Updated: at(4),
			Name: "返品について", Content: "返品する方法", ContentType: plain, Language: "ja_JP", Active: true,
		},
	}
	for _, d := range all {
		d.UpdatedBy = modifier
	}
	return all
}

// mustNew is New of an expression without mistakes.
func mustNew(t *testing.T, e Expression) *Search {
	t.Helper()
	s, err := New(e)
	if err != nil {
		t.Fatalf("New(%+v): %v", e, err)
	}
	return s
}

// ids searches the documents and returns what is found, in order.
func ids(t *testing.T, e Expression) []string {
	t.Helper()
	s := mustNew(t, e)
	var positions []Position
	for _, d := range documents() {
		if p, ok := s.Match(d); ok {
			positions = append(positions, p)
		}
	}
	slices.SortFunc(positions, s.order.compare)
	found := []string{}
	for _, p := range positions {
		found = append(found, p.id)
	}
	return found
}

// wantRefused checks that an expression is refused as Invalid, with a part of the text.
func wantRefused(t *testing.T, e Expression, text string) {
	t.Helper()
	if _, err := New(e); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), text) {
		t.Errorf("New(%+v): %v, want Invalid and %q", e, err, text)
	}
}

// sought is a search by queries.
func sought(queries ...Query) Expression { return Expression{Queries: queries} }

func contains(field string, values ...string) Query { return Query{Field: field, Values: values} }

func prefix(field string, values ...string) Query {
	return Query{Field: field, Values: values, Prefix: true}
}

func fuzzy(q Query) Query {
	q.Fuzzy = true
	return q
}

type searchCase struct {
	what string
	e    Expression
	want []string
}

func holds(t *testing.T, cases []searchCase) {
	t.Helper()
	for _, tt := range cases {
		if got := ids(t, tt.e); !slices.Equal(got, tt.want) {
			t.Errorf("%s: found %v, want %v", tt.what, got, tt.want)
		}
	}
}

func TestD96_QueriesAndValues(t *testing.T) {
	t.Parallel()
	holds(t, []searchCase{
		{"one query", sought(contains("name", "refund")), []string{"a-refund"}},
		{"any of the queries", sought(contains("name", "money"), contains("shortcutKey", "refund")), []string{"a-refund", "b-money"}},
		{"any of the values", sought(contains("name", "nothing", "money", "refund")), []string{"b-money", "a-refund"}},
		{"all words of a value", sought(contains("name", "refund money")), []string{}},
		{"all words of a value, in any order", sought(contains("content", "policy refund")), []string{"b-money"}},
		{"a field of its own", sought(contains("description", "money")), []string{"a-refund"}},
		{"in none", sought(contains("content", "nothing")), []string{}},
		{"a field that is not there", sought(contains("shortcutKey", "money")), []string{}},
		{"blanks only", sought(contains("description", " "), contains("shortcutKey", "\t")), []string{}},
	})
}

func TestD97_Tokens(t *testing.T) {
	t.Parallel()
	holds(t, []searchCase{
		{"capital letters", sought(contains("name", "REFUND")), []string{"a-refund"}},
		{"capital letters outside ASCII", sought(contains("content", "GRÜSSE aus KÖLN")), []string{"c-inactive"}},
		{"a letter and its accent", sought(contains("content", "ko\u0308ln")), []string{"c-inactive"}},
		{"signs around words", sought(contains("shortcutKey", "refund"), contains("content", "policy")), []string{"a-refund", "b-money"}},
		{"signs that are no tokens", sought(contains("content", "🙂"), contains("name", "++")), []string{"c-inactive"}},
		{"part of a word", sought(contains("name", "fund")), []string{}},
		{"part of a sentence without spaces", sought(contains("content", "方法")), []string{"d-japanese"}},
		{"beginnings, not asked for", sought(contains("name", "ref pol")), []string{}},
		{"beginnings", sought(prefix("name", "ref pol")), []string{"a-refund", "c-inactive"}},
		{"beginnings are of words", sought(prefix("name", "fund")), []string{}},
		{"typos, not asked for", sought(contains("name", "refnd"), prefix("name", "polcy")), []string{}},
		{"typos", sought(fuzzy(contains("name", "refnd polcy"))), []string{"a-refund"}},
		{"too many typos", sought(fuzzy(contains("name", "rfd"))), []string{}},
		{"two typos of a longer word", sought(fuzzy(contains("name", "refumd"))), []string{"a-refund", "c-inactive"}},
		{"typos or beginnings", sought(fuzzy(prefix("name", "refumd pol"))), []string{"a-refund", "c-inactive"}},
	})
}

func TestD98_Relevance(t *testing.T) {
	t.Parallel()
	// In the order of how much they count.
	for what, better := range map[string][]Document{
		"fields": {
			{ShortcutKey: "refund"},
			{Name: "refund", Content: "refund", Description: "refund"},
			{Name: "refund"},
			{Content: "refund", Description: "refund"},
			{Content: "refund"},
			{Description: "refund"},
		},
		"quality": {
			{Name: "Refund policy"},
			{Name: "Our refund policy today"},
			{Name: "Policy: refund"},
			{Name: "Refunds policy"},
			{Name: "Refnd policy"},
			{Name: "Money"},
		},
	} {
		var e Expression
		for _, f := range queriedFields {
			e.Queries = append(e.Queries, fuzzy(prefix(f.name, "refund")))
			if what == "quality" {
				e.Queries[len(e.Queries)-1].Values = []string{"refund policy"}
			}
		}
		s := mustNew(t, e)
		last := 1 << 20
		for i := range better {
			p, ok := s.Match(&better[i])
			if p.score >= last || ok != (p.score > 0) {
				t.Errorf("%s: %d counts %d (found: %v), want less than %d", what, i, p.score, ok, last)
			}
			last = p.score
		}
	}

	first, second := contains("name", "refund"), contains("content", "refund")
	for _, tt := range []struct {
		first, second Priority
		want          []string
	}{
		{Medium, Medium, []string{"a-refund", "b-money"}},
		{High, Low, []string{"a-refund", "b-money"}},
		{Low, High, []string{"b-money", "a-refund"}},
		{Low, Medium, []string{"b-money", "a-refund"}},
		{Medium, High, []string{"b-money", "a-refund"}},
	} {
		first.Priority, second.Priority = tt.first, tt.second
		holds(t, []searchCase{{fmt.Sprintf("name %d, content %d", tt.first, tt.second), sought(first, second), tt.want}})
	}
}

// filtered is a search by one filter.
func filtered(f Filter) Expression { return Expression{Filters: []Filter{f}} }

func equals(field string, values ...string) Filter { return Filter{Field: field, Values: values} }

func begins(field string, values ...string) Filter {
	return Filter{Field: field, Values: values, Prefix: true}
}

func orAbsent(f Filter) Filter {
	f.OrAbsent = true
	return f
}

func TestD99_Filters(t *testing.T) {
	t.Parallel()
	const a, b, c, d = "a-refund", "b-money", "c-inactive", "d-japanese"
	for _, tt := range []struct {
		filter Filter
		want   []string
	}{
		{equals("name", "REFUND policy"), []string{a}},
		{equals("name", "refund"), []string{}},
		{equals("name", "money", "返品について"), []string{b, d}},
		{begins("name", "refund"), []string{a}},
		{begins("name", "p", "m"), []string{b, c}},
		{begins("description", "returns"), []string{a}},
		{orAbsent(begins("description", "x")), []string{b, c, d}},
		{equals("shortcutKey", "/refund"), []string{a}},
		{orAbsent(Filter{Field: "shortcutKey"}), []string{b, c, d}},
		{equals("isActive", "true"), []string{a, b, d}},
		{equals("isActive", "False"), []string{c}},
		{begins("isActive", "f"), []string{c}},
		{equals("channels", "EMAIL"), []string{a}},
		{equals("channels", "chat"), []string{a, b}},
		{orAbsent(equals("channels", "Email")), []string{a, c, d}},
		{begins("language", "en_"), []string{a, b}},
		{orAbsent(equals("language", "ja_JP")), []string{c, d}},
		{equals("contentType", markdown), []string{b}},
		{equals("createdTime", "2026-11-22T10:02:00.123Z"), []string{b}},
		{equals("createdTime", "2026-11-22T11:02:00.123+01:00"), []string{b}},
		{equals("createdTime", "1795341720.123", "2026-11-22t10:04:00.123z"), []string{b, d}},
		{equals("createdTime", "2026-11-22T10:02:00Z"), []string{}},
		{begins("createdTime", "2026-11-22T10:0"), []string{a, b, c, d}},
		{begins("lastModifiedTime", "2026-11-22T10:09"), []string{a}},
		{equals("lastModifiedBy", modifier), []string{a, b, c, d}},
		{equals("lastModifiedBy", "somebody"), []string{}},
		{equals("groupingConfiguration.criteria", "RoutingProfileArn"), []string{a, c}},
		{equals("groupingConfiguration.values", "arn:a/Support"), []string{a}},
		{equals("groupingConfiguration.values", "arn:a/support"), []string{}}, // names of profiles differ by case
		{orAbsent(equals("groupingConfiguration.values", "arn:b/Sales")), []string{a, b, d}},
	} {
		holds(t, []searchCase{{fmt.Sprintf("filter %+v", tt.filter), filtered(tt.filter), tt.want}})
	}
	both := filtered(equals("isActive", "true"))
	both.Filters = append(both.Filters, begins("language", "en"))
	both.Queries = sought(contains("content", "money", "方法")).Queries
	holds(t, []searchCase{{"all filters and a query", both, []string{a}}})

	for text, filter := range map[string]Filter{
		"Filter on name is invalid, expected values or includeNoExistence": equals("name"),
		`Value "yes" of filter field isActive is invalid`:                  equals("isActive", "yes"),
		`Time "now" is invalid, expected RFC 3339 or seconds since 1970`:   equals("createdTime", "now"),
		`Time "NaN" is invalid`:        equals("createdTime", "NaN"),
		`Time "1e300" is invalid`:      equals("createdTime", "1e300"),
		`Time "2026-11-22" is invalid`: equals("lastModifiedTime", "2026-11-22"),
	} {
		wantRefused(t, filtered(filter), text)
	}
}

func TestD100_Order(t *testing.T) {
	t.Parallel()
	const a, b, c, d = "a-refund", "b-money", "c-inactive", "d-japanese"
	for _, tt := range []struct {
		field string
		down  bool
		want  []string
	}{
		{"name", false, []string{b, c, a, d}},
		{"name", true, []string{d, a, c, b}},
		{"language", false, []string{b, a, d, c}}, // c has none
		{"language", true, []string{d, a, b, c}},
		{"shortcutKey", true, []string{a, b, c, d}}, // the others tie
		{"description", false, []string{a, b, c, d}},
		{"isActive", false, []string{c, a, b, d}},
		{"channels", true, []string{a, b, c, d}}, // Chat is the first of a's
		{"contentType", false, []string{b, a, c, d}},
		{"createdTime", true, []string{d, c, b, a}},
		{"lastModifiedTime", true, []string{a, d, c, b}},
		{"lastModifiedBy", true, []string{a, b, c, d}},
		{"groupingConfiguration.criteria", true, []string{a, c, b, d}},
		{"groupingConfiguration.values", true, []string{c, a, b, d}}, // arn:a/Support is a's first
	} {
		e := Expression{Order: &Order{Field: tt.field, Descending: tt.down}}
		holds(t, []searchCase{{fmt.Sprintf("order on %s, descending %t", tt.field, tt.down), e, tt.want}})
	}
	e := sought(contains("content", "refund"), contains("name", "refund", "policy"))
	e.Order = &Order{Field: "name"}
	holds(t, []searchCase{{"an order instead of relevance", e, []string{b, c, a}}})

	long := strings.Repeat("ü", maxPositionText)
	o := mustNew(t, Expression{Order: &Order{Field: "groupingConfiguration.values"}}).order
	one, other := o.textPosition([]string{long + "b"}, "1"), o.textPosition([]string{long + "a"}, "2")
	if o.compare(one, other) >= 0 || len(one.text) > maxPositionText || !strings.HasSuffix(one.text, "ü") {
		t.Errorf("positions of long texts: %q and %q, want them cut and equal but for the id", one.text, other.text)
	}
}

func TestD104_UnknownFields(t *testing.T) {
	t.Parallel()
	known := "name, description, shortcutKey, isActive, channels, language, contentType, createdTime, lastModifiedTime, " +
		"lastModifiedBy, groupingConfiguration.criteria or groupingConfiguration.values"
	for text, e := range map[string]Expression{
		`Query field "title" is invalid, expected one of shortcutKey, name, content or description`: sought(contains("title", "x")),
		`Query field "Name" is invalid`:                               sought(contains("Name", "x")),
		`Filter field "content" is invalid, expected one of ` + known: filtered(equals("content", "x")),
		`Order field "content" is invalid, expected one of ` + known:  {Order: &Order{Field: "content"}},
	} {
		wantRefused(t, e, text)
	}
}

func TestD105_NoQueries(t *testing.T) {
	t.Parallel()
	all := []string{"a-refund", "b-money", "c-inactive", "d-japanese"}
	holds(t, []searchCase{
		{"an empty expression", Expression{}, all},
		{"a filter alone", filtered(equals("isActive", "false")), all[2:3]},
		{"what is not active is found too", sought(contains("name", "refunds")), all[2:3]},
	})
}
