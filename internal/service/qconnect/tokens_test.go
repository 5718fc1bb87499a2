package qconnect

import (
	"reflect"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/service/servicetest"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
)

func TestD83_QuickResponseClientToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base, other := f.newBase(t, "mine"), f.newBase(t, "other")
	create := func(base string, change func(*qconnectapi.CreateQuickResponseInput)) (*qconnectapi.QuickResponseData, error) {
		in := input(base, "Greeting")
		in.ClientToken, in.ShortcutKey = new("token"), new("hi")
		change(in)
		return f.create(me(t), in)
	}
	same := func(*qconnectapi.CreateQuickResponseInput) {}
	first := must(create(base, same))
	for what, change := range map[string]func(*qconnectapi.CreateQuickResponseInput){
		"same":          same,
		"defaults said": func(in *qconnectapi.CreateQuickResponseInput) { in.IsActive, in.Language = new(true), new("en_US") },
		"ARN":           func(in *qconnectapi.CreateQuickResponseInput) { in.KnowledgeBaseId = first.KnowledgeBaseArn },
	} {
		if again, err := create(base, change); err != nil || !reflect.DeepEqual(again, first) {
			t.Errorf("repeated, %s: %+v, %v, want %+v", what, again, err, first)
		}
	}
	for what, change := range map[string]func(*qconnectapi.CreateQuickResponseInput){
		"name":     func(in *qconnectapi.CreateQuickResponseInput) { in.Name = "Farewell" },
		"content":  func(in *qconnectapi.CreateQuickResponseInput) { in.Content = content("Bye!") },
		"shortcut": func(in *qconnectapi.CreateQuickResponseInput) { in.ShortcutKey = nil },
		"tags":     func(in *qconnectapi.CreateQuickResponseInput) { in.Tags = map[string]string{"a": "b"} },
	} {
		_, err := create(base, change)
		refused(t, "the token with another "+what, err, fault.Conflict, "client token was used before")
	}
	if elsewhere := must(create(other, same)).QuickResponseId; elsewhere == first.QuickResponseId {
		t.Errorf("one token at two bases: %s twice, want two", elsewhere)
	}
	must(f.update(me(t), &qconnectapi.UpdateQuickResponseInput{KnowledgeBaseId: base, QuickResponseId: first.QuickResponseId, Name: new("Welcome")}))
	if again := must(create(base, same)); again.QuickResponseId != first.QuickResponseId || again.Name != "Welcome" {
		t.Errorf("repeated after an update: %s %q, want %s as it is now", again.QuickResponseId, again.Name, first.QuickResponseId)
	}
	must(f.DeleteQuickResponse(me(t), &qconnectapi.DeleteQuickResponseInput{KnowledgeBaseId: base, QuickResponseId: first.QuickResponseId}))
	again := must(create(base, same))
	if again.QuickResponseId != first.QuickResponseId || again.Name != "Greeting" || !again.CreatedTime.After(first.CreatedTime) {
		t.Errorf("repeated after deletion: %+v, want it made anew under %s", again, first.QuickResponseId)
	}
}

func TestD83_ConcurrentRepeats(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base := f.newBase(t, "Answers")
	in := input(base, "Greeting")
	in.ClientToken = new("token")
	made := make([]*qconnectapi.QuickResponseData, 10)
	var all sync.WaitGroup
	for i := range made {
		all.Go(func() { made[i] = must(f.create(me(t), in)) })
	}
	all.Wait()
	for _, r := range made {
		if !reflect.DeepEqual(r, made[0]) {
			t.Errorf("one token answered with %+v and %+v, want one", r, made[0])
		}
	}
	if names := f.names(t, base); len(names) != 1 {
		t.Errorf("made by ten repeats: %q, want one", names)
	}
}

func TestD83_AfterRestart(t *testing.T) {
	t.Parallel()
	w, disk := servicetest.NewWorld(t, limits.None), vfs.NewMem()
	var before []string
	for range 2 {
		db := must(pebblestore.Open("db", pebblestore.Options{FS: disk}))
		f := fixture{New(db, w.Files, w.Links, w.Tokens, w.Options), db, w.Files, w.Woken}
		base := must(f.CreateKnowledgeBase(me(t), &qconnectapi.CreateKnowledgeBaseInput{
			Name: "Answers", KnowledgeBaseType: "QUICK_RESPONSES", ClientToken: new("token"),
		})).KnowledgeBase.KnowledgeBaseId
		in := input(base, "Greeting")
		in.ClientToken = new("token")
		made := []string{base, must(f.create(me(t), in)).QuickResponseId}
		if before != nil && !reflect.DeepEqual(made, before) {
			t.Errorf("repeated after a restart: %q, want %q", made, before)
		}
		before = made
		if err := db.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
}
