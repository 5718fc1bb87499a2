package pebblestore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

// A unique key is a row of table y with the key of the member that has it, and is written
// in the same step as the member. The member's row has its unique keys too: how many they
// are, as a varint, and each with its length before it. Only lists that were created with
// UniqueKeys have either. A writer of such a list holds its lock exclusively, so that no
// other member takes a unique key between the look at it and the write.

// appendUniqueKeys appends how a member's row has its unique keys.
func appendUniqueKeys(b []byte, unique []store.UniqueKey) []byte {
	b = binary.AppendUvarint(b, uint64(len(unique)))
	for i := range unique {
		b = binary.AppendUvarint(b, uint64(len(unique[i].Key)))
		b = append(b, unique[i].Key...)
	}
	return b
}

// cutUniqueKeys returns the unique keys that b begins with, and how many bytes they take.
func cutUniqueKeys(b []byte) (keys []string, length int, err error) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)) {
		return nil, 0, errMemberValue
	}
	rest := b[size:]
	for range n {
		key, after, ok := cutField(rest)
		if !ok {
			return nil, 0, errMemberValue
		}
		keys, rest = append(keys, key), after
	}
	return keys, len(b) - len(rest), nil
}

// uniqueKeysOf returns the unique keys of a member of a list that has some, by its row.
func uniqueKeysOf(row []byte) ([]string, error) {
	_, _, rest, err := cutMemberValue(row)
	if err != nil {
		return nil, err
	}
	keys, _, err := cutUniqueKeys(rest)
	return keys, err
}

// assignOne adds to b what putting one member does to the unique keys of its list; was is
// the member's row, nil if it is not there.
func (s *Store) assignOne(b *pebble.Batch, list uint64, key string, was []byte, unique []store.UniqueKey) error {
	h, m := s.newHolders(list), existing{}
	if was != nil {
		var err error
		if m.unique, err = uniqueKeysOf(was); err != nil {
			return err
		}
	}
	conflict, err := h.conflict([]byte(key), unique)
	if err != nil {
		return err
	}
	if conflict != nil {
		return fault.New(fault.AlreadyExists, "%s", conflict.Reason)
	}
	h.assign(&m, []byte(key), unique)
	return h.write(logged{b})
}

// releaseOne adds to b that a member, by its row, gives up its unique keys.
func (s *Store) releaseOne(b *pebble.Batch, list uint64, was []byte) error {
	keys, err := uniqueKeysOf(was)
	for _, k := range keys {
		b.Delete(keyOfUniqueKey(list, k), nil)
	}
	return err
}

// holders says which members had the unique keys that some changes are about, and which
// have them after the changes. Its methods do nothing if it is nil, as it is for a list
// without unique keys.
type holders struct {
	s    *Store
	list uint64
	keys map[string]holder
}

// holder is the key of the member that has a unique key, if one has.
type holder struct {
	was, is   string
	had, have bool
}

func (h holder) changed() bool { return h.had != h.have || (h.have && h.was != h.is) }

func (s *Store) newHolders(list uint64) *holders {
	return &holders{s: s, list: list, keys: make(map[string]holder)}
}

// conflict returns why a member may not have unique keys: that of the first which another
// member has.
func (h *holders) conflict(key []byte, unique []store.UniqueKey) (*record.Refusal, error) {
	if h == nil {
		return nil, nil
	}
	for i := range unique {
		holder, err := h.holder(unique[i].Key)
		if err != nil {
			return nil, err
		}
		if holder.have && holder.is != string(key) {
			return unique[i].Taken, nil
		}
	}
	return nil, nil
}

func (h *holders) holder(unique []byte) (holder, error) {
	found, ok := h.keys[string(unique)]
	if ok {
		return found, nil
	}
	member, err := h.s.get(keyOfUniqueKey(h.list, string(unique)))
	if err != nil {
		return holder{}, err
	}
	if member != nil {
		found = holder{was: string(member), is: string(member), had: true, have: true}
	}
	h.keys[string(unique)] = found
	return found, nil
}

// assign gives a member unique keys without a conflict, in place of those that it had.
func (h *holders) assign(m *existing, key []byte, unique []store.UniqueKey) {
	if h == nil {
		return
	}
	h.release(m, key)
	for i := range unique {
		text := string(unique[i].Key)
		now := h.keys[text]
		now.is, now.have = string(key), true
		h.keys[text] = now
		m.unique = append(m.unique, text)
	}
}

// release takes a member's unique keys from it.
func (h *holders) release(m *existing, key []byte) {
	if h == nil {
		return
	}
	for _, k := range m.unique {
		now, ok := h.keys[k]
		if !ok {
			now.was, now.had = string(key), true
		}
		now.have = false
		h.keys[k] = now
	}
	m.unique = nil
}

// changed counts the unique keys that another member has now, or none.
func (h *holders) changed() int {
	if h == nil {
		return 0
	}
	n := 0
	for _, holder := range h.keys {
		if holder.changed() {
			n++
		}
	}
	return n
}

// write writes the rows of the unique keys that another member has now, or none.
func (h *holders) write(to sink) error {
	if h == nil {
		return nil
	}
	for _, k := range slices.Sorted(maps.Keys(h.keys)) {
		holder := h.keys[k]
		if !holder.changed() {
			continue
		}
		var err error
		if holder.have {
			err = to.Set(keyOfUniqueKey(h.list, k), []byte(holder.is))
		} else {
			err = to.Delete(keyOfUniqueKey(h.list, k))
		}
		if err != nil {
			return fmt.Errorf("write unique key: %w", err)
		}
	}
	return nil
}

// keepUniqueKeys returns the part of a member's row that has its unique keys.
func keepUniqueKeys(row []byte) ([]byte, error) {
	_, _, rest, err := cutMemberValue(row)
	if err != nil {
		return nil, err
	}
	_, n, err := cutUniqueKeys(rest)
	return bytes.Clone(rest[:n]), err
}
