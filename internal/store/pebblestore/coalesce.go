package pebblestore

import (
	"bytes"
	"fmt"

	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

// sink takes the rows of a batch in order of their keys: a file or a Pebble batch.
type sink interface {
	Set(key, value []byte) error
	Merge(key, value []byte) error
	Delete(key []byte) error
}

// batchWriter writes batches to sinks. It keeps its memory for the next batch, and is
// for one goroutine at a time.
type batchWriter struct {
	sorter
	key, value []byte
	resolution resolution
	unique     []store.UniqueKey
}

// coalesce writes what the changes of b, in the order in which they were added, come to:
// the last one to each member, except that a put behind a delete starts anew. order
// is what sort returned; refused has the changes that are refused, and do not count; nil
// means that none is.
func (w *batchWriter) coalesce(b *store.Batch, order []entry, list listID, refused []*record.Refusal, to sink) error {
	w.key = appendNumber(append(w.key[:0], tableMembers), list.number)
	at := b.At.UnixMicro()
	for i := 0; i < len(order); {
		key := b.Key(int(order[i].i))
		last, deleted := -1, false
		for ; i < len(order) && bytes.Equal(b.Key(int(order[i].i)), key); i++ {
			c := int(order[i].i)
			if refused != nil && refused[c] != nil {
				continue
			}
			last = c
			deleted = deleted || b.Deletes(c)
		}
		if last < 0 {
			continue
		}
		w.key = append(w.key[:memberPrefixLen], key...)
		if err := w.writeMember(b, last, deleted, at, list.uniqueKeys, to); err != nil {
			return fmt.Errorf("write member: %w", err)
		}
	}
	return nil
}

func (w *batchWriter) writeMember(b *store.Batch, change int, deleted bool, at int64, uniqueKeys bool, to sink) error {
	if b.Deletes(change) {
		return to.Delete(w.key)
	}
	w.value = appendMemberTimes(w.value[:0], at, at)
	if uniqueKeys {
		w.unique = b.AppendUnique(w.unique[:0], change)
		w.value = appendUniqueKeys(w.value, w.unique)
	}
	w.value = append(w.value, b.Value(change)...)
	if deleted {
		return to.Set(w.key, w.value)
	}
	return to.Merge(w.key, w.value)
}
