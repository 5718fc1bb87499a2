package pebbledb

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// Binding is what one database of a data directory, the store, has on record about the
// other one, the object index: both have the same ID. A store that finds the index of
// another directory, or none, has lost objects.
//
// The ID is written in three steps, each of them durable before the next one begins:
// into the store, Pending; into the index; and into the store as final. A crash between
// two of them leaves a pair that still matches.
type Binding struct {
	ID string `json:"id"` // empty if the store has never had an index

	// Pending says that the index has ID or still has Replaces, which is empty if it had none.
	Pending  bool   `json:"pending,omitempty"`
	Replaces string `json:"replaces,omitempty"`

	// Elsewhere says that the last run kept its objects in an S3 elsewhere: the index is
	// not in use, and may be missing.
	Elsewhere bool `json:"elsewhere,omitempty"`
}

// NewBinding returns a pending binding with a new ID, to an index that has the ID
// replaces so far.
func NewBinding(replaces string) Binding {
	var id [16]byte
	rand.Read(id[:]) // never fails, see crypto/rand
	return Binding{ID: hex.EncodeToString(id[:]), Pending: true, Replaces: replaces}
}

// Matches reports whether an index with an ID, empty if it has none, is the one that the
// store is bound to.
func (b Binding) Matches(id string) bool { return id == b.ID || b.Pending && id == b.Replaces }

// NeedsIndex reports whether the index has existed, so that there must be one.
func (b Binding) NeedsIndex() bool { return !b.Matches("") }

// Encode returns the binding as the value of a row.
func (b Binding) Encode() []byte {
	text, _ := json.Marshal(b) // strings and booleans
	return text
}

// DecodeBinding decodes the value of a row; nil is the zero Binding.
func DecodeBinding(text []byte) (b Binding, err error) {
	if text == nil {
		return b, nil
	}
	if err := json.Unmarshal(text, &b); err != nil {
		return b, fmt.Errorf("decode the id that store and object index share: %w", err)
	}
	if b.ID == "" {
		return b, errors.New("decode the id that store and object index share: it is empty")
	}
	return b, nil
}
