package pebblestore

import (
	"context"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/store"
)

// memberCounts knows how many members those lists have that somebody put a limit on.
// The first limit counts once; from then on every writer keeps the number right, or
// forgets it if that would cost it a look at every member.
type memberCounts struct {
	mu     sync.Mutex
	counts map[uint64]int64
}

func (c *memberCounts) get(list uint64) (int64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, ok := c.counts[list]
	return n, ok
}

func (c *memberCounts) set(list uint64, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = make(map[uint64]int64)
	}
	c.counts[list] = n
}

func (c *memberCounts) forget(list uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.counts, list)
}

// add counts members that came or went.
func (c *memberCounts) add(list uint64, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.counts[list]; ok {
		c.counts[list] += n
	}
}

// reserve counts a member that is about to come; max 0 is no limit.
func (c *memberCounts) reserve(list uint64, most int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, ok := c.counts[list]
	if !ok {
		return nil
	}
	if most > 0 && n >= int64(most) {
		return fault.New(fault.LimitExceeded, "the list already holds %d members", n)
	}
	c.counts[list]++
	return nil
}

// shareCounted shares the lock of a list whose members are counted.
func (s *Store) shareCounted(ctx context.Context, r store.ListRef) (list listID, unlock func(), err error) {
	for {
		unlock := s.listsIn.share(r)
		list, err := s.listIDLocked(r)
		if err != nil {
			unlock()
			return listID{}, nil, err
		}
		if _, ok := s.counts.get(list.number); ok {
			return list, unlock, nil
		}
		unlock()
		if err := s.count(ctx, r); err != nil {
			return listID{}, nil, err
		}
	}
}

func (s *Store) count(ctx context.Context, r store.ListRef) error {
	defer s.listsIn.lock(r)()
	list, err := s.listIDLocked(r)
	if err != nil {
		return err
	}
	_, err = s.countLocked(ctx, list.number)
	return err
}

// countLocked returns how many members a list has, and remembers it. The caller has
// the list for itself.
func (s *Store) countLocked(ctx context.Context, number uint64) (int64, error) {
	if n, ok := s.counts.get(number); ok {
		return n, nil
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: memberPrefix(number), UpperBound: memberPrefix(number + 1)})
	if err != nil {
		return 0, fmt.Errorf("count members: %w", err)
	}
	defer it.Close()
	n := int64(0)
	for ok := it.First(); ok; ok = it.Next() {
		if n++; n%checkEvery == 0 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
	}
	if err := it.Error(); err != nil {
		return 0, fmt.Errorf("count members: %w", err)
	}
	s.counts.set(number, n)
	return n, nil
}

// checkEvery is after how many members a long scan asks whether it is still wanted.
const checkEvery = 4096
