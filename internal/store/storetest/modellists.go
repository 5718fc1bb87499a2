package storetest

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"math"
	"slices"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

type modelList struct {
	store.List
	token   tokenKey
	members map[string]store.Member // with their unique keys
	holders map[string]string       // the key of the member that has a unique key
}

func copyList(l store.List) store.List {
	l.Config, l.Tags = bytes.Clone(l.Config), maps.Clone(l.Tags)
	l.Created, l.Updated = stamp(l.Created), stamp(l.Updated)
	return l
}

func (m *Model) list(r store.ListRef) (*modelList, error) {
	if l := m.lists[r]; l != nil {
		return l, nil
	}
	return nil, store.NoList(r)
}

// named reports whether an owner has a list of the name, and how many of the kind.
func (m *Model) named(r store.ListRef, name string) (taken bool, n int) {
	for other, l := range m.lists {
		if other.Owner == r.Owner && other.Kind == r.Kind {
			n++
			taken = taken || l.Name == name
		}
	}
	return taken, n
}

// CreateList implements store.Lists.
func (m *Model) CreateList(ctx context.Context, l store.List, once store.Once, most int) (store.List, error) {
	unlock, err := m.open(ctx)
	if err != nil {
		return store.List{}, err
	}
	defer unlock()
	token := tokenKey{l.Ref.Owner, "list " + string(l.Ref.Kind), once.Token}
	if id, ok, err := m.once(token, once); err != nil || ok {
		if err != nil {
			return store.List{}, err
		}
		l.Ref.ID = id
		return copyList(m.lists[l.Ref].List), nil
	}
	taken, n := m.named(l.Ref, l.Name)
	if taken || m.lists[l.Ref] != nil {
		return store.List{}, fault.New(fault.AlreadyExists, "the name or ID is taken")
	}
	if most > 0 && n >= most {
		return store.List{}, fault.New(fault.LimitExceeded, "too many lists")
	}
	m.lists[l.Ref] = &modelList{List: copyList(l), token: token, members: map[string]store.Member{}, holders: map[string]string{}}
	if once.Token != "" {
		m.tokens[token] = made{once.Input, l.Ref.ID}
	}
	return copyList(l), nil
}

// List implements store.Lists.
func (m *Model) List(ctx context.Context, r store.ListRef) (store.List, error) {
	return m.ChangeList(ctx, r, func(*store.List) error { return nil })
}

// ListLists implements store.Lists.
func (m *Model) ListLists(ctx context.Context, o job.Owner, k job.Kind, p store.Page) ([]store.List, string, error) {
	unlock, err := m.open(ctx)
	if err != nil {
		return nil, "", err
	}
	defer unlock()
	var all []store.List
	for r, l := range m.lists {
		if r.Owner == o && r.Kind == k {
			all = append(all, copyList(l.List))
		}
	}
	every := func(store.List) bool { return true }
	return page(all, p, math.MaxInt, false, every, func(l store.List) string { return cursorText(l.Created, l.Ref.ID) })
}

// FindLists implements store.Lists.
func (m *Model) FindLists(ctx context.Context, o job.Owner, names ...string) ([]store.List, error) {
	unlock, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var found []store.List
	for r, l := range m.lists {
		if r.Owner == o && (slices.Contains(names, r.ID) || slices.Contains(names, l.Name)) {
			found = append(found, copyList(l.List))
		}
	}
	slices.SortFunc(found, func(a, b store.List) int {
		return cmp.Or(cmp.Compare(a.Ref.Kind, b.Ref.Kind), cmp.Compare(a.Ref.ID, b.Ref.ID))
	})
	return found, nil
}

// ChangeList implements store.Lists.
func (m *Model) ChangeList(ctx context.Context, r store.ListRef, change func(*store.List) error) (store.List, error) {
	unlock, err := m.open(ctx)
	if err != nil {
		return store.List{}, err
	}
	defer unlock()
	was, err := m.list(r)
	if err != nil {
		return store.List{}, err
	}
	l := copyList(was.List)
	if err := change(&l); err != nil {
		return store.List{}, err
	}
	if taken, _ := m.named(r, l.Name); taken && l.Name != was.Name {
		return store.List{}, fault.New(fault.AlreadyExists, "the name is taken")
	}
	l.Ref, l.Created, l.UniqueKeys = was.Ref, was.Created, was.UniqueKeys
	was.List = copyList(l)
	return copyList(l), nil
}

// DeleteList implements store.Lists.
func (m *Model) DeleteList(ctx context.Context, r store.ListRef) error {
	unlock, err := m.open(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	l, err := m.list(r)
	if err != nil {
		return err
	}
	delete(m.lists, r)
	delete(m.tokens, l.token)
	return nil
}

// DeleteListWithJobs implements store.Lists.
func (m *Model) DeleteListWithJobs(ctx context.Context, r store.ListRef) error {
	unlock, err := m.open(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	l, err := m.list(r)
	if err != nil {
		return err
	}
	for _, j := range m.jobs {
		if j.list == l && !j.State.Final() {
			return fault.New(fault.Conflict, "job %s is %s", j.ID, j.State)
		}
	}
	for k, j := range m.jobs {
		if j.list == l {
			delete(m.jobs, k)
			delete(m.tokens, j.token)
		}
	}
	delete(m.lists, r)
	delete(m.tokens, l.token)
	return nil
}
