package qconnect

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/limits"
)

func TestQuickResponse_Life(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base := f.newBase(t, "Answers")
	in := &qconnectapi.CreateQuickResponseInput{
		KnowledgeBaseId: base, Name: "Greeting", Content: content("**Hello!**"), ContentType: new(markdown),
		Description: new("at the start"), ShortcutKey: new("hi"), Channels: []string{"Chat", "Email"}, Language: new("de_DE"),
		IsActive:              new(false),
		GroupingConfiguration: &qconnectapi.GroupingConfiguration{Criteria: new("RoutingProfileArn"), Values: []string{"arn:1", "arn:2"}},
		Tags:                  map[string]string{"team": "support"},
	}
	got := must(f.create(me(t), in))
	id := got.QuickResponseId
	if _, err := uuid.Parse(id); err != nil {
		t.Errorf("id: %q, want a UUID", id)
	}
	want := &qconnectapi.QuickResponseData{
		QuickResponseId: id, QuickResponseArn: arnPrefix + "quick-response/" + base + "/" + id,
		KnowledgeBaseId: base, KnowledgeBaseArn: arnPrefix + "knowledge-base/" + base,
		Name: "Greeting", ContentType: markdown, Status: "CREATED", IsActive: in.IsActive, Language: in.Language,
		Contents:    &qconnectapi.QuickResponseContents{Markdown: &qconnectapi.QuickResponseContentProvider{Content: new("**Hello!**")}},
		Description: in.Description, ShortcutKey: in.ShortcutKey, Channels: in.Channels,
		GroupingConfiguration: in.GroupingConfiguration, Tags: in.Tags,
		CreatedTime: got.CreatedTime, LastModifiedTime: got.CreatedTime, LastModifiedBy: new("arn:aws:iam::" + account + ":root"),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("created: %+v, want %+v", got, want)
	}
	if got := f.get(t, base, id); !reflect.DeepEqual(got, want) {
		t.Errorf("got: %+v, want %+v", got, want)
	}
	list := must(f.ListQuickResponses(me(t), &qconnectapi.ListQuickResponsesInput{KnowledgeBaseId: base})).QuickResponseSummaries
	if len(list) != 1 || list[0].QuickResponseArn != want.QuickResponseArn || !slices.Equal(list[0].Channels, in.Channels) || *list[0].IsActive {
		t.Errorf("list: %+v, want the one", list)
	}
	remove := &qconnectapi.DeleteQuickResponseInput{KnowledgeBaseId: base, QuickResponseId: id}
	must(f.DeleteQuickResponse(me(t), remove))
	_, err := f.DeleteQuickResponse(me(t), remove)
	refused(t, "delete it again", err, fault.NotFound, "quick response "+id+" does not exist")
	_, err = f.GetQuickResponse(me(t), &qconnectapi.GetQuickResponseInput{KnowledgeBaseId: base, QuickResponseId: id})
	refused(t, "get a deleted one", err, fault.NotFound, "quick response "+id+" does not exist")
	if names := f.names(t, base); names != nil {
		t.Errorf("list: %q, want nothing", names)
	}
}

func TestD19_QuickResponsePages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base, other := f.newBase(t, "mine"), f.newBase(t, "other")
	var want, got []string
	for i := range 5 {
		want = append(want, must(f.create(me(t), input(base, fmt.Sprint(i)))).QuickResponseId)
	}
	slices.Sort(want)
	in := &qconnectapi.ListQuickResponsesInput{KnowledgeBaseId: base, MaxResults: new(int64(2))}
	for pages := 0; pages == 0 || in.NextToken != nil; pages++ {
		out := must(f.ListQuickResponses(me(t), in))
		for _, r := range out.QuickResponseSummaries {
			got = append(got, r.QuickResponseId)
		}
		in.NextToken = out.NextToken
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages: %q, want %q", got, want)
	}
	token := must(f.ListQuickResponses(me(t), in)).NextToken
	_, err := f.ListQuickResponses(me(t), &qconnectapi.ListQuickResponsesInput{KnowledgeBaseId: other, NextToken: token})
	refused(t, "a token of another base", err, fault.BadToken, "Token is invalid.")
	_, err = f.ListQuickResponses(me(t), &qconnectapi.ListQuickResponsesInput{KnowledgeBaseId: nobody})
	refused(t, "quick responses of nothing", err, fault.NotFound, "does not exist")
}

func TestQuickResponse_Limit(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.Profile{QuickResponses: 1})
	base := f.newBase(t, "Answers")
	first := input(base, "first")
	first.ClientToken = new("token")
	id := must(f.create(me(t), first)).QuickResponseId
	_, err := f.create(me(t), input(base, "second"))
	refused(t, "one too many", err, fault.LimitExceeded, "at most 1 quick responses")
	if again := must(f.create(me(t), first)).QuickResponseId; again != id {
		t.Errorf("repeated at a full base: %s, want %s", again, id)
	}
}

func TestD90_Defaults(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	got := must(f.create(me(t), input(f.newBase(t, "Answers"), "Greeting")))
	if got.ContentType != plain || !*got.IsActive || *got.Language != "en_US" || *got.Contents.PlainText.Content != "Hello!" || got.Contents.Markdown != nil {
		t.Errorf("defaults: %+v, want plain text in en_US, active", got)
	}
	if got.Description != nil || got.ShortcutKey != nil || got.GroupingConfiguration != nil || got.Channels != nil || got.Tags == nil {
		t.Errorf("defaults: %+v, want nothing else", got)
	}
}

func TestD91_LanguageAndGrouping(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base := f.newBase(t, "Answers")
	for _, code := range destination.Languages {
		in := input(base, code)
		in.Language = &code
		if got := *must(f.create(me(t), in)).Language; got != code {
			t.Errorf("language: %s, want %s", got, code)
		}
	}
	there := f.names(t, base)
	id := must(f.ListQuickResponses(me(t), &qconnectapi.ListQuickResponsesInput{KnowledgeBaseId: base})).QuickResponseSummaries[0].QuickResponseId
	for _, tt := range []struct {
		language *string
		grouping *qconnectapi.GroupingConfiguration
		text     string
	}{
		{language: new("en"), text: `language "en" is not one of de_DE`},
		{language: new("en_us"), text: "is not one of"},
		{grouping: &qconnectapi.GroupingConfiguration{}, text: "needs both"},
		{grouping: &qconnectapi.GroupingConfiguration{Criteria: new("RoutingProfileArn")}, text: "needs both"},
		{grouping: &qconnectapi.GroupingConfiguration{Values: []string{"arn:1"}}, text: "needs both"},
	} {
		in := input(base, "refused")
		in.Language, in.GroupingConfiguration = tt.language, tt.grouping
		_, err := f.create(me(t), in)
		refused(t, "create", err, fault.Invalid, tt.text)
		_, err = f.update(me(t), &qconnectapi.UpdateQuickResponseInput{
			KnowledgeBaseId: base, QuickResponseId: id, Name: new("refused"), Language: tt.language, GroupingConfiguration: tt.grouping,
		})
		refused(t, "update", err, fault.Invalid, tt.text)
	}
	if names := f.names(t, base); !slices.Equal(names, there) {
		t.Errorf("after refusals: %q, want %q", names, there)
	}
}

func TestD91_Blanks(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base := f.newBase(t, "Answers")
	in := input(base, " Hi ")
	in.Content, in.ShortcutKey, in.Description = content("\tHello "), new("h "), new(" ")
	there := must(f.create(me(t), in))
	if there.Name != " Hi " || *there.Contents.PlainText.Content != "\tHello " || *there.ShortcutKey != "h " || *there.Description != " " {
		t.Errorf("created: %+v, want the blanks as they were given", there)
	}
	for _, tt := range []struct {
		text string
		in   qconnectapi.UpdateQuickResponseInput
	}{
		{"name is", qconnectapi.UpdateQuickResponseInput{Name: new(" ")}},
		{"name is", qconnectapi.UpdateQuickResponseInput{Name: new("\u00a0\u3000\n")}},
		{"content is", qconnectapi.UpdateQuickResponseInput{Content: content("\r\n")}},
		{"shortcutKey is", qconnectapi.UpdateQuickResponseInput{ShortcutKey: new("\t")}},
	} {
		in := input(base, "Blank")
		set(&in.Name, tt.in.Name)
		if in.ShortcutKey = tt.in.ShortcutKey; tt.in.Content != nil {
			in.Content = tt.in.Content
		}
		_, err := f.create(me(t), in)
		refused(t, "create", err, fault.Invalid, tt.text)
		tt.in.KnowledgeBaseId, tt.in.QuickResponseId = base, there.QuickResponseId
		_, err = f.update(me(t), &tt.in)
		refused(t, "update", err, fault.Invalid, tt.text)
	}
	if got := f.get(t, base, there.QuickResponseId); !reflect.DeepEqual(got, there) {
		t.Errorf("after refusals: %+v, want %+v", got, there)
	}
}

func TestD92_Update(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base := f.newBase(t, "Answers")
	in := input(base, "Greeting")
	in.Description, in.ShortcutKey, in.Channels = new("at the start"), new("hi"), []string{"Chat"}
	in.GroupingConfiguration = &qconnectapi.GroupingConfiguration{Criteria: new("RoutingProfileArn"), Values: []string{"arn:1"}}
	in.Tags = map[string]string{"team": "support"}
	first := must(f.create(me(t), in))
	id := first.QuickResponseId
	want := f.member(t, base, id)
	for _, tt := range []struct {
		name string
		in   qconnectapi.UpdateQuickResponseInput
		want func(*destination.QuickResponse)
	}{
		{"nothing", qconnectapi.UpdateQuickResponseInput{}, func(*destination.QuickResponse) {}},
		{"removes that are false", qconnectapi.UpdateQuickResponseInput{
			RemoveDescription: new(false), RemoveShortcutKey: new(false), RemoveGroupingConfiguration: new(false), ShortcutKey: new("hi"),
		}, func(*destination.QuickResponse) {}},
		{"its own name", qconnectapi.UpdateQuickResponseInput{Name: new("Greeting")}, func(*destination.QuickResponse) {}},
		{"name", qconnectapi.UpdateQuickResponseInput{Name: new("Welcome")}, func(q *destination.QuickResponse) { q.Name = "Welcome" }},
		{"content type alone", qconnectapi.UpdateQuickResponseInput{ContentType: new(markdown)}, func(q *destination.QuickResponse) { q.ContentType = markdown }},
		{"content", qconnectapi.UpdateQuickResponseInput{Content: content("Hi")}, func(q *destination.QuickResponse) { q.Content = "Hi" }},
		{"active", qconnectapi.UpdateQuickResponseInput{IsActive: new(false)}, func(q *destination.QuickResponse) { q.Active = false }},
		{"language", qconnectapi.UpdateQuickResponseInput{Language: new("fr_FR")}, func(q *destination.QuickResponse) { q.Language = "fr_FR" }},
		{"channels", qconnectapi.UpdateQuickResponseInput{Channels: []string{"Email"}}, func(q *destination.QuickResponse) { q.Channels = []string{"Email"} }},
		{"no channels", qconnectapi.UpdateQuickResponseInput{Channels: []string{}}, func(q *destination.QuickResponse) { q.Channels = nil }},
		{
			"grouping",
			qconnectapi.UpdateQuickResponseInput{GroupingConfiguration: &qconnectapi.GroupingConfiguration{Criteria: new("c"), Values: []string{"v"}}},
			func(q *destination.QuickResponse) {
				q.Grouping = &destination.Grouping{Criteria: "c", Values: []string{"v"}}
			},
		},
		{
			"removals",
			qconnectapi.UpdateQuickResponseInput{
				RemoveDescription: new(true), RemoveShortcutKey: new(true), RemoveGroupingConfiguration: new(true),
			},
			func(q *destination.QuickResponse) { q.Description, q.ShortcutKey, q.Grouping = "", "", nil },
		},
		{"removals again", qconnectapi.UpdateQuickResponseInput{RemoveShortcutKey: new(true)}, func(*destination.QuickResponse) {}},
		{"what was removed", qconnectapi.UpdateQuickResponseInput{ShortcutKey: new("hello"), Description: new("d")}, func(q *destination.QuickResponse) {
			q.ShortcutKey, q.Description = "hello", "d"
		}},
	} {
		tt.in.KnowledgeBaseId, tt.in.QuickResponseId = base, id
		tt.want(&want)
		before := f.get(t, base, id).LastModifiedTime
		got := must(f.update(me(t), &tt.in))
		if stored := f.member(t, base, id); !reflect.DeepEqual(stored, want) {
			t.Errorf("%s: %+v, want %+v", tt.name, stored, want)
		}
		if !reflect.DeepEqual(got, f.get(t, base, id)) {
			t.Errorf("%s: answered %+v, want what is stored", tt.name, got)
		}
		if !got.CreatedTime.Equal(first.CreatedTime) || !got.LastModifiedTime.After(before) {
			t.Errorf("%s: created %v, modified %v, want %v and after %v", tt.name, got.CreatedTime, got.LastModifiedTime, first.CreatedTime, before)
		}
	}
}

func TestD92_UpdateRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base := f.newBase(t, "Answers")
	id := must(f.create(me(t), input(base, "Greeting"))).QuickResponseId
	want := f.get(t, base, id)
	for text, in := range map[string]*qconnectapi.UpdateQuickResponseInput{
		"removeDescription": {Description: new("d"), RemoveDescription: new(true)},
		"removeShortcutKey": {ShortcutKey: new("s"), RemoveShortcutKey: new(true)},
		"removeGroupingConfiguration": {
			GroupingConfiguration:       &qconnectapi.GroupingConfiguration{Criteria: new("c"), Values: []string{"v"}},
			RemoveGroupingConfiguration: new(true),
		},
	} {
		in.KnowledgeBaseId, in.QuickResponseId = base, id
		_, err := f.update(me(t), in)
		refused(t, "remove and set", err, fault.Invalid, text+" cannot come with a value")
	}
	_, err := f.update(me(t), &qconnectapi.UpdateQuickResponseInput{KnowledgeBaseId: base, QuickResponseId: nobody})
	refused(t, "update nothing", err, fault.NotFound, "quick response "+nobody+" does not exist")
	if got := f.get(t, base, id); !reflect.DeepEqual(got, want) {
		t.Errorf("after refusals: %+v, want %+v", got, want)
	}
}

func TestD94_LastModified(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base := f.newBase(t, "Answers")
	in := input(base, "Greeting")
	in.ClientToken = new("token")
	first := must(f.create(me(t), in))
	if got, want := *first.LastModifiedBy, "arn:aws:iam::"+account+":root"; got != want {
		t.Errorf("lastModifiedBy: %s, want %s", got, want)
	}
	china := lastModifiedBy(job.Owner{Account: account, Region: "cn-north-1"})
	if want := "arn:aws-cn:iam::" + account + ":root"; china != want {
		t.Errorf("lastModifiedBy in China: %s, want %s", china, want)
	}
	must(f.create(me(t), in))
	if got := f.get(t, base, first.QuickResponseId).LastModifiedTime; !got.Equal(first.LastModifiedTime) {
		t.Errorf("lastModifiedTime after a repeat: %v, want %v", got, first.LastModifiedTime)
	}
	must(f.TagResource(me(t), &qconnectapi.TagResourceInput{ResourceArn: first.QuickResponseArn, Tags: map[string]string{"a": "b"}}))
	if got := f.get(t, base, first.QuickResponseId); !got.LastModifiedTime.After(first.LastModifiedTime) || !got.CreatedTime.Equal(first.CreatedTime) {
		t.Errorf("after tagging: created %v, modified %v, want %v and later", got.CreatedTime, got.LastModifiedTime, first.CreatedTime)
	}
}
