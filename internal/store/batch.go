package store

import (
	"time"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/record"
)

// ListFull is the refusal that Commit gives to changes beyond a batch's MaxMembers.
var ListFull = record.Refusal{Code: "list-full", Reason: "the list already holds as many members as it may"}

// Batch collects what records do until it is committed as one. It copies all it is
// given into one arena, so that filling it allocates nothing once it has grown; it
// is used again after Reset. The zero value is an empty batch.
//
// One goroutine fills a batch. While it is being prepared, nobody does.
type Batch struct {
	Through    record.Position // what the checkpoint becomes: the position after the last record
	At         time.Time       // the created and updated time of the members it puts
	MaxMembers int             // if more than 0: how many members the list may have; set before the first Add
	Claims     bool            // its members have words, see destination.Words; set before the first Add

	arena   []byte
	changes []change
	rejects []reject
	origins []origin // of the changes, kept only if Contested
	scratch destination.Change
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

// origin is what a reject made of a change would need.
type origin struct {
	at, keyLen, rawLen   uint32
	length               uint32
	record, line, offset int64
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

// Contested reports whether Commit may have to refuse some changes for what the list
// holds by then: there is a limit, or there are words.
func (b *Batch) Contested() bool { return b.MaxMembers > 0 || b.Claims }

// Add decides rec by rule and keeps what comes of it: a change or a reject.
func (b *Batch) Add(rec *record.Record, rule destination.Rule) {
	if refusal := rule.Decide(rec, &b.scratch); refusal != nil {
		b.refuse(rec, refusal)
		return
	}
	c := &b.scratch
	act := put
	if c.Action == destination.Delete {
		act = del
	}
	b.changes = append(b.changes, change{
		at: uint32(len(b.arena)), keyLen: uint32(len(c.Key)), valueLen: uint32(len(c.Value)), action: act,
	})
	b.arena = append(b.arena, c.Key...)
	b.arena = append(b.arena, c.Value...)
	if b.Contested() {
		at, keyLen, rawLen := b.keep(rec)
		b.origins = append(b.origins, origin{at, keyLen, rawLen, uint32(len(rec.Raw)), rec.Number, rec.Line, rec.Offset})
	}
}

func (b *Batch) refuse(rec *record.Record, refusal *record.Refusal) {
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
	const ofChange, ofReject, ofOrigin = 16, 56, 40
	return len(b.arena) + ofChange*len(b.changes) + ofReject*len(b.rejects) + ofOrigin*len(b.origins)
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
	b.Through, b.At, b.MaxMembers, b.Claims = record.Position{}, time.Time{}, 0, false
	b.arena, b.changes, b.rejects, b.origins = b.arena[:0], b.changes[:0], b.rejects[:0], b.origins[:0]
}

// Free empties the batch and gives its memory back.
func (b *Batch) Free() { *b = Batch{} }

// CopyFrom makes b the same as o, in memory of its own. Backends use it to keep a
// batch beyond Prepare.
func (b *Batch) CopyFrom(o *Batch) {
	b.Through, b.At, b.MaxMembers, b.Claims = o.Through, o.At, o.MaxMembers, o.Claims
	b.arena = append(b.arena[:0], o.arena...)
	b.changes = append(b.changes[:0], o.changes...)
	b.rejects = append(b.rejects[:0], o.rejects...)
	b.origins = append(b.origins[:0], o.origins...)
}

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

// Rejects returns the number of rejects. They are in the order of their records.
func (b *Batch) Rejects() int { return len(b.rejects) }

// Reject returns reject i. Its bytes are valid until Reset.
func (b *Batch) Reject(i int) destination.Reject {
	r := &b.rejects[i]
	return destination.Reject{
		Record: r.record, Line: r.line, Offset: r.offset, Length: int64(r.length),
		Code: r.refusal.Code, Reason: r.refusal.Reason,
		Key: b.arena[r.at : r.at+r.keyLen], Raw: b.arena[r.at+r.keyLen : r.at+r.keyLen+r.rawLen],
	}
}

// RefuseChange returns the reject that change i becomes when Commit refuses it. Only a
// contested batch can tell.
func (b *Batch) RefuseChange(i int, why *record.Refusal) destination.Reject {
	o := &b.origins[i]
	return destination.Reject{
		Record: o.record, Line: o.line, Offset: o.offset, Length: int64(o.length),
		Code: why.Code, Reason: why.Reason,
		Key: b.arena[o.at : o.at+o.keyLen], Raw: b.arena[o.at+o.keyLen : o.at+o.keyLen+o.rawLen],
	}
}
