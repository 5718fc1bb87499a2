package store

import (
	"errors"

	"github.com/sluicehq/sluice/internal/fault"
)

// What is missing when a method of Lists or Members returns fault.NotFound; use errors.Is to tell
// the two apart.
var (
	ErrNoList   = errors.New("the list does not exist")
	ErrNoMember = fault.New(fault.NotFound, "the list has no such member")
)

// NoList returns an ErrNoList that names the list.
func NoList(r ListRef) error {
	return &noListError{fault.New(fault.NotFound, "there is no list %s", r.ID)}
}

type noListError struct{ error }

func (e *noListError) Unwrap() []error { return []error{e.error, ErrNoList} }
