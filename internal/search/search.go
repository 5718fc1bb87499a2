// Package search finds short texts, the quick responses of a knowledge base, by queries
// and filters, and orders what it found.
//
// In come an Expression and, one at a time, Documents; out come whether a document
// matches, and its Position among those that do. Top keeps the first few of them, so that
// a search of any number of documents needs the memory of one page. There is no index
// and no I/O: the caller reads the documents, all of them for each page.
//
// Texts are compared as tokens, case-folded: words, or single characters in scripts
// that put no spaces between words. Fuzzy queries also accept tokens that are one or two
// edits away.
package search

import "time"

// Document is what is searched.
type Document struct {
	ID          string // orders documents that are equal otherwise
	Name        string
	ShortcutKey string
	Content     string
	ContentType string
	Description string
	Language    string
	Channels    []string
	Active      bool

	GroupingCriteria string
	GroupingValues   []string

	Created, Updated time.Time
	UpdatedBy        string
}

// Expression is what is searched for: the documents that match at least one of the
// queries, or all if there are none, and that pass every filter.
type Expression struct {
	Queries []Query
	Filters []Filter
	Order   *Order // nil orders by relevance
}

// Query asks for documents whose field contains one of the values: each token of the
// value.
type Query struct {
	Field    string // shortcutKey, name, content or description
	Values   []string
	Prefix   bool // a token of the value may be the beginning of one in the field
	Fuzzy    bool // a token of the value may be a few edits away from one in the field
	Priority Priority
}

// Priority is how much a query counts in the relevance of a document.
type Priority uint8

// The priorities. One outweighs all queries of a lower priority, of whatever fields,
// that match equally well.
const (
	Medium Priority = iota
	Low
	High
)

// Filter lets documents pass that have one of the values in a field.
type Filter struct {
	Field    string // one of those listed at fields
	Values   []string
	Prefix   bool // or a value of which one of the values is the beginning
	OrAbsent bool // or nothing in the field
}

// Order is which documents come first.
type Order struct {
	Field      string
	Descending bool
}

// Search is an expression that was checked. It is not safe for concurrent use.
type Search struct {
	queries []query
	filters []filter
	order   order
	scratch []string
}

// New checks an expression. What is wrong with it is fault.Invalid.
func New(e Expression) (*Search, error) {
	s := new(Search)
	for i := range e.Queries {
		q, err := newQuery(&e.Queries[i])
		if err != nil {
			return nil, err
		}
		s.queries = append(s.queries, q)
	}
	for i := range e.Filters {
		f, err := newFilter(&e.Filters[i])
		if err != nil {
			return nil, err
		}
		s.filters = append(s.filters, f)
	}
	var err error
	s.order, err = newOrder(e.Order)
	return s, err
}

// Match reports whether a document is searched for, and its position among those that
// are.
func (s *Search) Match(d *Document) (Position, bool) {
	var ok bool
	for i := range s.filters {
		if ok, s.scratch = s.filters[i].passes(d, s.scratch); !ok {
			return Position{}, false
		}
	}
	sum := 0
	for i := range s.queries {
		var score int
		score, s.scratch = s.queries[i].score(d, s.scratch)
		sum += score
	}
	if len(s.queries) > 0 && sum == 0 {
		return Position{}, false
	}
	if s.order.field == nil {
		return Position{score: sum, id: d.ID}, true
	}
	s.scratch = s.order.field.texts(s.scratch[:0], d)
	return s.order.textPosition(s.scratch, d.ID), true
}
