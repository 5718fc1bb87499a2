package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// listName is a list as --to names it, and what was found under that name.
type listName struct {
	kind    string // as --to spells it
	ref     string // the name or id after the slash
	id      string
	created bool // by this command
}

// namedList is an existing list.
type namedList struct{ id, name string }

// choose takes the list whose name is ref, or else whose id is.
func (l *listName) choose(lists []namedList) bool {
	i := slices.IndexFunc(lists, func(e namedList) bool { return e.name == l.ref })
	if i < 0 {
		i = slices.IndexFunc(lists, func(e namedList) bool { return e.id == l.ref })
	}
	if i >= 0 {
		l.id = lists[i].id
	}
	return i >= 0
}

// listsOf list the lists of each kind that has names, by the kind as --to spells it.
var listsOf = map[string]func(context.Context, *client) ([]namedList, error){
	"address-list":    new(addressList).all,
	"contact-list":    new(contactList).all,
	"quick-responses": new(quickResponses).all,
}

// listKinds are the keys of listsOf, in the order in which they are shown.
var listKinds = []string{"address-list", "contact-list", "quick-responses"}

// missing is the error for a ref that names none of the lists of its kind.
func (l *listName) missing(ctx context.Context, c *client, lists []namedList) error {
	what := strings.ReplaceAll(l.kind, "-", " ") // address list, contact list
	if l.kind == "quick-responses" {
		what = "knowledge base"
	}
	text := fmt.Sprintf("there is no %s %q", what, l.ref)
	near := nearest(l.ref, lists)
	for i, name := range near {
		near[i] = l.kind + "/" + name
	}
	if len(near) == 0 || !strings.HasSuffix(near[0], "/"+l.ref) {
		near = append(l.ofOtherKinds(ctx, c), near...)
	}
	if len(near) > 0 {
		return fmt.Errorf("%s; did you mean %s? To create the list, add --create", text, strings.Join(near, " or "))
	}
	return fmt.Errorf("%s; to create it, add --create", text)
}

// ofOtherKinds returns the lists of other kinds that have the name.
func (l *listName) ofOtherKinds(ctx context.Context, c *client) (found []string) {
	for _, kind := range listKinds {
		if kind == l.kind {
			continue
		}
		lists, err := listsOf[kind](ctx, c)
		if err == nil && slices.ContainsFunc(lists, func(e namedList) bool { return e.name == l.ref }) {
			found = append(found, kind+"/"+l.ref)
		}
	}
	return found
}

// meantBy returns the lists, at most three, that a ref was most likely meant for: a name,
// or a name with its kind before it.
func meantBy(ctx context.Context, c *client, ref string) []string {
	var all []namedList
	_, _, hasKind := strings.Cut(ref, "/")
	for _, kind := range listKinds {
		lists, err := listsOf[kind](ctx, c)
		if err != nil {
			continue // it is only a hint
		}
		for _, l := range lists {
			one := namedList{id: kind + "/" + l.name, name: l.name}
			if hasKind {
				one.name = one.id
			}
			all = append(all, one)
		}
	}
	return nearestOf(ref, all, func(l namedList) string { return l.id })
}

// nearest returns the names, at most three, that a ref was most likely meant for.
func nearest(ref string, lists []namedList) []string {
	return nearestOf(ref, lists, func(l namedList) string { return l.name })
}

// nearestOf is nearest with what shows a list.
func nearestOf(ref string, lists []namedList, shown func(namedList) string) []string {
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	for _, l := range lists {
		d := editDistance(strings.ToLower(ref), strings.ToLower(l.name))
		if d <= max(2, len(ref)/3) {
			found = append(found, candidate{shown(l), d})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.distance - b.distance })
	var names []string
	for _, c := range found[:min(3, len(found))] {
		names = append(names, c.name)
	}
	return names
}
