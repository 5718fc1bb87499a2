package search

import "slices"

// Hit is a document that was found: its position, and what the caller keeps of it.
type Hit[T any] struct {
	Position
	Value T
}

// Top keeps the first few of the documents that it is offered, in the order of a search.
type Top[T any] struct {
	order order
	after *Position // only hits behind it count; nil counts all
	limit int
	hits  []Hit[T]
	more  bool
}

// NewTop returns an empty Top of at most limit hits. Only those behind after, which is a
// position or nil, count.
func NewTop[T any](s *Search, limit int, after *Position) *Top[T] {
	return &Top[T]{order: s.order, after: after, limit: limit}
}

// Offer adds a hit if it belongs to the first.
func (t *Top[T]) Offer(p Position, value T) {
	if t.after != nil && t.order.compare(p, *t.after) <= 0 {
		return
	}
	if len(t.hits) == t.limit {
		if t.order.compare(p, t.hits[t.limit-1].Position) > 0 {
			t.more = true
			return
		}
		t.hits = t.hits[:t.limit-1]
		t.more = true
	}
	at, _ := slices.BinarySearchFunc(t.hits, p, func(h Hit[T], p Position) int { return t.order.compare(h.Position, p) })
	t.hits = slices.Insert(t.hits, at, Hit[T]{p, value})
}

// Hits returns the first hits, in order.
func (t *Top[T]) Hits() []Hit[T] { return t.hits }

// More reports whether there are hits behind those.
func (t *Top[T]) More() bool { return t.more }
