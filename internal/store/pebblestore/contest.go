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

// contest is what becomes of a batch's changes where the list may forbid some.
type contest struct {
	of      []uint32          // which member each change is about
	members []contested       // those members
	why     []*record.Refusal // of each change: nil if it stands
	refused int
	came    int64 // how many members there are more in the end
	words   *wordsInPlay
}

// contested is a member that changes of a batch are about.
type contested struct {
	there bool
	words []string // the ones it has, if the batch claims
}

// commitContested writes a batch that may be refused in part, now that nobody else
// can change the list.
func (s *Store) commitContested(ctx context.Context, p *prepared) (job.Counts, error) {
	b := p.contested
	room := int64(math.MaxInt64)
	if b.MaxMembers > 0 {
		count, err := s.countLocked(ctx, p.list)
		if err != nil {
			return job.Counts{}, err
		}
		room = int64(b.MaxMembers) - count
	}
	f := s.folders.Get().(*folder)
	defer s.folders.Put(f)
	order := f.sort(b)
	c, err := s.judge(ctx, p, f, order, room)
	if err != nil {
		return job.Counts{}, err
	}
	p.work, err = s.write(p, b, f, order, c)
	c.words = nil // f stays
	if err != nil {
		return job.Counts{}, err
	}
	counts, err := s.store(p)
	if err != nil {
		s.counts.forget(p.list)
		return job.Counts{}, err
	}
	s.counts.add(p.list, c.came)
	return counts, nil
}

// judge plays a batch's changes, in the order in which they were added, against a list
// that has room for so many members more.
func (s *Store) judge(ctx context.Context, p *prepared, f *folder, order []entry, room int64) (*contest, error) {
	b, c := p.contested, &f.contest
	if err := s.meet(ctx, p, f, order); err != nil {
		return nil, err
	}
	for i := range b.Changes() {
		m := &c.members[c.of[i]]
		if b.Deletes(i) {
			c.words.release(m, b.Key(i))
			if m.there {
				c.came--
			}
			m.there = false
			continue
		}
		why, err := c.words.claim(m, b.Key(i), b.Value(i))
		switch {
		case err != nil:
			return nil, err
		case why != nil:
		case m.there:
		case c.came >= room:
			why = &store.ListFull
		default:
			m.there = true
			c.came++
		}
		if c.why[i] = why; why != nil {
			c.refused++
			continue
		}
		c.words.take(m, b.Key(i))
	}
	return c, nil
}

// meet finds the members that the changes are about, as they are now.
func (s *Store) meet(ctx context.Context, p *prepared, f *folder, order []entry) error {
	b, c, n := p.contested, &f.contest, len(order)
	c.of, c.members = slices.Grow(c.of[:0], n)[:n], c.members[:0]
	c.why = slices.Grow(c.why[:0], n)[:n]
	clear(c.why)
	c.refused, c.came, c.words = 0, 0, nil
	if b.Claims {
		c.words = s.newWordsInPlay(p.ref.Kind, p.list)
	}
	f.key = append(f.key[:0], memberPrefix(p.list)...)
	for i := 0; i < n; {
		key := b.Key(int(order[i].i))
		f.key = append(f.key[:memberPrefixLen], key...)
		m, err := s.contested(f.key, c.words)
		if err != nil {
			return err
		}
		for ; i < n && bytes.Equal(b.Key(int(order[i].i)), key); i++ {
			c.of[order[i].i] = uint32(len(c.members))
		}
		c.members = append(c.members, m)
		if len(c.members)%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// contested looks for a member, and at its words if there are words in play.
func (s *Store) contested(key []byte, words *wordsInPlay) (contested, error) {
	if words == nil {
		there, err := s.has(key)
		return contested{there: there}, err
	}
	stored, err := s.get(key)
	if err != nil || stored == nil {
		return contested{}, err
	}
	m := contested{there: true}
	m.words, err = storedWords(words.kind, stored)
	return m, err
}
