package qconnect

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/store"
)

// UpdateQuickResponse changes what is given and leaves the rest.
func (s *Service) UpdateQuickResponse(ctx context.Context, in *qconnectapi.UpdateQuickResponseInput) (*qconnectapi.UpdateQuickResponseOutput, error) {
	if err := oneOf(in); err != nil {
		return nil, err
	}
	if err := mustSay(in.Name, in.ShortcutKey, in.Content); err != nil {
		return nil, err
	}
	base, id, err := s.response(ctx, in.KnowledgeBaseId, in.QuickResponseId)
	if err != nil {
		return nil, err
	}
	m, err := s.store.ChangeMember(ctx, base, id, time.Now().UTC(), func(m *store.Member) error {
		r, err := responseOf(*m)
		if err != nil {
			return err
		}
		if err := change(&r.QuickResponse, in); err != nil {
			return err
		}
		m.Value, m.Unique = r.Encode(), uniqueKeys(r.QuickResponse)
		return nil
	})
	if err != nil {
		return nil, noResponse(err, base.ID, id)
	}
	r, err := responseOf(m)
	return &qconnectapi.UpdateQuickResponseOutput{QuickResponse: dataOf(base, r)}, err
}

// oneOf refuses to set and to remove the same at once.
func oneOf(in *qconnectapi.UpdateQuickResponseInput) error {
	for _, c := range []struct {
		name   string
		given  bool
		remove *bool
	}{
		{"Description", in.Description != nil, in.RemoveDescription},
		{"GroupingConfiguration", in.GroupingConfiguration != nil, in.RemoveGroupingConfiguration},
		{"ShortcutKey", in.ShortcutKey != nil, in.RemoveShortcutKey},
	} {
		if c.given && isTrue(c.remove) {
			return fault.New(fault.Invalid, "remove%s cannot come with a value that would be set", c.name)
		}
	}
	return nil
}

// mustSay refuses texts of white space alone, of those that are given: nobody could tell
// a quick response by such a name, and in a file it is as good as none.
func mustSay(name, shortcutKey *string, content *qconnectapi.QuickResponseDataProvider) error {
	if content == nil {
		content = new(qconnectapi.QuickResponseDataProvider)
	}
	for _, c := range []struct {
		name string
		text *string
	}{{"name", name}, {"shortcutKey", shortcutKey}, {"content", content.Content}} {
		if c.text != nil && strings.TrimSpace(*c.text) == "" {
			return fault.New(fault.Invalid, "%s is white space alone", c.name)
		}
	}
	return nil
}

// change does to q what in asks for.
func change(q *destination.QuickResponse, in *qconnectapi.UpdateQuickResponseInput) error {
	set(&q.Name, in.Name)
	set(&q.ContentType, in.ContentType)
	set(&q.Description, in.Description)
	set(&q.ShortcutKey, in.ShortcutKey)
	set(&q.Active, in.IsActive)
	if in.Content != nil {
		set(&q.Content, in.Content.Content)
	}
	if in.Channels != nil { // an empty list is given too, and takes all off: nothing else could
		q.Channels = in.Channels
	}
	if isTrue(in.RemoveDescription) {
		q.Description = ""
	}
	if isTrue(in.RemoveShortcutKey) {
		q.ShortcutKey = ""
	}
	if isTrue(in.RemoveGroupingConfiguration) {
		q.Grouping = nil
	}
	if err := setLanguage(q, in.Language); err != nil {
		return err
	}
	return setGrouping(q, in.GroupingConfiguration)
}

// set puts a value into a field if there is one.
func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

func isTrue(b *bool) bool { return b != nil && *b }

func setLanguage(q *destination.QuickResponse, code *string) error {
	if code != nil && !slices.Contains(destination.Languages, *code) {
		return fault.New(fault.Invalid, "language %q is not one of %s", *code, strings.Join(destination.Languages, ", "))
	}
	set(&q.Language, code)
	return nil
}

// setGrouping replaces the grouping as a whole. Neither half of it means anything
// without the other.
func setGrouping(q *destination.QuickResponse, g *qconnectapi.GroupingConfiguration) error {
	switch {
	case g == nil:
		return nil
	case g.Criteria == nil || len(g.Values) == 0:
		return fault.New(fault.Invalid, "groupingConfiguration needs both criteria and values")
	}
	q.Grouping = &destination.Grouping{Criteria: *g.Criteria, Values: g.Values}
	return nil
}
