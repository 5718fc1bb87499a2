package pgstore

import (
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

// A batch that needs a check has puts that its list may not allow. Its changes are applied,
// in the order in which they were added, to what is known of the list when it is locked.

const (
	// sqlTouchList changes nothing, but refuses who waited for the list under an isolation
	// level that would show the members as they were before.
	sqlTouchList = `UPDATE lists SET caller_op = caller_op WHERE number = $1`

	sqlCountAll = `SELECT count(*) FROM members WHERE list = $1`
	sqlThere    = `SELECT key FROM members WHERE list = $1 AND key = ANY ($2::text[])`

	sqlHolders          = `SELECT unique_key, member FROM unique_keys WHERE list = $1 AND unique_key = ANY ($2::text[])`
	sqlUniqueKeysOf     = `SELECT unique_key, member FROM unique_keys WHERE list = $1 AND member = ANY ($2::text[])`
	sqlDeleteUniqueKeys = `DELETE FROM unique_keys WHERE list = $1 AND unique_key = ANY ($2::text[])`
	sqlPutUniqueKeys    = `INSERT INTO unique_keys (list, unique_key, member)
		SELECT $1, u.unique_key, u.member FROM unnest($2::text[], $3::text[]) AS u(unique_key, member)`
)

// checkedBatch is a batch that needs a check, before what its list holds is known.
type checkedBatch struct {
	batch *store.Batch
	order []entry
	// The unique keys of the puts, in the database's form: those of change i are from
	// first[i] to first[i+1]. Without unique keys, first is nil.
	first  []uint32
	unique []string
	taken  []*record.Refusal // of each unique key
}

func newCheckedBatch(b *store.Batch, order []entry) *checkedBatch {
	c := &checkedBatch{batch: b, order: order}
	if !b.UniqueKeys {
		return c
	}
	c.first = make([]uint32, 1, b.Changes()+1)
	var keys []store.UniqueKey
	for i := range b.Changes() {
		keys = b.AppendUnique(keys[:0], i)
		for _, k := range keys {
			c.unique, c.taken = append(c.unique, keyText(string(k.Key))), append(c.taken, k.Taken)
		}
		c.first = append(c.first, uint32(len(c.unique)))
	}
	return c
}

// listState is a list as far as a batch is about it. Keys and unique keys are in the
// database's form.
type listState struct {
	count  int64    // members; not counted without a limit
	keys   []string // of the members that the changes are about
	of     []int    // of each change: which of keys
	there  []bool   // of each of keys
	was    map[string]string
	holder map[string]string   // the key of the member that has a unique key; was is how it was before
	unique map[string][]string // unique keys of the members that have some
}

// loadExisting looks up what the changes are about. The transaction has locked the list.
func (c *checkedBatch) loadExisting(ctx context.Context, a *attempt, list int64) (*listState, error) {
	st := new(listState)
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
	return st, c.loadUniqueKeys(ctx, a, list, st)
}

// loadUniqueKeys looks up which members have the unique keys of the puts, and which unique
// keys the members have that the changes are about.
func (c *checkedBatch) loadUniqueKeys(ctx context.Context, a *attempt, list int64, st *listState) error {
	st.holder, st.unique = make(map[string]string), make(map[string][]string)
	read := func(row pgx.Row) error {
		var unique, member string
		err := row.Scan(&unique, &member)
		st.holder[unique] = member
		return err
	}
	if err := a.lookUp(ctx, sqlHolders, list, c.unique, read); err != nil {
		return err
	}
	if err := a.lookUp(ctx, sqlUniqueKeysOf, list, st.keys, read); err != nil {
		return err
	}
	for unique, member := range st.holder {
		st.unique[member] = append(st.unique[member], unique)
	}
	st.was = maps.Clone(st.holder)
	return nil
}

// group distinguishes the members that the changes are about.
func (c *checkedBatch) group(st *listState) {
	b := c.batch
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

// resolve applies the changes to st, and returns of each why it is refused, or nil.
func (c *checkedBatch) resolve(st *listState) []*record.Refusal {
	b := c.batch
	refused := make([]*record.Refusal, b.Changes())
	for i := range refused {
		m := st.of[i]
		if b.Deletes(i) {
			if st.there[m] {
				st.there[m] = false
				st.count--
			}
			st.release(st.keys[m])
			continue
		}
		if refused[i] = c.conflict(st, i); refused[i] != nil {
			continue
		}
		if !st.there[m] {
			st.there[m] = true
			st.count++
		}
		if c.first != nil {
			st.assign(st.keys[m], c.uniqueKeys(i))
		}
	}
	return refused
}

// conflict returns why the list does not allow a put.
func (c *checkedBatch) conflict(st *listState, i int) *record.Refusal {
	m := st.of[i]
	for n, unique := range c.uniqueKeys(i) {
		if holder, ok := st.holder[unique]; ok && holder != st.keys[m] {
			return c.taken[int(c.first[i])+n]
		}
	}
	if most := c.batch.MaxMembers; !st.there[m] && most > 0 && st.count >= int64(most) {
		return &store.ListFull
	}
	return nil
}

// uniqueKeys returns the unique keys of a change.
func (c *checkedBatch) uniqueKeys(i int) []string {
	if c.first == nil {
		return nil
	}
	return c.unique[c.first[i]:c.first[i+1]]
}

// release takes a member's unique keys from it.
func (st *listState) release(key string) {
	for _, unique := range st.unique[key] {
		delete(st.holder, unique)
	}
	delete(st.unique, key)
}

// assign gives a member unique keys in place of those it had.
func (st *listState) assign(key string, unique []string) {
	st.release(key)
	for _, u := range unique {
		st.holder[u] = key
	}
	st.unique[key] = unique
}

// planUniqueKeys plans to store which member has which unique key now.
func (st *listState) planUniqueKeys(list int64) (commands []command) {
	var gone, keys, members array
	for _, a := range []*array{&gone, &keys, &members} {
		a.reset(typeText)
	}
	remove := func() {
		commands = append(commands, command{
			sqlDeleteUniqueKeys, [][]byte{numberArg(list), gone.bytes()}, []uint32{typeNumber, typeTexts}, int64(gone.n),
		})
		gone.reset(typeText)
	}
	put := func() {
		commands = append(commands, command{
			sqlPutUniqueKeys,
			[][]byte{numberArg(list), keys.bytes(), members.bytes()},
			[]uint32{typeNumber, typeTexts, typeTexts},
			int64(keys.n),
		})
		keys.reset(typeText)
		members.reset(typeText)
	}
	for _, unique := range notIn(st.holder, st.was) {
		if gone.addText(unique); gone.full() {
			remove()
		}
	}
	if gone.n > 0 {
		remove()
	}
	for _, unique := range notIn(st.was, st.holder) {
		keys.addText(unique)
		if members.addText(st.holder[unique]); keys.full() || members.full() {
			put()
		}
	}
	if keys.n > 0 {
		put()
	}
	return commands
}

// notIn returns the unique keys that x gives to a member, and y does not give to the same.
func notIn(y, x map[string]string) (keys []string) {
	for unique, member := range x {
		if other, ok := y[unique]; !ok || other != member {
			keys = append(keys, unique)
		}
	}
	slices.Sort(keys)
	return keys
}
