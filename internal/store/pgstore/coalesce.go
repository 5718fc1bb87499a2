package pgstore

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

// entry is a change, by the beginning of its key and its index in the batch.
type entry struct {
	head uint64
	i    uint32
}

// sorted returns a batch's changes in order of their keys, and those of one key in the
// order in which they were added. Sorted rows go to neighbouring pages, and batches
// that change the same members do so in the same order, which keeps them from
// waiting for each other in a circle.
func sorted(b *store.Batch) []entry {
	order := make([]entry, b.Changes())
	for i := range order {
		order[i] = entry{head(b.Key(i)), uint32(i)}
	}
	slices.SortFunc(order, func(x, y entry) int {
		if x.head != y.head {
			return cmp.Compare(x.head, y.head)
		}
		if c := bytes.Compare(b.Key(int(x.i)), b.Key(int(y.i))); c != 0 {
			return c
		}
		return cmp.Compare(x.i, y.i)
	})
	return order
}

func head(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var first [8]byte
	copy(first[:], key)
	return binary.BigEndian.Uint64(first[:])
}

// sameKey returns how many entries from the first on have its key.
func sameKey(b *store.Batch, order []entry) int {
	key := b.Key(int(order[0].i))
	n := 1
	for n < len(order) && order[n].head == order[0].head && bytes.Equal(b.Key(int(order[n].i)), key) {
		n++
	}
	return n
}

const (
	// Two ways to put members. The first is the faster by a third, and right if none of
	// them is there: it puts those that are not, and tells how many these were. It fails
	// if somebody else puts one of them at the same time. The query within has a LIMIT
	// for PostgreSQL's planner, which on a table that it has no statistics of, yet,
	// expects many rows, and would compile the statement to cope with them.
	sqlAddMembers = `INSERT INTO members (list, key, value, created, updated)
		SELECT $1, c.key, c.value, $2, $2 FROM unnest($3::text[], $4::bytea[]) AS c(key, value)
		WHERE (SELECT m.list FROM members AS m WHERE m.list = $1 AND m.key = c.key LIMIT 1) IS NULL`
	sqlPutMembers = `INSERT INTO members (list, key, value, created, updated)
		SELECT $1, c.key, c.value, $2, $2 FROM unnest($3::text[], $4::bytea[]) AS c(key, value)
		ON CONFLICT (list, key) DO UPDATE SET value = excluded.value, updated = excluded.updated`
	sqlDeleteMembers = `DELETE FROM members WHERE list = $1 AND key = ANY ($2::text[])`
	// Batches that were prepared from the same place have the same records; each of
	// these has one reject, the last.
	sqlPutRejects = `INSERT INTO rejects (job, record, line, byte, code, reason, key, raw, size)
		SELECT $1, r.record, r.line, r.byte, r.code, r.reason, r.key, r.raw, r.size
		FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::bytea[], $8::bytea[], $9::bigint[])
		AS r(record, line, byte, code, reason, key, raw, size)
		ON CONFLICT (job, record) DO UPDATE SET line = excluded.line, byte = excluded.byte,
		code = excluded.code, reason = excluded.reason, key = excluded.key, raw = excluded.raw, size = excluded.size`
)

// A statement takes so many rows, or so many bytes: enough that its cost is that of the
// rows, and little for the server to hold in memory.
const (
	chunkRows  = 8 << 10
	chunkBytes = 2 << 20
)

// work is what a batch comes to.
type work struct {
	deletes, puts, rejects, uniqueKeys []command
	counts                             job.Counts // what it adds
}

// put is an unfinished statement that puts members.
type put struct{ keys, values array }

// plan coalesces the changes of each member, and writes down what is to be done. refused, if
// not nil, has why changes become rejects.
//
// A member that a batch deletes and puts again is a new one: it is deleted first.
func (p *prepared) plan(b *store.Batch, order []entry, refused []*record.Refusal) work {
	var w work
	var gone array
	var puts put
	gone.reset(typeText)
	puts.reset()
	for len(order) > 0 {
		n := sameKey(b, order)
		last, deleted := -1, false
		for _, e := range order[:n] {
			if refused == nil || refused[e.i] == nil {
				last = int(e.i)
				deleted = deleted || b.Deletes(last)
			}
		}
		order = order[n:]
		if last < 0 {
			continue
		}
		if deleted {
			if gone.addKey(b.Key(last)); gone.full() {
				w.deletes = append(w.deletes, p.deleteCommand(&gone))
			}
		}
		if !b.Deletes(last) {
			puts.keys.addKey(b.Key(last))
			if puts.values.add(b.Value(last)); puts.keys.full() || puts.values.full() {
				w.puts = append(w.puts, p.putCommand(&puts))
			}
		}
	}
	if gone.n > 0 {
		w.deletes = append(w.deletes, p.deleteCommand(&gone))
	}
	if puts.keys.n > 0 {
		w.puts = append(w.puts, p.putCommand(&puts))
	}
	late := 0
	w.rejects, late = p.planRejects(b, refused)
	w.counts = job.Counts{Imported: int64(b.Changes() - late), Rejected: int64(b.Rejects() + late)}
	return w
}

func (p *put) reset() {
	p.keys.reset(typeText)
	p.values.reset(typeBlob)
}

func (p *prepared) putCommand(c *put) command {
	defer c.reset()
	return command{
		sqlPutMembers,
		[][]byte{numberArg(p.list), instantArg(p.at), c.keys.bytes(), c.values.bytes()},
		[]uint32{typeNumber, typeInstant, typeTexts, typeBlobs},
		int64(c.keys.n),
	}
}

func (p *prepared) deleteCommand(keys *array) command {
	defer keys.reset(typeText)
	return command{sqlDeleteMembers, [][]byte{numberArg(p.list), keys.bytes()}, []uint32{typeNumber, typeTexts}, int64(keys.n)}
}
