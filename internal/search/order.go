package search

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/fault"
)

// order is an Order that was checked. Documents that are equal by it are ordered by ID, so
// that the order is total and pages do not overlap.
type order struct {
	field      *field // nil for relevance
	descending bool
}

func newOrder(o *Order) (order, error) {
	if o == nil {
		return order{}, nil
	}
	f, err := fieldNamed("Order", o.Field)
	return order{f, o.Descending}, err
}

// Position is where a document is in an order.
type Position struct {
	score int    // relevance, in an order by it
	text  string // the beginning of what is in the field, in an order by a field
	empty bool   // nothing is in the field; it comes after all others in both directions
	id    string
}

// maxPositionText is how many bytes of a text count in an order, so that a cursor fits
// into a page token. A name has fewer.
const maxPositionText = 512

// textPosition returns the position of a document that has texts in the order's field: the
// least of them counts.
func (o order) textPosition(texts []string, id string) Position {
	if len(texts) == 0 {
		return Position{empty: true, id: id}
	}
	for i, text := range texts {
		texts[i] = o.field.compared(text)
	}
	text := slices.Min(texts)
	if len(text) > maxPositionText {
		end := maxPositionText
		for !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	return Position{text: text, id: id}
}

// compare is negative if a comes before b.
func (o order) compare(a, b Position) int {
	if a.empty != b.empty {
		if a.empty {
			return 1
		}
		return -1
	}
	byText := cmp.Compare(a.text, b.text)
	if o.descending {
		byText = -byText
	}
	return cmp.Or(-cmp.Compare(a.score, b.score), byText, cmp.Compare(a.id, b.id))
}

// Cursor returns the position as a text from which ParseCursor makes it again.
func (p Position) Cursor() string {
	kind := "t"
	if p.empty {
		kind = "e"
	}
	return kind + strconv.Itoa(p.score) + " " + p.id + " " + p.text
}

// ParseCursor reads what Cursor wrote; anything else is fault.BadToken.
func ParseCursor(text string) (Position, error) {
	parts := strings.SplitN(text, " ", 3)
	if len(parts) < 3 || parts[0] == "" {
		return Position{}, fault.New(fault.BadToken, "Token is invalid.")
	}
	score, err := strconv.Atoi(parts[0][1:])
	if err != nil {
		return Position{}, fault.New(fault.BadToken, "Token is invalid.")
	}
	return Position{score: score, id: parts[1], text: parts[2], empty: parts[0][0] == 'e'}, nil
}
