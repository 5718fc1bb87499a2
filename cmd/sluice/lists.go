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
	near := nearest(ctx, c, l.kind, l.ref, map[string][]namedList{l.kind: lists})
	if len(near) > 0 {
		return fmt.Errorf("%s; did you mean %s? To create the list, add --create", text, strings.Join(near, " or "))
	}
	return fmt.Errorf("%s; to create it, add --create", text)
}

// meantBy returns the lists that a ref was most likely meant for: a name, or a name with
// its kind before it.
func meantBy(ctx context.Context, c *client, ref string) []string {
	kind, name, hasKind := strings.Cut(ref, "/")
	if !hasKind {
		kind, name = "", ref
	}
	return nearest(ctx, c, kind, name, nil)
}

// nearest returns the lists, at most three, that a name was most likely meant for, as --to
// takes them: those whose names are most like it, of equal ones first those of the kind.
// listed are the lists that are known already, by their kind.
func nearest(ctx context.Context, c *client, kind, name string, listed map[string][]namedList) []string {
	type candidate struct {
		to       string
		distance int
	}
	var found []candidate
	kinds := slices.Clone(listKinds)
	slices.SortStableFunc(kinds, func(a, b string) int { return editDistance(a, kind) - editDistance(b, kind) })
	for _, k := range kinds {
		lists, ok := listed[k]
		if !ok {
			lists, _ = listsOf[k](ctx, c) // it is only a hint
		}
		for _, l := range lists {
			d := editDistance(strings.ToLower(name), strings.ToLower(l.name))
			if d <= max(2, len(name)/3) && d < len(name) {
				found = append(found, candidate{k + "/" + l.name, d})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.distance - b.distance })
	var all []string
	for _, c := range found[:min(3, len(found))] {
		all = append(all, c.to)
	}
	return all
}
