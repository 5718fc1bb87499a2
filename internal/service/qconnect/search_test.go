package qconnect

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	api "github.com/sluicehq/sluice/internal/api/qconnect"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
)

const modifier = "arn:aws:iam::111111111111:root"

// shelf is what the tables of these tests search. The ids say what is special.
func shelf() []*response {
	at := func(minute int) time.Time { return time.Date(2026, 11, 22, 10, minute, 0, 123_456_000, time.UTC) }
	return []*response{
		{"a-refund", at(1), at(9), destination.QuickResponse{
			Name: "Refund policy", ShortcutKey: "/refund", Content: "You get your money back within 30 days.", Description: "Returns and money",
			ContentType: plain, Language: "en_US", Channels: []string{"Chat", "Email"}, Active: true,
			Grouping: &destination.Grouping{Criteria: "RoutingProfileArn", Values: []string{"arn:b/Sales", "arn:a/Support"}},
		}},
		{"b-money", at(2), at(2), destination.QuickResponse{
			Name: "Money", Content: "A refund takes a week. This is our policy.", ContentType: markdown, Language: "en_GB",
			Channels: []string{"Chat"}, Active: true,
		}},
		{"c-inactive", at(3), at(3), destination.QuickResponse{
			Name: "Policy of refunds", Content: "Grüße aus Köln, C++ 🙂", ContentType: plain,
			Grouping: &destination.Grouping{Criteria: "RoutingProfileArn", Values: []string{"arn:c/Night"}},
		}},
		{"d-japanese", at(4), at(4), destination.QuickResponse{
			Name: "返品について", Content: "返品する方法", ContentType: plain, Language: "ja_JP", Active: true,
		}},
	}
}

// ids searches the shelf and returns what is found, in order.
func ids(t *testing.T, e *api.QuickResponseSearchExpression) []string {
	t.Helper()
	s, err := newSearch(e, modifier)
	if err != nil {
		t.Fatalf("newSearch(%+v): %v", e, err)
	}
	var places []place
	for _, r := range shelf() {
		if p, ok := s.match(r); ok {
			places = append(places, p)
		}
	}
	slices.SortFunc(places, s.order.compare)
	found := []string{}
	for _, p := range places {
		found = append(found, p.id)
	}
	return found
}

// sought is a search by queries.
func sought(queries ...api.QuickResponseQueryField) *api.QuickResponseSearchExpression {
	return &api.QuickResponseSearchExpression{Queries: queries}
}

func contains(field string, values ...string) api.QuickResponseQueryField {
	return api.QuickResponseQueryField{Name: field, Operator: api.QuickResponseQueryOperatorContains, Values: values}
}

func prefix(field string, values ...string) api.QuickResponseQueryField {
	return api.QuickResponseQueryField{Name: field, Operator: api.QuickResponseQueryOperatorContainsAndPrefix, Values: values}
}

func fuzzy(q api.QuickResponseQueryField) api.QuickResponseQueryField {
	q.AllowFuzziness = new(true)
	return q
}

type searchCase struct {
	what string
	e    *api.QuickResponseSearchExpression
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

func TestD97_Words(t *testing.T) {
	t.Parallel()
	holds(t, []searchCase{
		{"capital letters", sought(contains("name", "REFUND")), []string{"a-refund"}},
		{"capital letters outside ASCII", sought(contains("content", "GRÜSSE aus KÖLN")), []string{"c-inactive"}},
		{"a letter and its accent", sought(contains("content", "ko\u0308ln")), []string{"c-inactive"}},
		{"signs around words", sought(contains("shortcutKey", "refund"), contains("content", "policy")), []string{"a-refund", "b-money"}},
		{"signs that are no words", sought(contains("content", "🙂"), contains("name", "++")), []string{"c-inactive"}},
		{"part of a word", sought(contains("name", "fund")), []string{}},
		{"part of a sentence without spaces", sought(contains("content", "方法")), []string{"d-japanese"}},
		{"beginnings, not asked for", sought(contains("name", "ref pol")), []string{}},
		{"beginnings", sought(prefix("name", "ref pol")), []string{"a-refund", "c-inactive"}},
		{"beginnings are of words", sought(prefix("name", "fund")), []string{}},
		{"slips, not asked for", sought(contains("name", "refnd"), prefix("name", "polcy")), []string{}},
		{"slips", sought(fuzzy(contains("name", "refnd polcy"))), []string{"a-refund"}},
		{"too many slips", sought(fuzzy(contains("name", "rfd"))), []string{}},
		{"two slips of a longer word", sought(fuzzy(contains("name", "refumd"))), []string{"a-refund", "c-inactive"}},
		{"slips or beginnings", sought(fuzzy(prefix("name", "refumd pol"))), []string{"a-refund", "c-inactive"}},
	})
	off := contains("name", "refnd")
	off.AllowFuzziness = new(false)
	if got := ids(t, sought(off)); len(got) != 0 {
		t.Errorf("slips, refused: found %v", got)
	}
}

func TestD98_Relevance(t *testing.T) {
	t.Parallel()
	// In the order of how much they count.
	for what, better := range map[string][]destination.QuickResponse{
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
		e := new(api.QuickResponseSearchExpression)
		for _, f := range queriedFields {
			e.Queries = append(e.Queries, fuzzy(prefix(f.name, "refund")))
			if what == "quality" {
				e.Queries[len(e.Queries)-1].Values = []string{"refund policy"}
			}
		}
		s := must(newSearch(e, modifier))
		last := 1 << 20
		for i, q := range better {
			p, ok := s.match(&response{QuickResponse: q})
			if p.score >= last || ok != (p.score > 0) {
				t.Errorf("%s: %d counts %d (found: %v), want less than %d", what, i, p.score, ok, last)
			}
			last = p.score
		}
	}

	first, second := contains("name", "refund"), contains("content", "refund")
	for _, tt := range []struct {
		first, second api.Priority
		want          []string
	}{
		{"", "", []string{"a-refund", "b-money"}},
		{api.PriorityHigh, api.PriorityLow, []string{"a-refund", "b-money"}},
		{api.PriorityLow, api.PriorityHigh, []string{"b-money", "a-refund"}},
		{api.PriorityLow, api.PriorityMedium, []string{"b-money", "a-refund"}},
		{api.PriorityLow, "", []string{"b-money", "a-refund"}},
		{"", api.PriorityHigh, []string{"b-money", "a-refund"}},
	} {
		first.Priority, second.Priority = tt.first, tt.second
		holds(t, []searchCase{{fmt.Sprintf("name %q, content %q", tt.first, tt.second), sought(first, second), tt.want}})
	}
}

// filtered is a search by one filter.
func filtered(f api.QuickResponseFilterField) *api.QuickResponseSearchExpression {
	return &api.QuickResponseSearchExpression{Filters: []api.QuickResponseFilterField{f}}
}

func equals(field string, values ...string) api.QuickResponseFilterField {
	return api.QuickResponseFilterField{Name: field, Operator: api.QuickResponseFilterOperatorEquals, Values: values}
}

func begins(field string, values ...string) api.QuickResponseFilterField {
	return api.QuickResponseFilterField{Name: field, Operator: api.QuickResponseFilterOperatorPrefix, Values: values}
}

func orAbsent(f api.QuickResponseFilterField) api.QuickResponseFilterField {
	f.IncludeNoExistence = new(true)
	return f
}

func TestD99_Filters(t *testing.T) {
	t.Parallel()
	const a, b, c, d = "a-refund", "b-money", "c-inactive", "d-japanese"
	for _, tt := range []struct {
		filter api.QuickResponseFilterField
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
		{orAbsent(api.QuickResponseFilterField{Name: "shortcutKey", Operator: api.QuickResponseFilterOperatorEquals}), []string{b, c, d}},
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

	for text, filter := range map[string]api.QuickResponseFilterField{
		"Filter on name is invalid, expected values or includeNoExistence": equals("name"),
		`Value "yes" of filter field isActive is invalid`:                  equals("isActive", "yes"),
		`Time "now" is invalid, expected RFC 3339 or seconds since 1970`:   equals("createdTime", "now"),
		`Time "NaN" is invalid`:        equals("createdTime", "NaN"),
		`Time "1e300" is invalid`:      equals("createdTime", "1e300"),
		`Time "2026-11-22" is invalid`: equals("lastModifiedTime", "2026-11-22"),
	} {
		_, err := newSearch(filtered(filter), modifier)
		refused(t, text, err, fault.Invalid, text)
	}
}

func TestD100_Order(t *testing.T) {
	t.Parallel()
	const a, b, c, d = "a-refund", "b-money", "c-inactive", "d-japanese"
	for _, tt := range []struct {
		field string
		order api.Order
		want  []string
	}{
		{"name", "", []string{b, c, a, d}},
		{"name", api.OrderAsc, []string{b, c, a, d}},
		{"name", api.OrderDesc, []string{d, a, c, b}},
		{"language", api.OrderAsc, []string{b, a, d, c}}, // c has none
		{"language", api.OrderDesc, []string{d, a, b, c}},
		{"shortcutKey", api.OrderDesc, []string{a, b, c, d}}, // the others tie
		{"description", api.OrderAsc, []string{a, b, c, d}},
		{"isActive", api.OrderAsc, []string{c, a, b, d}},
		{"channels", api.OrderDesc, []string{a, b, c, d}}, // Chat is the first of a's
		{"contentType", api.OrderAsc, []string{b, a, c, d}},
		{"createdTime", api.OrderDesc, []string{d, c, b, a}},
		{"lastModifiedTime", api.OrderDesc, []string{a, d, c, b}},
		{"lastModifiedBy", api.OrderDesc, []string{a, b, c, d}},
		{"groupingConfiguration.criteria", api.OrderDesc, []string{a, c, b, d}},
		{"groupingConfiguration.values", api.OrderDesc, []string{c, a, b, d}}, // arn:a/Support is a's first
	} {
		e := &api.QuickResponseSearchExpression{OrderOnField: &api.QuickResponseOrderField{Name: tt.field, Order: tt.order}}
		holds(t, []searchCase{{fmt.Sprintf("order on %s %s", tt.field, tt.order), e, tt.want}})
	}
	e := sought(contains("content", "refund"), contains("name", "refund", "policy"))
	e.OrderOnField = &api.QuickResponseOrderField{Name: "name"}
	holds(t, []searchCase{{"an order instead of relevance", e, []string{b, c, a}}})

	long := strings.Repeat("ü", maxPlace)
	o := must(newOrder(&api.QuickResponseOrderField{Name: "groupingConfiguration.values"}))
	one, other := o.textPlace([]string{long + "b"}, "1"), o.textPlace([]string{long + "a"}, "2")
	if o.compare(one, other) >= 0 || len(one.text) > maxPlace || !strings.HasSuffix(one.text, "ü") {
		t.Errorf("places of long texts: %q and %q, want them cut and equal but for the id", one.text, other.text)
	}
}

func TestD104_UnknownFields(t *testing.T) {
	t.Parallel()
	known := "name, description, shortcutKey, isActive, channels, language, contentType, createdTime, lastModifiedTime, " +
		"lastModifiedBy, groupingConfiguration.criteria or groupingConfiguration.values"
	for text, e := range map[string]*api.QuickResponseSearchExpression{
		`Query field "title" is invalid, expected one of shortcutKey, name, content or description`: sought(contains("title", "x")),
		`Query field "Name" is invalid`:                               sought(contains("Name", "x")),
		`Filter field "content" is invalid, expected one of ` + known: filtered(equals("content", "x")),
		`Order field "content" is invalid, expected one of ` + known:  {OrderOnField: &api.QuickResponseOrderField{Name: "content"}},
	} {
		_, err := newSearch(e, modifier)
		refused(t, text, err, fault.Invalid, text)
	}
}

func TestD105_NoQueries(t *testing.T) {
	t.Parallel()
	all := []string{"a-refund", "b-money", "c-inactive", "d-japanese"}
	holds(t, []searchCase{
		{"an empty expression", new(api.QuickResponseSearchExpression), all},
		{"a filter alone", filtered(equals("isActive", "false")), all[2:3]},
		{"what is not active is found too", sought(contains("name", "refunds")), all[2:3]},
	})
}
