package qconnect

import (
	"slices"
	"strings"

	api "github.com/sluicehq/sluice/internal/api/qconnect"
)

// How well a field holds a value, as it counts in a score.
const (
	nearly    = 1 // some word is one of the field's but for slips
	begun     = 2 // some word only begins one of the field's
	scattered = 4 // all words are in the field, here and there
	together  = 5 // all words are in the field as they stand in the value
	whole     = 8 // the field is the value
)

// priorities are what queries count by: one outweighs all others, of whatever fields,
// that hold equally well and have a lower priority.
var priorities = map[api.Priority]int{
	api.PriorityLow:    1,
	api.PriorityMedium: 16,
	"":                 16,
	api.PriorityHigh:   256,
}

// query asks whether a field holds one of some values.
type query struct {
	text   func(r *response) string
	weight int
	prefix bool // a word may be the beginning of one of the field's
	fuzzy  bool // a word may be one of the field's but for slips
	values []value
}

// value is what a query looks for.
type value struct {
	text  string // folded, without blanks around it
	words []string
}

func newQuery(q *api.QuickResponseQueryField) (query, error) {
	f, err := queriedNamed(q.Name)
	if err != nil {
		return query{}, err
	}
	made := query{
		text:   f.text,
		weight: f.weight * priorities[q.Priority],
		prefix: q.Operator == api.QuickResponseQueryOperatorContainsAndPrefix,
		fuzzy:  q.AllowFuzziness != nil && *q.AllowFuzziness,
	}
	for _, v := range q.Values {
		text := strings.TrimSpace(fold(v))
		made.values = append(made.values, value{text, appendWords(nil, text)})
	}
	return made, nil
}

// score returns what a response counts by the query, 0 if it does not match. Values
// add up. words is room to work in, which is returned as it has grown.
func (q *query) score(r *response, words []string) (int, []string) {
	text := strings.TrimSpace(fold(q.text(r)))
	if text == "" || !q.possible(text) {
		return 0, words
	}
	words = appendWords(words[:0], text)
	sum := 0
	for i := range q.values {
		sum += q.quality(&q.values[i], text, words)
	}
	return sum * q.weight, words
}

// possible is false only if no value can be in a text. It is much faster than to look
// for words, and nearly always enough.
func (q *query) possible(text string) bool {
	return q.fuzzy || slices.ContainsFunc(q.values, func(v value) bool {
		return v.text != "" && !slices.ContainsFunc(v.words, func(w string) bool { return !strings.Contains(text, w) })
	})
}

// quality returns how well a field with a text of words holds a value, 0 if it does not.
func (q *query) quality(v *value, text string, words []string) int {
	switch {
	case v.text == text:
		return whole
	case v.text == "":
		return 0
	case len(v.words) == 0: // signs only, such as "++" or an emoji
		if strings.Contains(text, v.text) {
			return together
		}
		return 0
	}
	least := together
	for _, w := range v.words {
		if least = min(least, q.closest(w, words)); least == 0 {
			return 0
		}
	}
	if least == together && !run(words, v.words) {
		return scattered
	}
	return least
}

// closest returns how well the best of a field's words holds one word of a value.
func (q *query) closest(word string, words []string) int {
	best := 0
	for _, w := range words {
		switch {
		case w == word:
			return together
		case q.prefix && strings.HasPrefix(w, word):
			best = begun
		case q.fuzzy && best == 0 && near(word, w):
			best = nearly
		}
	}
	return best
}
