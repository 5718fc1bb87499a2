package pebblestore

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// FindLists implements store.Lists.
func (s *Store) FindLists(ctx context.Context, o job.Owner, names ...string) ([]store.List, error) {
	snap := s.db.NewSnapshot()
	defer snap.Close()
	found := map[store.ListRef]store.List{}
	for _, w := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, kind := range job.Kinds() {
			r := store.ListRef{Owner: o, Kind: kind, ID: w}
			if err := s.findList(snap, r, found); err != nil {
				return nil, err
			}
			id, err := getFrom(snap, keyOfListName(r, w))
			if err != nil {
				return nil, err
			}
			if r.ID = string(id); id != nil && r.ID != w {
				if err := s.findList(snap, r, found); err != nil {
					return nil, err
				}
			}
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b store.List) int {
		return cmp.Or(cmp.Compare(a.Ref.Kind, b.Ref.Kind), cmp.Compare(a.Ref.ID, b.Ref.ID))
	}), nil
}

// findList adds a list to found, if there is one.
func (s *Store) findList(from pebble.Reader, r store.ListRef, found map[store.ListRef]store.List) error {
	row, err := s.listRow(from, r)
	switch {
	case err == nil:
		found[r] = row.List
	case !fault.Is(err, fault.NotFound):
		return err
	}
	return nil
}
