package pebblestore

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/pebbledb"
)

// Binding returns which object index the store belongs to.
func (s *Store) Binding() (pebbledb.Binding, error) { return readBinding(s.db) }

// SetBinding makes another binding durable. It is called before the store is used, and
// does not ask whether there is space: without the few bytes there is no start.
func (s *Store) SetBinding(b pebbledb.Binding) error {
	if err := s.db.Set(keyOfBinding(), b.Encode(), pebble.Sync); err != nil {
		return fmt.Errorf("write to store: %w", err)
	}
	return nil
}

// Binding returns which object index the store belongs to.
func (i *Inspection) Binding() (pebbledb.Binding, error) { return readBinding(i.db) }

func readBinding(r pebble.Reader) (pebbledb.Binding, error) {
	text, err := getFrom(r, keyOfBinding())
	if err != nil {
		return pebbledb.Binding{}, err
	}
	return pebbledb.DecodeBinding(text)
}

// checkBinding looks at the row, not at the index that it names.
func (c *rowCheck) checkBinding() error {
	text, ok := c.get(keyOfBinding(), "binding")
	if !ok {
		return nil
	}
	if _, err := pebbledb.DecodeBinding(text); err != nil {
		c.found(RowDamaged, "binding", "%v", err)
	}
	return nil
}
