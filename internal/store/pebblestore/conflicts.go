package pebblestore

import (
	"bytes"
	"context"
	"math"
	"slices"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

// resolution is what becomes of a batch's changes where the list may forbid some.
type resolution struct {
	of      []uint32          // which member each change is about
	members []existing        // those members
	refused []*record.Refusal // of each change: nil if it stands
	rejects int               // how many are refused
	came    int64             // how many members there are more in the end
	holders *holders          // nil if the list has no unique keys
	unique  []store.UniqueKey // of the last change
}

// existing is a member that changes of a batch are about, as it is before or between them.
type existing struct {
	there  bool
	unique []string // its unique keys
}

// commitChecked writes a batch that may be refused in part, while nobody else can change
// the list.
func (s *Store) commitChecked(ctx context.Context, p *prepared) (job.Counts, error) {
	b := p.batch
	room := int64(math.MaxInt64)
	if b.MaxMembers > 0 {
		count, err := s.countLocked(ctx, p.list.number)
		if err != nil {
			return job.Counts{}, err
		}
		room = int64(b.MaxMembers) - count
	}
	w := s.writers.Get().(*batchWriter)
	defer s.writers.Put(w)
	order := w.sort(b)
	r, err := s.resolve(ctx, p, w, order, room)
	if err != nil {
		return job.Counts{}, err
	}
	p.work, err = s.write(p, b, w, order, r)
	r.holders = nil // w stays
	if err != nil {
		return job.Counts{}, err
	}
	counts, err := s.store(p)
	if err != nil {
		s.counts.forget(p.list.number)
		return job.Counts{}, err
	}
	s.counts.add(p.list.number, r.came)
	return counts, nil
}

// resolve applies a batch's changes, in the order in which they were added, to what is
// known of a list that has room for so many members more.
func (s *Store) resolve(ctx context.Context, p *prepared, w *batchWriter, order []entry, room int64) (*resolution, error) {
	b, r := p.batch, &w.resolution
	if err := s.loadExisting(ctx, p, w, order); err != nil {
		return nil, err
	}
	for i := range b.Changes() {
		m := &r.members[r.of[i]]
		if b.Deletes(i) {
			r.holders.release(m, b.Key(i))
			if m.there {
				r.came--
			}
			m.there = false
			continue
		}
		r.unique = b.AppendUnique(r.unique[:0], i)
		refused, err := r.holders.conflict(b.Key(i), r.unique)
		switch {
		case err != nil:
			return nil, err
		case refused != nil:
		case m.there:
		case r.came >= room:
			refused = &store.ListFull
		default:
			m.there = true
			r.came++
		}
		if r.refused[i] = refused; refused != nil {
			r.rejects++
			continue
		}
		r.holders.assign(m, b.Key(i), r.unique)
	}
	return r, nil
}

// loadExisting finds the members that the changes are about, as they are now.
func (s *Store) loadExisting(ctx context.Context, p *prepared, w *batchWriter, order []entry) error {
	b, r, n := p.batch, &w.resolution, len(order)
	r.of, r.members = slices.Grow(r.of[:0], n)[:n], r.members[:0]
	r.refused = slices.Grow(r.refused[:0], n)[:n]
	clear(r.refused)
	r.rejects, r.came, r.holders = 0, 0, nil
	if p.list.uniqueKeys {
		r.holders = s.newHolders(p.list.number)
	}
	w.key = append(w.key[:0], memberPrefix(p.list.number)...)
	for i := 0; i < n; {
		key := b.Key(int(order[i].i))
		w.key = append(w.key[:memberPrefixLen], key...)
		m, err := s.existing(w.key, p.list.uniqueKeys)
		if err != nil {
			return err
		}
		for ; i < n && bytes.Equal(b.Key(int(order[i].i)), key); i++ {
			r.of[order[i].i] = uint32(len(r.members))
		}
		r.members = append(r.members, m)
		if len(r.members)%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// existing looks for a member, and at its unique keys if members of the list have some.
func (s *Store) existing(key []byte, uniqueKeys bool) (existing, error) {
	if !uniqueKeys {
		there, err := s.has(key)
		return existing{there: there}, err
	}
	row, err := s.get(key)
	if err != nil || row == nil {
		return existing{}, err
	}
	m := existing{there: true}
	m.unique, err = uniqueKeysOf(row)
	return m, err
}
