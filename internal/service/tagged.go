package service

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/internal/store"
)

// TagChange returns the tags that are to be in place of those that a resource has.
type TagChange func(have map[string]string) (map[string]string, error)

// AddingTags is the TagChange that puts tags over those that are there, see AddTags.
func AddingTags(tags map[string]string, most int) TagChange {
	return func(have map[string]string) (map[string]string, error) { return AddTags(have, tags, most) }
}

// DroppingTags is the TagChange that takes off the tags with the given keys.
func DroppingTags(keys []string) TagChange {
	return func(have map[string]string) (map[string]string, error) { return DropTags(have, keys), nil }
}

// Tagged is a resource of a caller's that has tags.
type Tagged interface {
	Tags(ctx context.Context) (map[string]string, error)
	ChangeTags(ctx context.Context, change TagChange) error
}

// ListStore is the part of a store.Store that a TaggedList uses.
type ListStore interface {
	List(ctx context.Context, r store.ListRef) (store.List, error)
	ChangeList(ctx context.Context, r store.ListRef, change func(*store.List) error) (store.List, error)
}

// TaggedList is a list as a resource with tags.
type TaggedList struct {
	Store ListStore
	Ref   store.ListRef
	// Missing gives the error of a list that does not exist the API's text.
	Missing func(error) error
}

// Tags returns the list's tags.
func (t TaggedList) Tags(ctx context.Context) (map[string]string, error) {
	l, err := t.Store.List(ctx, t.Ref)
	return l.Tags, t.Missing(err)
}

// ChangeTags changes the list's tags in one step.
func (t TaggedList) ChangeTags(ctx context.Context, change TagChange) error {
	_, err := t.Store.ChangeList(ctx, t.Ref, func(l *store.List) error {
		tags, err := change(l.Tags)
		if err != nil {
			return err
		}
		l.Tags, l.Updated = tags, time.Now().UTC()
		return nil
	})
	return t.Missing(err)
}
