package pebblestore

import (
	"fmt"
)

// SetAside moves rows to a table that nothing reads, in one step, where a person who repairs
// a store by hand finds them. Keys are as a Finding has them; a row that does not exist
// is left out. Nothing else may use the store meanwhile: its caches do not follow.
func (s *Store) SetAside(keys [][]byte) error {
	b := s.db.NewBatch()
	defer b.Close()
	for _, k := range keys {
		v, err := s.get(k)
		if err != nil {
			return fmt.Errorf("set a row aside: %w", err)
		}
		if v == nil {
			continue
		}
		b.Set(append([]byte{tableSetAside}, k...), v, nil)
		b.Delete(k, nil)
	}
	return s.apply(b)
}
