package store

import (
	"time"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/record"
)

// ListFull is the refusal that Commit gives to changes beyond a batch's MaxMembers.
var ListFull = record.Refusal{Code: "list-full", Reason: "the list already holds as many members as it may"}

// UniqueKey is something beside its key that only one member of a list has at a time.
type UniqueKey struct {
	Key []byte
	// Taken is why a put is refused for which another member has the key.
	Taken *record.Refusal
}

// Batch collects what records do to the members of a list, to be committed as one. It
// copies all it is given into one arena, so that filling it allocates nothing once it has
// grown; it is used again after Reset. The zero value is an empty batch.
//
// One goroutine fills a batch. While it is being prepared, nobody does; and if it
// NeedsCheck, nobody does until what was prepared is committed or discarded.
type Batch struct {
	Through    record.Position // what the checkpoint becomes: the position after the last record
	At         time.Time       // the created and updated time of the members it puts
	MaxMembers int             // if more than 0: how many members the list may have; set before the first record
	UniqueKeys bool            // that of the list; set before the first record

	arena   []byte
	changes []change
	rejects []reject
	origins []origin // of the changes, kept only if the batch NeedsCheck
	unique  []uniqueKey
}

// change is a key and a value, one behind the other in the arena. Offsets fit 32
// bits because a batch is bounded long before, see Full.
type change struct {
	at, keyLen, valueLen uint32
	action               action
}

type action uint8

const (
	put action = iota
	del
)

// reject is a key and a raw record, one behind the other in the arena.
type reject struct {
	at, keyLen, rawLen   uint32
	length               uint32 // of the whole raw record
	refusal              *record.Refusal
	record, line, offset int64
}

// origin is what a reject made of a put would need, and how many unique keys there are up
// to those of the put.
type origin struct {
	at, keyLen, rawLen   uint32
	length               uint32
	unique               uint32
	record, line, offset int64
}

// uniqueKey is a unique key in the arena.
type uniqueKey struct {
	at, length uint32
	taken      *record.Refusal
}

// Bounds of a batch. Many records make the sorted files few and long; the bytes, as
// Bytes counts them, bound memory when records are long. A batch with 256 Ki short
// records takes about 16 MiB.
const (
	MaxRecords = 256 << 10
	MaxBytes   = 20 << 20
)

// What is kept of a record that is refused. Its offset and length lead back to the rest,
// see record.Excerpts. No member has a longer key.
const (
	MaxRejectKey = 1 << 10
	MaxRejectRaw = 4 << 10
)

// NeedsCheck reports whether Commit must look at what the list holds by then: there is a
// limit, or there are unique keys. Some puts may become rejects.
func (b *Batch) NeedsCheck() bool { return b.MaxMembers > 0 || b.UniqueKeys }

// Put adds that a record puts a member, with these unique keys and no others. Only a
// batch with UniqueKeys may have any.
func (b *Batch) Put(rec *record.Record, key, value []byte, unique ...UniqueKey) {
	b.changes = append(b.changes, change{
		at: uint32(len(b.arena)), keyLen: uint32(len(key)), valueLen: uint32(len(value)), action: put,
	})
	b.arena = append(b.arena, key...)
	b.arena = append(b.arena, value...)
	if !b.NeedsCheck() {
		if len(unique) > 0 {
			panic("store: a batch without UniqueKeys was given a unique key")
		}
		return
	}
	for i := range unique {
		b.unique = append(b.unique, uniqueKey{uint32(len(b.arena)), uint32(len(unique[i].Key)), unique[i].Taken})
		b.arena = append(b.arena, unique[i].Key...)
	}
	at, keyLen, rawLen := b.keep(rec)
	b.origins = append(b.origins, origin{
		at, keyLen, rawLen, uint32(len(rec.Raw)), uint32(len(b.unique)), rec.Number, rec.Line, rec.Offset,
	})
}

// Delete adds that a record deletes a member, if it is there.
func (b *Batch) Delete(key []byte) {
	b.changes = append(b.changes, change{at: uint32(len(b.arena)), keyLen: uint32(len(key)), action: del})
	b.arena = append(b.arena, key...)
	if b.NeedsCheck() {
		b.origins = append(b.origins, origin{unique: uint32(len(b.unique))})
	}
}

// Reject adds that a record is refused.
func (b *Batch) Reject(rec *record.Record, refusal *record.Refusal) {
	at, keyLen, rawLen := b.keep(rec)
	b.rejects = append(b.rejects, reject{at, keyLen, rawLen, uint32(len(rec.Raw)), refusal, rec.Number, rec.Line, rec.Offset})
}

// keep copies a record's first field and raw text into the arena, or their beginnings.
func (b *Batch) keep(rec *record.Record) (at, keyLen, rawLen uint32) {
	at = uint32(len(b.arena))
	if rec.Refused == nil && len(rec.Fields) > 0 {
		b.arena = append(b.arena, beginning(rec.Fields[0].Bytes, MaxRejectKey)...)
	}
	keyLen = uint32(len(b.arena)) - at
	raw := beginning(rec.Raw, MaxRejectRaw)
	b.arena = append(b.arena, raw...)
	return at, keyLen, uint32(len(raw))
}

// beginning returns at most so many of the first bytes of b, without a part of a
// character at their end.
func beginning(b []byte, most int) []byte {
	if len(b) <= most {
		return b
	}
	for n := most; n > most-utf8.UTFMax; n-- {
		if utf8.RuneStart(b[n]) {
			return b[:n]
		}
	}
	return b[:most]
}

// Full reports whether the batch should be committed before more is added.
func (b *Batch) Full() bool {
	return len(b.changes)+len(b.rejects) >= MaxRecords || b.Bytes() >= MaxBytes
}

// Bytes returns about how much memory the batch's content takes.
func (b *Batch) Bytes() int {
	const ofChange, ofReject, ofOrigin, ofUnique = 16, 56, 48, 16
	return len(b.arena) + ofChange*len(b.changes) + ofReject*len(b.rejects) + ofOrigin*len(b.origins) + ofUnique*len(b.unique)
}

// Grow allocates memory for n bytes of content, as Bytes counts them, of the kind that
// the batch holds already. Appending reaches the same size in smaller steps, and
// copies the content several times more.
func (b *Batch) Grow(n int) {
	if b.Bytes() == 0 {
		return
	}
	factor := float64(n) / float64(b.Bytes())
	b.arena = scaled(b.arena, factor)
	b.changes = scaled(b.changes, factor)
	b.rejects = scaled(b.rejects, factor)
	b.origins = scaled(b.origins, factor)
	b.unique = scaled(b.unique, factor)
}

// scaled returns s with a capacity of factor times its length, or more.
func scaled[T any](s []T, factor float64) []T {
	n := int(float64(len(s)) * factor)
	if n <= cap(s) {
		return s
	}
	return append(make([]T, 0, n), s...)
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.Through, b.At, b.MaxMembers, b.UniqueKeys = record.Position{}, time.Time{}, 0, false
	b.arena, b.changes, b.rejects = b.arena[:0], b.changes[:0], b.rejects[:0]
	b.origins, b.unique = b.origins[:0], b.unique[:0]
}

// Free empties the batch and gives its memory back.
func (b *Batch) Free() { *b = Batch{} }

// Changes returns the number of changes. They are in the order they were added.
func (b *Batch) Changes() int { return len(b.changes) }

// Key returns the key of change i. It is valid until Reset, and must not be changed.
func (b *Batch) Key(i int) []byte {
	c := &b.changes[i]
	return b.arena[c.at : c.at+c.keyLen : c.at+c.keyLen]
}

// Value returns the value of change i; as Key.
func (b *Batch) Value(i int) []byte {
	c := &b.changes[i]
	from := c.at + c.keyLen
	return b.arena[from : from+c.valueLen : from+c.valueLen]
}

// Deletes reports whether change i removes its member.
func (b *Batch) Deletes(i int) bool { return b.changes[i].action == del }

// AppendUnique appends the unique keys of change i to dst. They are valid until Reset.
func (b *Batch) AppendUnique(dst []UniqueKey, i int) []UniqueKey {
	if !b.NeedsCheck() {
		return dst
	}
	from := uint32(0)
	if i > 0 {
		from = b.origins[i-1].unique
	}
	for _, u := range b.unique[from:b.origins[i].unique] {
		dst = append(dst, UniqueKey{b.arena[u.at : u.at+u.length : u.at+u.length], u.taken})
	}
	return dst
}

// Rejects returns the number of rejects. They are in the order of their records.
func (b *Batch) Rejects() int { return len(b.rejects) }

// RejectAt returns reject i. Its bytes are valid until Reset.
func (b *Batch) RejectAt(i int) record.Reject {
	r := &b.rejects[i]
	return record.Reject{
		Record: r.record, Line: r.line, Offset: r.offset, Length: int64(r.length),
		Code: r.refusal.Code, Reason: r.refusal.Reason,
		Key: b.arena[r.at : r.at+r.keyLen], Raw: b.arena[r.at+r.keyLen : r.at+r.keyLen+r.rawLen],
	}
}

// RejectOf returns the reject that a put, change i, becomes when Commit refuses it. The
// batch must need a check.
func (b *Batch) RejectOf(i int, why *record.Refusal) record.Reject {
	o := &b.origins[i]
	return record.Reject{
		Record: o.record, Line: o.line, Offset: o.offset, Length: int64(o.length),
		Code: why.Code, Reason: why.Reason,
		Key: b.arena[o.at : o.at+o.keyLen], Raw: b.arena[o.at+o.keyLen : o.at+o.keyLen+o.rawLen],
	}
}
