package diskobject

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// bindingKey is the key of the ID that the index shares with the store of its data
// directory, see pebbledb.Binding.
var bindingKey = []byte("i")

// ID returns the ID that the index shares with a store; empty if it has none.
func (s *Store) ID() (string, error) { return readID(s.db) }

// SetID makes another ID durable. It is called before the store is used.
func (s *Store) SetID(id string) error {
	if err := s.db.Set(bindingKey, []byte(id), pebble.Sync); err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	return nil
}

// ID returns the ID that the index shares with a store; empty if it has none.
func (i *Inspection) ID() (string, error) { return readID(i.db) }

func readID(from pebble.Reader) (string, error) {
	id, _, err := raw(from, bindingKey)
	return string(id), err
}

// ReadID returns the ID of the index of the objects in dir, which no process has open.
// It writes nothing.
func ReadID(fs vfs.FS, dir string) (string, error) {
	i, err := Inspect(dir, fs.PathJoin(dir, "index"), fs, nil)
	if err != nil {
		return "", err
	}
	id, err := i.ID()
	if closeErr := i.Close(); err == nil {
		err = closeErr
	}
	return id, err
}
