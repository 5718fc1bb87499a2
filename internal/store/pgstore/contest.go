package pgstore

import (
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

// A contested batch has changes that its list may not allow. They are played in the
// order in which they were added, when the list is locked.

const (
	// sqlTouchList changes nothing, but refuses who waited for the list under an isolation
	// level that would show the members as they were before.
	sqlTouchList = `UPDATE lists SET changed_by = changed_by WHERE number = $1`

	sqlCountAll = `SELECT count(*) FROM members WHERE list = $1`
	sqlThere    = `SELECT key FROM members WHERE list = $1 AND key = ANY ($2::text[])`

	sqlWordsNamed  = `SELECT word, key FROM words WHERE list = $1 AND word = ANY ($2::text[])`
	sqlWordsOf     = `SELECT word, key FROM words WHERE list = $1 AND key = ANY ($2::text[])`
	sqlDeleteWords = `DELETE FROM words WHERE list = $1 AND word = ANY ($2::text[])`
	sqlPutWords    = `INSERT INTO words (list, word, key) SELECT $1, w.word, w.key FROM unnest($2::text[], $3::text[]) AS w(word, key)`
)

// contest is a contested batch before it meets its list.
type contest struct {
	batch store.Batch
	order []entry
	// The words that the puts claim, in the database's form: those of change i are from
	// first[i] to first[i+1]. Without words, first is nil.
	first []uint32
	words []string
	taken []*record.Refusal // of each word
}

func newContest(b *store.Batch, k destination.Kind, order []entry) (*contest, error) {
	c := &contest{order: order}
	c.batch.CopyFrom(b)
	if !b.Claims {
		return c, nil
	}
	c.first = make([]uint32, 1, b.Changes()+1)
	for i := range b.Changes() {
		if !b.Deletes(i) {
			words, err := destination.Words(k, b.Value(i))
			if err != nil {
				return nil, err
			}
			for _, w := range words {
				c.words, c.taken = append(c.words, keyText(w.Text)), append(c.taken, w.Taken)
			}
		}
		c.first = append(c.first, uint32(len(c.words)))
	}
	return c, nil
}

// state is a list as far as a contested batch is about it. Keys and words are in the
// database's form.
type state struct {
	count int64    // members; not counted without a limit
	keys  []string // of the members that the changes are about
	of    []int    // of each change: which of keys
	there []bool   // of each of keys
	had   map[string]string
	owner map[string]string   // the key of who has a word
	has   map[string][]string // words of the members that have some
}

// read looks up what the changes are about. The caller has the list for itself.
func (c *contest) read(ctx context.Context, a *attempt, list int64) (*state, error) {
	st := new(state)
	if c.batch.MaxMembers > 0 {
		if _, err := a.Exec(ctx, sqlTouchList, list); err != nil {
			return nil, err
		}
		if err := a.QueryRow(ctx, sqlCountAll, list).Scan(&st.count); err != nil {
			return nil, err
		}
	}
	c.group(st)
	there := make(map[string]bool)
	err := a.lookUp(ctx, sqlThere, list, st.keys, func(row pgx.Row) error {
		var key string
		err := row.Scan(&key)
		there[key] = true
		return err
	})
	if err != nil {
		return nil, err
	}
	st.there = make([]bool, len(st.keys))
	for i, key := range st.keys {
		st.there[i] = there[key]
	}
	if c.first == nil {
		return st, nil
	}
	st.owner, st.has = make(map[string]string), make(map[string][]string)
	for sql, names := range map[string][]string{sqlWordsNamed: c.words, sqlWordsOf: st.keys} {
		err := a.lookUp(ctx, sql, list, names, func(row pgx.Row) error {
			var word, key string
			err := row.Scan(&word, &key)
			st.owner[word] = key
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	for word, key := range st.owner {
		st.has[key] = append(st.has[key], word)
	}
	st.had = maps.Clone(st.owner)
	return st, nil
}

// group tells apart the members that the changes are about.
func (c *contest) group(st *state) {
	b := &c.batch
	st.of = make([]int, b.Changes())
	for order := c.order; len(order) > 0; {
		n := sameKey(b, order)
		for _, e := range order[:n] {
			st.of[e.i] = len(st.keys)
		}
		st.keys = append(st.keys, keyText(string(b.Key(int(order[0].i)))))
		order = order[n:]
	}
}

// lookUp asks for the rows of names, for some thousands at once.
func (a *attempt) lookUp(ctx context.Context, sql string, list int64, names []string, read func(pgx.Row) error) error {
	for some := range slices.Chunk(names, a.atOnce(chunkRows)) {
		rows, err := a.Query(ctx, sql, list, some)
		if err != nil {
			return err
		}
		if err := eachRow(rows, read); err != nil {
			return err
		}
	}
	return nil
}

// play does the changes to st, and tells of each why it is refused, or nil.
func (c *contest) play(st *state) []*record.Refusal {
	b := &c.batch
	refused := make([]*record.Refusal, b.Changes())
	for i := range refused {
		m := st.of[i]
		if b.Deletes(i) {
			if st.there[m] {
				st.there[m] = false
				st.count--
			}
			st.drop(st.keys[m])
			continue
		}
		if refused[i] = c.refuses(st, i); refused[i] != nil {
			continue
		}
		if !st.there[m] {
			st.there[m] = true
			st.count++
		}
		if c.first != nil {
			st.keep(st.keys[m], c.claims(i))
		}
	}
	return refused
}

// refuses tells why the list does not allow a put.
func (c *contest) refuses(st *state, i int) *record.Refusal {
	m := st.of[i]
	for n, word := range c.claims(i) {
		if owner, ok := st.owner[word]; ok && owner != st.keys[m] {
			return c.taken[int(c.first[i])+n]
		}
	}
	if most := c.batch.MaxMembers; !st.there[m] && most > 0 && st.count >= int64(most) {
		return &store.ListFull
	}
	return nil
}

// claims returns the words of a change.
func (c *contest) claims(i int) []string {
	if c.first == nil {
		return nil
	}
	return c.words[c.first[i]:c.first[i+1]]
}

// drop takes a member's words from it.
func (st *state) drop(key string) {
	for _, word := range st.has[key] {
		delete(st.owner, word)
	}
	delete(st.has, key)
}

// keep gives a member words in place of those it had.
func (st *state) keep(key string, words []string) {
	st.drop(key)
	for _, word := range words {
		st.owner[word] = key
	}
	st.has[key] = words
}

// planWords plans to store who has which words now.
func (st *state) planWords(list int64) (commands []command) {
	var gone, words, keys array
	for _, a := range []*array{&gone, &words, &keys} {
		a.reset(typeText)
	}
	drop := func() {
		commands = append(commands, command{
			sqlDeleteWords, [][]byte{numberArg(list), gone.bytes()}, []uint32{typeNumber, typeTexts}, int64(gone.n),
		})
		gone.reset(typeText)
	}
	put := func() {
		commands = append(commands, command{
			sqlPutWords,
			[][]byte{numberArg(list), words.bytes(), keys.bytes()},
			[]uint32{typeNumber, typeTexts, typeTexts},
			int64(words.n),
		})
		words.reset(typeText)
		keys.reset(typeText)
	}
	for _, word := range unlike(st.had, st.owner) {
		if gone.addText(word); gone.full() {
			drop()
		}
	}
	if gone.n > 0 {
		drop()
	}
	for _, word := range unlike(st.owner, st.had) {
		words.addText(word)
		if keys.addText(st.owner[word]); words.full() || keys.full() {
			put()
		}
	}
	if words.n > 0 {
		put()
	}
	return commands
}

// unlike returns the words that x gives to somebody, and y does not give to the same.
func unlike(x, y map[string]string) (words []string) {
	for word, key := range x {
		if other, ok := y[word]; !ok || other != key {
			words = append(words, word)
		}
	}
	slices.Sort(words)
	return words
}
