package qconnect

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/limits"
)

func TestD93_NamesAndShortcutKeys(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base, other := f.newBase(t, "mine"), f.newBase(t, "other")
	create := func(base, name, shortcut string) (string, error) {
		in := input(base, name)
		in.ShortcutKey = optional(shortcut)
		out, err := f.create(me(t), in)
		if err != nil {
			return "", err
		}
		return out.QuickResponseId, nil
	}
	greeting := must(create(base, "Greeting", "hi"))
	farewell := must(create(base, "Farewell", "bye"))
	rename := func(id string, in qconnectapi.UpdateQuickResponseInput) error {
		in.KnowledgeBaseId, in.QuickResponseId = base, id
		_, err := f.update(me(t), &in)
		return err
	}
	_, err := create(base, "Greeting", "")
	refused(t, "a name twice", err, fault.AlreadyExists, "name")
	_, err = create(base, "Welcome", "hi")
	refused(t, "a shortcut key twice", err, fault.AlreadyExists, "shortcut")
	refused(t, "a name by update", rename(farewell, qconnectapi.UpdateQuickResponseInput{Name: new("Greeting")}), fault.AlreadyExists, "name")
	refused(t, "a shortcut key by update", rename(farewell, qconnectapi.UpdateQuickResponseInput{ShortcutKey: new("hi")}), fault.AlreadyExists, "shortcut")

	must(create(base, "greeting", "HI")) // case counts
	must(create(base, "hi", "Greeting")) // a name is no shortcut key
	must(create(base, "without", ""))    // and to have none is nothing that could be taken
	must(create(base, "without, too", ""))
	must(create(other, "Greeting", "hi"))

	for _, in := range []qconnectapi.UpdateQuickResponseInput{{Name: new("Welcome")}, {RemoveShortcutKey: new(true)}} {
		if err := rename(greeting, in); err != nil {
			t.Errorf("update: %v", err)
		}
	}
	must(create(base, "Greeting", "hi")) // given up by the update
	must(f.DeleteQuickResponse(me(t), &qconnectapi.DeleteQuickResponseInput{KnowledgeBaseId: base, QuickResponseId: farewell}))
	must(create(base, "Farewell", "bye")) // and by the deletion
}

func TestD93_ConcurrentCreates(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base := f.newBase(t, "Answers")
	for _, tt := range []struct {
		what string
		in   func(i int) *qconnectapi.CreateQuickResponseInput
	}{
		{"name", func(int) *qconnectapi.CreateQuickResponseInput { return input(base, "Greeting") }},
		{"shortcut key", func(i int) *qconnectapi.CreateQuickResponseInput {
			in := input(base, fmt.Sprint("response ", i))
			in.ShortcutKey = new("hi")
			return in
		}},
		{"name under tokens", func(i int) *qconnectapi.CreateQuickResponseInput {
			in := input(base, "Farewell")
			in.ClientToken = new(fmt.Sprint("token ", i))
			return in
		}},
	} {
		var done atomic.Int32
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				switch _, err := f.create(me(t), tt.in(i)); {
				case err == nil:
					done.Add(1)
				case !fault.Is(err, fault.AlreadyExists):
					t.Errorf("create of one %s: %v, want AlreadyExists", tt.what, err)
				}
			})
		}
		all.Wait()
		if n := done.Load(); n != 1 {
			t.Errorf("20 concurrent creates of one %s: %d done, want 1", tt.what, n)
		}
	}
	if names := f.names(t, base); len(names) != 3 {
		t.Errorf("quick responses: %q, want 3", names)
	}
}

func TestD93_ConcurrentUpdates(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base := f.newBase(t, "Answers")
	var done atomic.Int32
	var all sync.WaitGroup
	for i := range 20 {
		id := must(f.create(me(t), input(base, fmt.Sprint("response ", i)))).QuickResponseId
		all.Go(func() {
			_, err := f.update(me(t), &qconnectapi.UpdateQuickResponseInput{KnowledgeBaseId: base, QuickResponseId: id, Name: new("Greeting")})
			switch {
			case err == nil:
				done.Add(1)
			case !fault.Is(err, fault.AlreadyExists):
				t.Errorf("update: %v, want AlreadyExists", err)
			}
		})
	}
	all.Wait()
	if n := done.Load(); n != 1 {
		t.Errorf("20 concurrent updates to one name: %d done, want 1", n)
	}
}
