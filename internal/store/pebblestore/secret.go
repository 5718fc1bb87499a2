package pebblestore

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/fault"
)

const secretLen = 32

// Secret implements store.Store.
func (s *Store) Secret(ctx context.Context, name string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	defer s.owners.lock(ownerKey{what: "secret", kind: name})()
	secret, err := s.get(keyOfSecret(name))
	if err != nil || secret != nil {
		return secret, err
	}
	secret = make([]byte, secretLen)
	rand.Read(secret) // never fails, see crypto/rand
	b := s.db.NewBatch()
	defer b.Close()
	b.Set(keyOfSecret(name), secret, nil)
	if err := s.apply(b); err != nil {
		return nil, err
	}
	return secret, nil
}

// Ping implements store.Store.
func (s *Store) Ping(ctx context.Context) error {
	if s.closed.Load() {
		return fault.New(fault.Unavailable, "the store is closed")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.mayWrite(); err != nil {
		return err
	}
	if err := s.db.LogData(nil, pebble.Sync); err != nil { // a record of the log that holds nothing
		return fmt.Errorf("write to store: %w", err)
	}
	_, err := s.get(keyOfSequence())
	return err
}
