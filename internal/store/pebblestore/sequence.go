package pebblestore

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// sequence gives out numbers that rise and are never given out twice. They number
// jobs and lists, and order those who wait. Numbers are reserved in blocks, so that
// few of them cost a write; a restart leaves the rest of a block unused.
type sequence struct {
	mu       sync.Mutex
	next     uint64
	reserved uint64 // next may not reach this
}

const sequenceBlock = 1 << 16

func (s *Store) openSequence() error {
	v, err := s.get(keyOfSequence())
	if err != nil || v == nil {
		s.numbers.next, s.numbers.reserved = 1, 1
		return err
	}
	if len(v) != 8 {
		return fmt.Errorf("the sequence in the database is damaged")
	}
	s.numbers.next = binary.BigEndian.Uint64(v)
	s.numbers.reserved = s.numbers.next
	return nil
}

func (s *Store) number() (uint64, error) {
	q := &s.numbers
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.next == q.reserved {
		if err := s.mayWrite(); err != nil {
			return 0, err
		}
		end := q.reserved + sequenceBlock
		leave := s.writes.enter()
		err := s.db.Set(keyOfSequence(), appendNumber(nil, end), pebble.Sync)
		leave()
		if err != nil {
			return 0, fmt.Errorf("reserve numbers: %w", err)
		}
		q.reserved = end
	}
	n := q.next
	q.next++
	return n, nil
}
