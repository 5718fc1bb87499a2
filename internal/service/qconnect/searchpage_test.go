package qconnect

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/search"
)

// sought is a search by one query.
func sought(field, value string) *qconnectapi.QuickResponseSearchExpression {
	return &qconnectapi.QuickResponseSearchExpression{Queries: []qconnectapi.QuickResponseQueryField{
		{Name: field, Operator: qconnectapi.QuickResponseQueryOperatorContains, Values: []string{value}},
	}}
}

func TestExpressionOf(t *testing.T) {
	t.Parallel()
	got := expressionOf(&qconnectapi.QuickResponseSearchExpression{
		Queries: []qconnectapi.QuickResponseQueryField{
			{Name: "name", Operator: qconnectapi.QuickResponseQueryOperatorContains, Values: []string{"a"}, AllowFuzziness: new(false)},
			{
				Name: "content", Operator: qconnectapi.QuickResponseQueryOperatorContainsAndPrefix, Values: []string{"b", "c"},
				AllowFuzziness: new(true), Priority: qconnectapi.PriorityHigh,
			},
			{Name: "description", Operator: qconnectapi.QuickResponseQueryOperatorContains, Priority: qconnectapi.PriorityLow},
		},
		Filters: []qconnectapi.QuickResponseFilterField{
			{Name: "isActive", Operator: qconnectapi.QuickResponseFilterOperatorEquals, Values: []string{"true"}},
			{Name: "language", Operator: qconnectapi.QuickResponseFilterOperatorPrefix, Values: []string{"en"}, IncludeNoExistence: new(true)},
		},
		OrderOnField: &qconnectapi.QuickResponseOrderField{Name: "name", Order: qconnectapi.OrderDesc},
	})
	want := search.Expression{
		Queries: []search.Query{
			{Field: "name", Values: []string{"a"}},
			{Field: "content", Values: []string{"b", "c"}, Prefix: true, Fuzzy: true, Priority: search.High},
			{Field: "description", Priority: search.Low},
		},
		Filters: []search.Filter{
			{Field: "isActive", Values: []string{"true"}},
			{Field: "language", Values: []string{"en"}, Prefix: true, OrAbsent: true},
		},
		Order: &search.Order{Field: "name", Descending: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("expressionOf: %+v, want %+v", got, want)
	}
	for _, order := range []qconnectapi.Order{"", qconnectapi.OrderAsc} {
		if got := expressionOf(&qconnectapi.QuickResponseSearchExpression{OrderOnField: &qconnectapi.QuickResponseOrderField{Name: "name", Order: order}}); got.Order.Descending {
			t.Errorf("order %q is descending", order)
		}
	}
}

// found searches page by page and returns the names, in order; between is called
// after each page but the last.
func (f *fixture) found(t *testing.T, in qconnectapi.SearchQuickResponsesInput, between func()) (names []string) {
	t.Helper()
	for {
		out := must(f.SearchQuickResponses(me(t), &in))
		for _, r := range out.Results {
			names = append(names, r.Name)
		}
		if in.MaxResults != nil && out.NextToken != nil && len(out.Results) != int(*in.MaxResults) {
			t.Errorf("a page of %d with a token, want %d", len(out.Results), *in.MaxResults)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return names
		}
		between()
	}
}

func TestD101_SearchPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.Profile{})
	base := f.newBase(t, "base")
	add := func(name string) { must(f.create(me(t), input(base, name))) }
	var want []string
	for i := range 120 {
		want = append(want, fmt.Sprintf("Reply %03d", i))
		add(want[i])
	}
	in := qconnectapi.SearchQuickResponsesInput{
		KnowledgeBaseId:  base,
		SearchExpression: sought("name", "reply"),
	}
	if out := must(f.SearchQuickResponses(me(t), &in)); len(out.Results) != 100 || out.NextToken == nil {
		t.Errorf("a page of no size: %d responses, token %v, want 100 and one", len(out.Results), out.NextToken)
	}

	// All of them tie: pages must neither overlap nor leave any out, whatever comes in between.
	added := 0
	in.MaxResults = new(int64(7))
	got := f.found(t, in, func() {
		add(fmt.Sprintf("Reply x%d", added))
		added++
	})
	got = slices.DeleteFunc(got, func(name string) bool { return strings.HasPrefix(name, "Reply x") })
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("pages by relevance: %v, want each of %v once", got, want)
	}

	in.SearchExpression.OrderOnField = &qconnectapi.QuickResponseOrderField{Name: "name", Order: qconnectapi.OrderDesc}
	in.SearchExpression.Filters = []qconnectapi.QuickResponseFilterField{
		{Name: "name", Operator: qconnectapi.QuickResponseFilterOperatorPrefix, Values: []string{"Reply 0", "Reply 1"}},
	}
	slices.Reverse(want)
	if got := f.found(t, in, func() {}); !slices.Equal(got, want) {
		t.Errorf("pages in an order: %v, want %v", got, want)
	}

	token := must(f.SearchQuickResponses(me(t), &in)).NextToken
	other := in
	other.NextToken, other.SearchExpression = token, sought("name", "replies")
	_, err := f.SearchQuickResponses(me(t), &other)
	refused(t, "a token of another search", err, fault.BadToken, "Token is invalid.")
	in.NextToken, in.MaxResults, in.Attributes = token, new(int64(100)), map[string]string{"a": "b"}
	if got := must(f.SearchQuickResponses(me(t), &in)).Results; len(got) != 100 || got[0].Name != want[7] {
		t.Errorf("the second page in another size: %d from %q, want 100 from %q", len(got), got[0].Name, want[7])
	}
}

func TestSearchQuickResponses(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.Profile{})
	base := f.newBase(t, "base")
	in := input(base, "Greeting")
	in.Content = content("Dear {{Attributes.Customer}}, this is {{Attributes.Agent}}.")
	in.ContentType, in.ShortcutKey, in.Description = new(markdown), new("/hi"), new("Says hello")
	in.Channels, in.Language, in.Tags = []string{"Chat"}, new("en_US"), map[string]string{"team": "one"}
	in.GroupingConfiguration = &qconnectapi.GroupingConfiguration{Criteria: new("RoutingProfileArn"), Values: []string{"arn:one"}}
	made := must(f.create(me(t), in))
	must(f.create(me(t), input(base, "Another")))

	for _, id := range []string{base, arnPrefix + "knowledge-base/" + base} {
		out := must(f.SearchQuickResponses(me(t), &qconnectapi.SearchQuickResponsesInput{
			KnowledgeBaseId: id, SearchExpression: agentSearch("greting"), Attributes: map[string]string{"Customer": "Ana"},
		}))
		if len(out.Results) != 1 || out.NextToken != nil {
			t.Fatalf("search of %s: %d results, token %v, want one and none", id, len(out.Results), out.NextToken)
		}
		got := out.Results[0]
		if text := *got.Contents.Markdown.Content; text != "Dear Ana, this is {{Attributes.Agent}}." {
			t.Errorf("content: %q, want the customer's name in it", text)
		}
		if !slices.Equal(got.AttributesInterpolated, []string{"Customer"}) || !slices.Equal(got.AttributesNotInterpolated, []string{"Agent"}) {
			t.Errorf("attributes: %v and not %v, want Customer and not Agent", got.AttributesInterpolated, got.AttributesNotInterpolated)
		}
		if got.QuickResponseId != made.QuickResponseId || got.QuickResponseArn != made.QuickResponseArn || got.Name != made.Name ||
			got.KnowledgeBaseId != base || *got.ShortcutKey != "/hi" || *got.Language != "en_US" || got.Tags["team"] != "one" ||
			!got.IsActive || got.Status != qconnectapi.QuickResponseStatusCreated || got.CreatedTime != made.CreatedTime ||
			got.GroupingConfiguration.Values[0] != "arn:one" || *got.LastModifiedBy != *made.LastModifiedBy {
			t.Errorf("result: %+v, want as created: %+v", got, made)
		}
	}
	if text := f.member(t, base, made.QuickResponseId).Content; !strings.Contains(text, "Customer") {
		t.Errorf("the stored content is %q after a search, want it unchanged", text)
	}

	ask := &qconnectapi.SearchQuickResponsesInput{KnowledgeBaseId: nobody, SearchExpression: new(qconnectapi.QuickResponseSearchExpression)}
	_, err := f.SearchQuickResponses(me(t), ask)
	refused(t, "search of no base", err, fault.NotFound, "knowledge base "+nobody+" does not exist")
	ask.KnowledgeBaseId = base
	for who, ctx := range strangers(t) {
		_, err := f.SearchQuickResponses(ctx, ask)
		refused(t, "search by "+who, err, fault.NotFound, "does not exist")
	}
	ctx, cancel := context.WithCancel(me(t))
	cancel()
	if _, err := f.SearchQuickResponses(ctx, ask); !errors.Is(err, context.Canceled) {
		t.Errorf("search by a caller who has gone: %v, want %v", err, context.Canceled)
	}
}

func TestD103_LargeContents(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.Profile{})
	base := f.newBase(t, "base")
	want := []string{"a", "b", "c", "d", "e"}
	for _, name := range want {
		in := input(base, name)
		in.Content = content(strings.Repeat("{{Attributes.a}}", 16))
		must(f.create(me(t), in))
	}
	in := qconnectapi.SearchQuickResponsesInput{
		KnowledgeBaseId: base, Attributes: map[string]string{"a": strings.Repeat("x", 30_000)},
		SearchExpression: &qconnectapi.QuickResponseSearchExpression{OrderOnField: &qconnectapi.QuickResponseOrderField{Name: "name"}},
	}
	if out := must(f.SearchQuickResponses(me(t), &in)); len(out.Results) != 2 || out.NextToken == nil {
		t.Errorf("a page of contents of 480,000 bytes: %d, token %v, want 2 and one", len(out.Results), out.NextToken)
	}
	if got := f.found(t, in, func() {}); !slices.Equal(got, want) {
		t.Errorf("all pages: %v, want %v", got, want)
	}
	in.Attributes["a"] = strings.Repeat("x", maxAttributes)
	_, err := f.SearchQuickResponses(me(t), &in)
	refused(t, "attributes that are too large", err, fault.Invalid, "at most 32768")
}
