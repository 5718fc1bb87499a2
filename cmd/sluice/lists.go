package main

import (
	"fmt"
	"slices"
	"strings"
)

// listName is a list as --to names it, and what was found under that name.
type listName struct {
	kind    string // as --to spells it
	word    string // the name or id after the slash
	id      string
	created bool // by this command
}

// namedList is an existing list.
type namedList struct{ id, name string }

// choose takes the list that has the word as its name, or else as its id.
func (l *listName) choose(lists []namedList) bool {
	i := slices.IndexFunc(lists, func(e namedList) bool { return e.name == l.word })
	if i < 0 {
		i = slices.IndexFunc(lists, func(e namedList) bool { return e.id == l.word })
	}
	if i >= 0 {
		l.id = lists[i].id
	}
	return i >= 0
}

// missing is the error for a word that names none of the lists.
func (l *listName) missing(lists []namedList) error {
	what := strings.ReplaceAll(l.kind, "-", " ") // address list, contact list
	if l.kind == "quick-responses" {
		what = "knowledge base"
	}
	text := fmt.Sprintf("there is no %s %q", what, l.word)
	if near := nearest(l.word, lists); len(near) > 0 {
		text += "; did you mean " + l.kind + "/" + strings.Join(near, " or "+l.kind+"/") + "?"
		return fmt.Errorf("%s To create the list, add --create", text)
	}
	return fmt.Errorf("%s; to create it, add --create", text)
}

// nearest returns the names, at most three, that a word was most likely meant for.
func nearest(word string, lists []namedList) []string {
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	for _, l := range lists {
		d := editDistance(strings.ToLower(word), strings.ToLower(l.name))
		if d <= max(2, len(word)/3) {
			found = append(found, candidate{l.name, d})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.distance - b.distance })
	var names []string
	for _, c := range found[:min(3, len(found))] {
		names = append(names, c.name)
	}
	return names
}
