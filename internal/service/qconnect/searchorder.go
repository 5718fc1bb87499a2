package qconnect

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	api "github.com/sluicehq/sluice/internal/api/qconnect"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/store"
)

// order is what comes first among the responses found: by a field, or by relevance if
// it has none. What is equal is ordered by id, so that the order is total and pages
// do not overlap.
type order struct {
	field *field
	down  bool // the last comes first
}

func newOrder(o *api.QuickResponseOrderField) (order, error) {
	if o == nil {
		return order{}, nil
	}
	f, err := fieldNamed("Order", o.Name)
	return order{f, o.Order == api.OrderDesc}, err
}

// place is where a response stands in an order.
type place struct {
	score int    // relevance, in an order by it
	text  string // the beginning of what is in the field, in an order by a field
	empty bool   // nothing is; it stands behind all others, upwards and downwards
	id    string
}

// maxPlace is how many bytes of a text count in an order, so that a place fits into a
// page token. A name has fewer.
const maxPlace = 512

// textPlace returns the place of a response that has texts in the order's field: the
// least of them counts.
func (o order) textPlace(texts []string, id string) place {
	if len(texts) == 0 {
		return place{empty: true, id: id}
	}
	for i, text := range texts {
		texts[i] = o.field.compared(text)
	}
	text := slices.Min(texts)
	if len(text) > maxPlace {
		end := maxPlace
		for !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	return place{text: text, id: id}
}

// compare is negative if a comes before b.
func (o order) compare(a, b place) int {
	if a.empty != b.empty {
		if a.empty {
			return 1
		}
		return -1
	}
	byText := cmp.Compare(a.text, b.text)
	if o.down {
		byText = -byText
	}
	return cmp.Or(-cmp.Compare(a.score, b.score), byText, cmp.Compare(a.id, b.id))
}

// word is a place as the word from which the next page goes on.
func (p place) word() string {
	kind := "t"
	if p.empty {
		kind = "e"
	}
	return kind + strconv.Itoa(p.score) + " " + p.id + " " + p.text
}

// placeOf reads a word; anything but one is fault.BadToken.
func placeOf(word string) (place, error) {
	parts := strings.SplitN(word, " ", 3)
	if len(parts) < 3 || parts[0] == "" {
		return place{}, fault.New(fault.BadToken, "Token is invalid.")
	}
	score, err := strconv.Atoi(parts[0][1:])
	if err != nil {
		return place{}, fault.New(fault.BadToken, "Token is invalid.")
	}
	return place{score: score, id: parts[1], text: parts[2], empty: parts[0][0] == 'e'}, nil
}

// hit is a member that was found, and its place.
type hit struct {
	place
	member store.Member
}

// best keeps the first few of the hits that it is shown, in order.
type best struct {
	order
	after *place // only hits behind it count; nil counts all
	most  int
	hits  []hit
	more  bool // some had to be left out
}

// offer shows a hit.
func (b *best) offer(p place, m store.Member) {
	if b.after != nil && b.compare(p, *b.after) <= 0 {
		return
	}
	if len(b.hits) == b.most {
		if b.compare(p, b.hits[b.most-1].place) > 0 {
			b.more = true
			return
		}
		b.hits = b.hits[:b.most-1]
		b.more = true
	}
	at, _ := slices.BinarySearchFunc(b.hits, p, func(h hit, p place) int { return b.compare(h.place, p) })
	b.hits = slices.Insert(b.hits, at, hit{p, m})
}
