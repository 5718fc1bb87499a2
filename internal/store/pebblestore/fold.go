package pebblestore

import (
	"bytes"
	"fmt"

	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

// target takes what a batch comes to, in order of keys: a file or a Pebble batch.
type target interface {
	Set(key, value []byte) error
	Merge(key, value []byte) error
	Delete(key []byte) error
}

// folder writes batches to targets. It keeps its memory for the next batch, and is
// for one goroutine at a time.
type folder struct {
	sorter
	key, value []byte
	contest    contest
}

// fold writes what the changes of b, in the order in which they were added, come to:
// the last one to each member, except that a put behind a delete starts anew. order
// is what sort returned; why tells which changes are refused, and do not count; nil
// means that none is.
func (f *folder) fold(b *store.Batch, order []entry, list uint64, why []*record.Refusal, to target) error {
	f.key = appendNumber(append(f.key[:0], tableMembers), list)
	at := b.At.UnixMicro()
	for i := 0; i < len(order); {
		key := b.Key(int(order[i].i))
		last, deleted := -1, false
		for ; i < len(order) && bytes.Equal(b.Key(int(order[i].i)), key); i++ {
			c := int(order[i].i)
			if why != nil && why[c] != nil {
				continue
			}
			last = c
			deleted = deleted || b.Deletes(c)
		}
		if last < 0 {
			continue
		}
		f.key = append(f.key[:memberPrefixLen], key...)
		if err := f.write(b, last, deleted, at, to); err != nil {
			return fmt.Errorf("write member: %w", err)
		}
	}
	return nil
}

func (f *folder) write(b *store.Batch, change int, deleted bool, at int64, to target) error {
	if b.Deletes(change) {
		return to.Delete(f.key)
	}
	f.value = appendMemberValue(f.value[:0], at, at, b.Value(change))
	if deleted {
		return to.Set(f.key, f.value)
	}
	return to.Merge(f.key, f.value)
}
