package search

import (
	"slices"
	"strings"
)

// How well a field matches a value, as it counts in a score.
const (
	matchFuzzy  = 1 // some token is a few edits away from one of the field's
	matchPrefix = 2 // some token only begins one of the field's
	matchTokens = 4 // all tokens are in the field, apart from each other
	matchPhrase = 5 // all tokens are in the field as they are in the value
	matchWhole  = 8 // the field is the value
)

// weights are what the priorities count.
var weights = [...]int{Low: 1, Medium: 16, High: 256}

// query is a Query that was checked.
type query struct {
	text   func(d *Document) string
	weight int
	prefix bool
	fuzzy  bool
	values []value
}

// value is what a query looks for.
type value struct {
	text   string // folded, without blanks around it
	tokens []string
}

func newQuery(q *Query) (query, error) {
	f, err := queriedNamed(q.Field)
	if err != nil {
		return query{}, err
	}
	made := query{
		text:   f.text,
		weight: f.weight * weights[q.Priority],
		prefix: q.Prefix,
		fuzzy:  q.Fuzzy,
	}
	for _, v := range q.Values {
		text := strings.TrimSpace(casefold(v))
		made.values = append(made.values, value{text, appendTokens(nil, text)})
	}
	return made, nil
}

// score returns what a document counts by the query, 0 if it does not match. Values
// add up. It overwrites tokens, and returns it as it has grown.
func (q *query) score(d *Document, tokens []string) (int, []string) {
	text := strings.TrimSpace(casefold(q.text(d)))
	if text == "" || !q.possible(text) {
		return 0, tokens
	}
	tokens = appendTokens(tokens[:0], text)
	sum := 0
	for i := range q.values {
		sum += q.quality(&q.values[i], text, tokens)
	}
	return sum * q.weight, tokens
}

// possible is false only if no value can be in a text. It is much faster than to look
// for tokens, and nearly always enough.
func (q *query) possible(text string) bool {
	return q.fuzzy || slices.ContainsFunc(q.values, func(v value) bool {
		return v.text != "" && !slices.ContainsFunc(v.tokens, func(w string) bool { return !strings.Contains(text, w) })
	})
}

// quality returns how well a field with a text of tokens holds a value, 0 if it does not.
func (q *query) quality(v *value, text string, tokens []string) int {
	switch {
	case v.text == text:
		return matchWhole
	case v.text == "":
		return 0
	case len(v.tokens) == 0: // signs only, such as "++" or an emoji
		if strings.Contains(text, v.text) {
			return matchPhrase
		}
		return 0
	}
	least := matchPhrase
	for _, w := range v.tokens {
		if least = min(least, q.closest(w, tokens)); least == 0 {
			return 0
		}
	}
	if least == matchPhrase && !containsPhrase(tokens, v.tokens) {
		return matchTokens
	}
	return least
}

// closest returns how well the best of a field's tokens holds one token of a value.
func (q *query) closest(token string, tokens []string) int {
	best := 0
	for _, w := range tokens {
		switch {
		case w == token:
			return matchPhrase
		case q.prefix && strings.HasPrefix(w, token):
			best = matchPrefix
		case q.fuzzy && best == 0 && withinEdits(token, w):
			best = matchFuzzy
		}
	}
	return best
}
