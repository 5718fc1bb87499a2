package pebblestore

import (
	"bytes"
	"context"
	"slices"

	"github.com/sluicehq/sluice/internal/store"
)

// groups tells apart the members that a batch's changes are about.
type groups struct {
	of      []uint32 // of each change
	there   []bool   // whether the group's member is there
	refused []bool   // of each change
}

// refuse plays a batch's changes in the order in which they were added against a list
// that holds count members and may hold b.MaxMembers, and returns which are refused
// and how many members there are in the end. The caller has the list for itself.
func (s *Store) refuse(ctx context.Context, b *store.Batch, f *folder, order []entry, list uint64, count int64) ([]bool, int64, error) {
	if err := s.group(ctx, b, f, order, list); err != nil {
		return nil, 0, err
	}
	g := &f.groups
	for c := range b.Changes() {
		there := &g.there[g.of[c]]
		switch {
		case b.Deletes(c):
			if *there {
				*there = false
				count--
			}
		case *there:
		case count >= int64(b.MaxMembers):
			g.refused[c] = true
		default:
			*there = true
			count++
		}
	}
	return g.refused, count, nil
}

// group finds the members that the changes are about, and whether they are there.
func (s *Store) group(ctx context.Context, b *store.Batch, f *folder, order []entry, list uint64) error {
	g := &f.groups
	n := len(order)
	g.of, g.there = slices.Grow(g.of[:0], n)[:n], g.there[:0]
	g.refused = slices.Grow(g.refused[:0], n)[:n]
	clear(g.refused)
	f.key = append(f.key[:0], memberPrefix(list)...)
	for i := 0; i < n; {
		key := b.Key(int(order[i].i))
		f.key = append(f.key[:memberPrefixLen], key...)
		there, err := s.has(f.key)
		if err != nil {
			return err
		}
		for ; i < n && bytes.Equal(b.Key(int(order[i].i)), key); i++ {
			g.of[order[i].i] = uint32(len(g.there))
		}
		g.there = append(g.there, there)
		if len(g.there)%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}
