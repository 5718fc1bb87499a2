package pebblestore

import (
	"context"
	"errors"
	"fmt"
)

// SetBulk sets from how many changes and rejects on a batch is written as files.
func (s *Store) SetBulk(n int) { s.bulk = n }

// SetCut sets from how many bytes on disk on what is deleted is cut out.
func (s *Store) SetCut(n uint64) { s.cut = n }

// Quiet waits until nothing is done behind what was asked for.
func (s *Store) Quiet() { s.behind.all.Wait() }

// Check reports the first thing that does not hold together. Members are not looked
// into: tests of the store put what they like.
func (s *Store) Check() error {
	var first error
	_, err := newRowCheck(context.Background(), s.db, CheckOptions{}, func(f Finding) {
		if first == nil && f.Code != MemberDamaged && f.Code != JobCounts {
			first = fmt.Errorf("%s: %s: %s", f.Code, f.Row, f.Problem)
		}
	}).run()
	return errors.Join(first, err)
}

// EnterGate is a write that lasts until leave is called.
func (s *Store) EnterGate() (leave func()) { return s.writes.enter() }
