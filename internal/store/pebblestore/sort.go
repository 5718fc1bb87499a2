package pebblestore

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/sluicehq/sluice/internal/store"
)

// entry is one change of a batch in the making of its order: seven bytes of its key
// and how many there are, so that comparing prefixes compares that part of the keys.
type entry struct {
	prefix uint64
	i      uint32
}

// prefixLen is how many bytes of a key a prefix holds. Its last byte is how many bytes of
// the key were left, so that a key sorts before those that go on with zeros.
const prefixLen = 7

func prefixAt(key []byte, depth int) uint64 {
	if len(key) >= depth+8 {
		return binary.BigEndian.Uint64(key[depth:])&^0xff | (prefixLen + 1)
	}
	left := len(key) - depth
	if left <= 0 {
		return 0
	}
	var b [8]byte
	copy(b[:prefixLen], key[depth:])
	b[prefixLen] = byte(left)
	return binary.BigEndian.Uint64(b[:])
}

// sorter orders a batch's changes. It keeps its memory.
type sorter struct {
	entries, spare []entry
}

// sort returns the changes in order of their keys' bytes, and those of one key in
// the order in which they were added. The result is good until the next call.
func (s *sorter) sort(b *store.Batch) []entry {
	n := b.Changes()
	s.entries = slices.Grow(s.entries[:0], n)[:n]
	s.spare = slices.Grow(s.spare[:0], n)[:n]
	for i := range s.entries {
		s.entries[i] = entry{prefix: prefixAt(b.Key(i), 0), i: uint32(i)}
	}
	s.sortAt(b, 0, n, 0)
	return s.entries
}

// Below radixFrom entries, comparing is faster than counting.
const (
	radixFrom   = 256
	compareUpTo = 16
)

// sortAt orders entries whose keys are equal up to depth, and whose prefixes are those
// at depth.
func (s *sorter) sortAt(b *store.Batch, from, to, depth int) {
	part := s.entries[from:to]
	if len(part) <= compareUpTo {
		insertionSort(b, part, depth)
		return
	}
	if len(part) < radixFrom {
		slices.SortFunc(part, func(x, y entry) int {
			if x.prefix != y.prefix {
				return cmp.Compare(x.prefix, y.prefix)
			}
			return cmp.Compare(x.i, y.i)
		})
	} else {
		radixSort(part, s.spare[from:to])
	}
	for i := 0; i < len(part); {
		j := i + 1
		for j < len(part) && part[j].prefix == part[i].prefix {
			j++
		}
		// A prefix with more behind it than it holds is where keys may still differ.
		if j-i > 1 && part[i].prefix&0xff > prefixLen {
			for k := i; k < j; k++ {
				part[k].prefix = prefixAt(b.Key(int(part[k].i)), depth+prefixLen)
			}
			s.sortAt(b, from+i, from+j, depth+prefixLen)
		}
		i = j
	}
}

// insertionSort orders a few entries by all of their keys from depth on. It is stable.
func insertionSort(b *store.Batch, part []entry, depth int) {
	for i := 1; i < len(part); i++ {
		for j := i; j > 0 && less(b, part[j], part[j-1], depth); j-- {
			part[j], part[j-1] = part[j-1], part[j]
		}
	}
}

func less(b *store.Batch, x, y entry, depth int) bool {
	if x.prefix != y.prefix {
		return x.prefix < y.prefix
	}
	if x.prefix&0xff <= prefixLen {
		return false // the keys end here, and are the same
	}
	depth += prefixLen
	return bytes.Compare(b.Key(int(x.i))[depth:], b.Key(int(y.i))[depth:]) < 0
}

// radixSort orders entries by their prefixes, byte by byte from the last. It is stable,
// and passes over bytes that all prefixes share.
func radixSort(part, spare []entry) {
	var counts [8][256]uint32
	for i := range part {
		for w, d := part[i].prefix, 0; d < 8; d++ {
			counts[d][w&0xff]++
			w >>= 8
		}
	}
	from, to := part, spare
	for d := range 8 {
		c := &counts[d]
		shift := uint(8 * d)
		if c[from[0].prefix>>shift&0xff] == uint32(len(from)) {
			continue
		}
		sum := uint32(0)
		for v := range c {
			c[v], sum = sum, sum+c[v]
		}
		for _, e := range from {
			v := e.prefix >> shift & 0xff
			to[c[v]] = e
			c[v]++
		}
		from, to = to, from
	}
	if &from[0] != &part[0] {
		copy(part, from)
	}
}
