package qconnect

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/google/uuid"

	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/store"
)

func TestKnowledgeBase_Life(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	in := &qconnectapi.CreateKnowledgeBaseInput{
		Name: "Answers", KnowledgeBaseType: qconnectapi.KnowledgeBaseTypeQuickResponses,
		Description:                       new("for agents"),
		RenderingConfiguration:            &qconnectapi.RenderingConfiguration{TemplateUri: new("https://example.com/{{id}}")},
		ServerSideEncryptionConfiguration: &qconnectapi.ServerSideEncryptionConfiguration{KmsKeyId: new("alias/key")},
		SourceConfiguration: &qconnectapi.SourceConfiguration{AppIntegrations: &qconnectapi.AppIntegrationsConfiguration{
			AppIntegrationArn: "arn:aws:app-integrations:eu-central-1:111111111111:data-integration/x", ObjectFields: []string{"id"},
		}},
		Tags: map[string]string{"team": "support"},
	}
	got := must(f.CreateKnowledgeBase(me(t), in)).KnowledgeBase
	id := got.KnowledgeBaseId
	if _, err := uuid.Parse(id); err != nil {
		t.Errorf("id: %q, want a UUID", id)
	}
	want := &qconnectapi.KnowledgeBaseData{
		KnowledgeBaseId: id, KnowledgeBaseArn: arnPrefix + "knowledge-base/" + id, Name: "Answers",
		KnowledgeBaseType: "QUICK_RESPONSES", Status: "ACTIVE", Description: in.Description,
		RenderingConfiguration: in.RenderingConfiguration, SourceConfiguration: in.SourceConfiguration,
		ServerSideEncryptionConfiguration: in.ServerSideEncryptionConfiguration, Tags: in.Tags,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("created: %+v, want %+v", got, want)
	}
	if got := must(f.GetKnowledgeBase(me(t), &qconnectapi.GetKnowledgeBaseInput{KnowledgeBaseId: id})).KnowledgeBase; !reflect.DeepEqual(got, want) {
		t.Errorf("got: %+v, want %+v", got, want)
	}
	list := must(f.ListKnowledgeBases(me(t), &qconnectapi.ListKnowledgeBasesInput{})).KnowledgeBaseSummaries
	if len(list) != 1 || list[0].KnowledgeBaseArn != want.KnowledgeBaseArn || list[0].Description != nil && *list[0].Description != "for agents" {
		t.Errorf("list: %+v, want the one", list)
	}
	must(f.DeleteKnowledgeBase(me(t), &qconnectapi.DeleteKnowledgeBaseInput{KnowledgeBaseId: id}))
	_, err := f.GetKnowledgeBase(me(t), &qconnectapi.GetKnowledgeBaseInput{KnowledgeBaseId: id})
	refused(t, "get a deleted base", err, fault.NotFound, "knowledge base "+id+" does not exist")
	_, err = f.DeleteKnowledgeBase(me(t), &qconnectapi.DeleteKnowledgeBaseInput{KnowledgeBaseId: id})
	refused(t, "delete it again", err, fault.NotFound, "does not exist")
	if list := must(f.ListKnowledgeBases(me(t), &qconnectapi.ListKnowledgeBasesInput{})).KnowledgeBaseSummaries; list == nil || len(list) != 0 {
		t.Errorf("list: %#v, want an empty one", list)
	}
}

func TestD19_KnowledgeBasePages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	var want, got []string
	for i := range 5 {
		want = append(want, f.newBase(t, fmt.Sprint("base ", i)))
	}
	in := &qconnectapi.ListKnowledgeBasesInput{MaxResults: new(int64(2))}
	for pages := 0; pages == 0 || in.NextToken != nil; pages++ {
		out := must(f.ListKnowledgeBases(me(t), in))
		for _, b := range out.KnowledgeBaseSummaries {
			got = append(got, b.KnowledgeBaseId)
		}
		in.NextToken = out.NextToken
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("pages: %q, want %q", got, want)
	}
	in.NextToken = must(f.ListKnowledgeBases(me(t), in)).NextToken
	for who, ctx := range strangers(t) {
		_, err := f.ListKnowledgeBases(ctx, in)
		refused(t, "my token used by "+who, err, fault.BadToken, "Token is invalid.")
	}
}

func TestKnowledgeBase_Limit(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.Profile{KnowledgeBases: 1})
	f.newBase(t, "first")
	_, err := f.CreateKnowledgeBase(me(t), &qconnectapi.CreateKnowledgeBaseInput{Name: "second", KnowledgeBaseType: "CUSTOM"})
	refused(t, "one base too many", err, fault.LimitExceeded, "at most 1 knowledge bases")
}

func TestD80_IDsAndARNs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base, other := f.newBase(t, "mine"), f.newBase(t, "other")
	baseArn := arnPrefix + "knowledge-base/" + base
	response := must(f.create(me(t), input(baseArn, "Greeting"))).QuickResponseId
	responseArn := arnPrefix + "quick-response/" + base + "/" + response
	theirs := "arn:aws:wisdom:" + region + ":222222222222:"
	elsewhere := "arn:aws:wisdom:us-east-1:" + account + ":"
	for _, tt := range []struct {
		base, response string
		want           fault.Kind // 0 is none: it is found
		text           string
	}{
		{base, response, 0, ""},
		{baseArn, response, 0, ""},
		{base, responseArn, 0, ""},
		{baseArn, responseArn, 0, ""},
		{nobody, response, fault.NotFound, "knowledge base " + nobody + " does not exist"},
		{base, nobody, fault.NotFound, "quick response " + nobody + " does not exist"},
		{other, response, fault.NotFound, "quick response " + response + " does not exist"},
		{other, responseArn, fault.NotFound, "does not exist in knowledge base " + other},
		{base, baseArn, fault.NotFound, baseArn + " does not exist"},
		{responseArn, response, fault.NotFound, responseArn + " does not exist"},
		{base, arnPrefix + "quick-response/" + response, fault.NotFound, "does not exist"},
		{base, responseArn + "/" + nobody, fault.NotFound, "does not exist"},
		{baseArn + "/" + nobody, response, fault.NotFound, "does not exist"},
		{arnPrefix + "assistant/" + base, response, fault.NotFound, "does not exist"},
		{elsewhere + "knowledge-base/" + base, response, fault.NotFound, "does not exist"},
		{base, elsewhere + "quick-response/" + base + "/" + response, fault.NotFound, "does not exist"},
		{"arn:aws-cn:wisdom:" + region + ":" + account + ":knowledge-base/" + base, response, fault.NotFound, "does not exist"},
		{theirs + "knowledge-base/" + base, response, fault.Denied, "account 111111111111 may not use " + theirs},
		{base, theirs + "quick-response/" + base + "/" + response, fault.Denied, "may not use"},
	} {
		what := "get " + tt.response + " of " + tt.base
		out, err := f.GetQuickResponse(me(t), &qconnectapi.GetQuickResponseInput{KnowledgeBaseId: tt.base, QuickResponseId: tt.response})
		switch {
		case tt.want != 0:
			refused(t, what, err, tt.want, tt.text)
		case err != nil:
			t.Errorf("%s: %v, want it", what, err)
		case out.QuickResponse.QuickResponseArn != responseArn || out.QuickResponse.KnowledgeBaseArn != baseArn:
			t.Errorf("%s: %+v, want %s of %s", what, out.QuickResponse, responseArn, baseArn)
		}
	}
	for who, ctx := range strangers(t) {
		_, err := f.GetKnowledgeBase(ctx, &qconnectapi.GetKnowledgeBaseInput{KnowledgeBaseId: base})
		refused(t, "my base for "+who, err, fault.NotFound, "does not exist")
	}
}

func TestD81_KnowledgeBaseTypes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	for _, kind := range []qconnectapi.KnowledgeBaseType{
		qconnectapi.KnowledgeBaseTypeExternal,
		qconnectapi.KnowledgeBaseTypeCustom,
		qconnectapi.KnowledgeBaseTypeQuickResponses,
		qconnectapi.KnowledgeBaseTypeMessageTemplates,
		qconnectapi.KnowledgeBaseTypeManaged,
	} {
		got := must(f.CreateKnowledgeBase(me(t), &qconnectapi.CreateKnowledgeBaseInput{Name: string(kind), KnowledgeBaseType: kind})).KnowledgeBase
		if got.Status != qconnectapi.KnowledgeBaseStatusActive || got.KnowledgeBaseType != kind {
			t.Errorf("create: %s %s, want %s ACTIVE", got.KnowledgeBaseType, got.Status, kind)
		}
		base := got.KnowledgeBaseId
		_, startErr := f.start(me(t), base, f.upload(t, base, "name,content\n"))
		_, createErr := f.create(me(t), input(base, "Greeting"))
		if kind == qconnectapi.KnowledgeBaseTypeQuickResponses {
			if startErr != nil || createErr != nil {
				t.Errorf("%s: start %v, create %v, want both done", kind, startErr, createErr)
			}
			continue
		}
		refused(t, "import into "+string(kind), startErr, fault.Invalid, "is of type "+string(kind))
		refused(t, "create in "+string(kind), createErr, fault.Invalid, "is of type "+string(kind))
		if names := f.names(t, base); names != nil {
			t.Errorf("%s holds %q, want nothing", kind, names)
		}
	}
}

func TestD82_KnowledgeBaseNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := f.newBase(t, "Answers")
	again := &qconnectapi.CreateKnowledgeBaseInput{Name: "Answers", KnowledgeBaseType: "CUSTOM"}
	_, err := f.CreateKnowledgeBase(me(t), again)
	refused(t, "a name twice", err, fault.AlreadyExists, "a knowledge base named Answers already exists")
	f.newBase(t, "answers")
	for _, ctx := range strangers(t) {
		must(f.CreateKnowledgeBase(ctx, again))
	}
	must(f.DeleteKnowledgeBase(me(t), &qconnectapi.DeleteKnowledgeBaseInput{KnowledgeBaseId: id}))
	must(f.CreateKnowledgeBase(me(t), again))
}

func TestD83_KnowledgeBaseClientToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	create := func(change func(*qconnectapi.CreateKnowledgeBaseInput)) (string, error) {
		in := &qconnectapi.CreateKnowledgeBaseInput{
			Name: "Answers", KnowledgeBaseType: "QUICK_RESPONSES", ClientToken: new("token"), Tags: map[string]string{"a": "1", "b": "2"},
		}
		change(in)
		out, err := f.CreateKnowledgeBase(me(t), in)
		if err != nil {
			return "", err
		}
		return out.KnowledgeBase.KnowledgeBaseId, nil
	}
	same := func(*qconnectapi.CreateKnowledgeBaseInput) {}
	id := must(create(same))
	if again := must(create(same)); again != id {
		t.Errorf("repeated: %s, want %s", again, id)
	}
	for what, change := range map[string]func(*qconnectapi.CreateKnowledgeBaseInput){
		"name":        func(in *qconnectapi.CreateKnowledgeBaseInput) { in.Name = "Others" },
		"type":        func(in *qconnectapi.CreateKnowledgeBaseInput) { in.KnowledgeBaseType = "CUSTOM" },
		"description": func(in *qconnectapi.CreateKnowledgeBaseInput) { in.Description = new("text") },
		"tags":        func(in *qconnectapi.CreateKnowledgeBaseInput) { in.Tags = nil },
	} {
		_, err := create(change)
		refused(t, "the token with another "+what, err, fault.Conflict, "client token was used before")
	}
	must(f.DeleteKnowledgeBase(me(t), &qconnectapi.DeleteKnowledgeBaseInput{KnowledgeBaseId: id}))
	if again := must(create(same)); again == id {
		t.Errorf("repeated after deletion: %s, want another", again)
	}
}

func TestD84_DeleteKnowledgeBaseWithJobs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base := f.newBase(t, "Answers")
	must(f.create(me(t), input(base, "Greeting")))
	id := f.newJob(t, base)
	remove := func() error {
		_, err := f.DeleteKnowledgeBase(me(t), &qconnectapi.DeleteKnowledgeBaseInput{KnowledgeBaseId: base})
		return err
	}
	refused(t, "delete with a new job", remove(), fault.Conflict, "import job "+id+" is START_IN_PROGRESS")
	lease := f.claim(t)
	refused(t, "delete with a running job", remove(), fault.Conflict, "import job "+id+" is START_IN_PROGRESS")
	f.end(t, lease, store.Outcome{State: "failed", Error: "broken"})
	again := f.newJob(t, base)
	f.end(t, f.claim(t), store.Outcome{State: "failed", Error: "broken"})
	if err := remove(); err != nil {
		t.Fatalf("delete with an ended job: %v", err)
	}
	for _, id := range []string{id, again} {
		_, err := f.GetImportJob(me(t), &qconnectapi.GetImportJobInput{KnowledgeBaseId: base, ImportJobId: id})
		refused(t, "a job of a deleted base", err, fault.NotFound, "knowledge base "+base+" does not exist")
		_, err = f.db.Job(t.Context(), lease.Owner, job.ID(id))
		refused(t, "the job in the store", err, fault.NotFound, "")
	}
	jobs, _, err := f.db.ListJobs(t.Context(), lease.Owner, store.JobFilter{}, store.Page{Limit: 9})
	if err != nil || len(jobs) > 0 {
		t.Errorf("ListJobs: %d jobs, %v; want none", len(jobs), err)
	}
}
