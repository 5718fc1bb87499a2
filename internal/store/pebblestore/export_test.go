package pebblestore

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/cockroachdb/pebble/v2"
)

// SetBulk sets from how many changes and rejects on a batch is written as files.
func (s *Store) SetBulk(n int) { s.bulk = n }

// SetCut sets from how many bytes on disk on what is deleted is cut out.
func (s *Store) SetCut(n uint64) { s.cut = n }

// Quiet waits until nothing is done behind what was asked for.
func (s *Store) Quiet() { s.behind.all.Wait() }

// Check tells what does not hold together: words that are not those of the members,
// and keys of lists and jobs that are gone.
func (s *Store) Check() error {
	jobs, lists := map[uint64]bool{}, map[uint64]bool{}
	err := s.each([]byte{tableJobs}, func(_, v []byte) error {
		var row jobRow
		err := json.Unmarshal(v, &row)
		jobs[row.Number] = true
		return err
	})
	if err != nil {
		return err
	}
	err = s.each([]byte{tableLists}, func(_, v []byte) error {
		var row listRow
		if err := json.Unmarshal(v, &row); err != nil {
			return err
		}
		lists[row.Number] = true
		return s.checkWords(row)
	})
	if err != nil {
		return err
	}
	for table, known := range map[byte]map[uint64]bool{tableWork: jobs, tableWords: lists, tableMembers: lists} {
		err := s.each([]byte{table}, func(k, _ []byte) error {
			if n := binary.BigEndian.Uint64(k[1:]); !known[n] {
				return fmt.Errorf("table %c has a key of number %d, which is gone", table, n)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) checkWords(row listRow) error {
	want, got := map[string]string{}, map[string]string{}
	members, words := memberPrefix(row.Number), wordPrefix(row.Number)
	err := s.each(members, func(k, v []byte) error {
		all, err := storedWords(row.List.Ref.Kind, v)
		for _, w := range all {
			if other, ok := want[w]; ok {
				return fmt.Errorf("members %q and %q both have the word %q", k[len(members):], other, w)
			}
			want[w] = string(k[len(members):])
		}
		return err
	})
	if err != nil {
		return err
	}
	err = s.each(words, func(k, v []byte) error {
		got[string(k[len(words):])] = string(v)
		return nil
	})
	if err == nil && !maps.Equal(got, want) {
		err = fmt.Errorf("words of list %s: %v, want those of its members, %v", row.List.Ref.ID, got, want)
	}
	return err
}

func (s *Store) each(prefix []byte, do func(k, v []byte) error) error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if err := do(it.Key(), it.Value()); err != nil {
			return err
		}
	}
	return it.Error()
}

// EnterGate is a write that lasts until leave is called.
func (s *Store) EnterGate() (leave func()) { return s.writes.enter() }
