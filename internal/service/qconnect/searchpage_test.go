package qconnect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	api "github.com/sluicehq/sluice/internal/api/qconnect"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/testenv"
)

// TestBest shows hits in many orders and page by page, and compares with sorting.
func TestBest(t *testing.T) {
	t.Parallel()
	name := &fields[0]
	for what, o := range map[string]order{"relevance": {}, "upwards": {field: name}, "downwards": {field: name, down: true}} {
		random := testenv.Rand(t)
		var all []place
		for i := range 200 {
			p := place{id: fmt.Sprintf("%03d", i)}
			if o.field == nil {
				p.score = random.IntN(5)
			} else if p.empty = i%7 == 0; !p.empty {
				p.text = strings.Repeat("a b", random.IntN(5))
			}
			all = append(all, p)
		}
		want := slices.SortedFunc(slices.Values(all), o.compare)
		for _, size := range []int{1, 3, 100, 200, 201} {
			var got []place
			var after *place
			for {
				b := best{order: o, after: after, most: size}
				random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
				for _, p := range all {
					b.offer(p, store.Member{Key: p.id})
				}
				for _, h := range b.hits {
					if h.member.Key != h.id {
						t.Fatalf("%s: hit %s has member %s", what, h.id, h.member.Key)
					}
					got = append(got, h.place)
				}
				if !b.more {
					break
				}
				last := must(placeOf(b.hits[size-1].word()))
				after = &last
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, pages of %d: %v, want %v", what, size, got, want)
			}
		}
	}
}

func TestPlaceOf(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"", " ", "t", "t1", "t1 id", "tx id ", "  "} {
		_, err := placeOf(word)
		refused(t, fmt.Sprintf("placeOf(%q)", word), err, fault.BadToken, "Token is invalid.")
	}
}

// found searches page by page and returns the names, in order; between is called
// after each page but the last.
func (f *fixture) found(t *testing.T, in api.SearchQuickResponsesInput, between func()) (names []string) {
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
	in := api.SearchQuickResponsesInput{
		KnowledgeBaseId:  base,
		SearchExpression: sought(contains("name", "reply")),
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

	in.SearchExpression.OrderOnField = &api.QuickResponseOrderField{Name: "name", Order: api.OrderDesc}
	in.SearchExpression.Filters = []api.QuickResponseFilterField{begins("name", "Reply 0", "Reply 1")}
	slices.Reverse(want)
	if got := f.found(t, in, func() {}); !slices.Equal(got, want) {
		t.Errorf("pages in an order: %v, want %v", got, want)
	}

	token := must(f.SearchQuickResponses(me(t), &in)).NextToken
	other := in
	other.NextToken, other.SearchExpression = token, sought(contains("name", "replies"))
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
	in.GroupingConfiguration = &api.GroupingConfiguration{Criteria: new("RoutingProfileArn"), Values: []string{"arn:one"}}
	made := must(f.create(me(t), in))
	must(f.create(me(t), input(base, "Another")))

	for _, id := range []string{base, arnPrefix + "knowledge-base/" + base} {
		out := must(f.SearchQuickResponses(me(t), &api.SearchQuickResponsesInput{
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
			!got.IsActive || got.Status != api.QuickResponseStatusCreated || got.CreatedTime != made.CreatedTime ||
			got.GroupingConfiguration.Values[0] != "arn:one" || *got.LastModifiedBy != *made.LastModifiedBy {
			t.Errorf("result: %+v, want as created: %+v", got, made)
		}
	}
	if text := f.member(t, base, made.QuickResponseId).Content; !strings.Contains(text, "Customer") {
		t.Errorf("the stored content is %q after a search, want it unchanged", text)
	}

	ask := &api.SearchQuickResponsesInput{KnowledgeBaseId: nobody, SearchExpression: sought()}
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
	in := api.SearchQuickResponsesInput{
		KnowledgeBaseId: base, Attributes: map[string]string{"a": strings.Repeat("x", 30_000)},
		SearchExpression: &api.QuickResponseSearchExpression{OrderOnField: &api.QuickResponseOrderField{Name: "name"}},
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
