package pebblestore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// DeleteList implements store.Lists. The members go as one range; nobody can find
// them, since their number is no list's.
func (s *Store) DeleteList(ctx context.Context, r store.ListRef) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.deleteList(r, func(*pebble.Batch, *listRow) error { return nil })
}

// deleteList deletes a list, and in the same step what more adds.
func (s *Store) deleteList(r store.ListRef, more func(*pebble.Batch, *listRow) error) error {
	defer s.lockNames(r.Owner, r.Kind)()
	defer s.listsIn.lock(r)()
	row, err := s.listRow(s.db, r)
	if err != nil {
		return err
	}
	b := s.db.NewBatch()
	defer b.Close()
	if err := more(b, row); err != nil {
		return err
	}
	b.Delete(keyOfList(r), nil)
	b.Delete(keyOfListName(r, row.List.Name), nil)
	b.Delete(keyOfListOrder(&row.List), nil)
	if row.Token != "" {
		b.Delete(keyOfToken(r.Owner, tokenOfList, string(r.Kind), row.Token), nil)
	}
	ranges := []keyRange{memberRange(row.Number)}
	if row.List.UniqueKeys {
		ranges = append(ranges, uniqueKeyRange(row.Number))
	}
	// Before the list is gone: who finds no members must not find its number either.
	s.lists.remove(r)
	s.counts.forget(row.Number)
	return s.erase(b, ranges...)
}

// DeleteJob implements store.Jobs. A job that is final is in no queue and in no index
// but that of all jobs.
func (s *Store) DeleteJob(ctx context.Context, o job.Owner, id job.ID) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// The owner's lock keeps CreateJob from finding a token whose job is going.
	defer s.lockJobs(o)()
	k := jobKey{owner: o, id: id}
	defer s.jobs.lock(k)()
	row, err := s.jobRow(s.db, k)
	if err != nil {
		return err
	}
	if !row.Job.State.Final() {
		return fault.New(fault.Conflict, "job %s is %s", id, row.Job.State)
	}
	b := s.db.NewBatch()
	defer b.Close()
	if err := s.removeJob(b, row); err != nil {
		return err
	}
	return s.erase(b, rejectRange(row.Number))
}

// lockJobs locks what may be created or deleted among an owner's jobs.
func (s *Store) lockJobs(o job.Owner) (unlock func()) {
	return s.owners.lock(ownerKey{account: o.Account, region: o.Region, what: tokenOfJob})
}

// removeJob adds to a batch that a job's rows go, but for its rejects.
func (s *Store) removeJob(b *pebble.Batch, row *jobRow) error {
	if err := s.deleteToken(b, row); err != nil {
		return err
	}
	b.Delete(keyOfJob(keyFor(&row.Job)), nil)
	deleteIndexes(b, &row.Job)
	// Not by a cut, which snapshots see too: a job that they list has its counts.
	return b.Delete(keyOfProgress(row.Number), nil)
}

func (s *Store) deleteToken(b *pebble.Batch, row *jobRow) error {
	j := &row.Job
	if row.Token == nil {
		return s.findToken(b, j)
	}
	if *row.Token != "" {
		b.Delete(keyOfToken(j.Owner, tokenOfJob, string(j.Wire), *row.Token), nil)
	}
	return nil
}

// findToken deletes the token of a job whose row does not tell it.
func (s *Store) findToken(b *pebble.Batch, j *job.Job) error {
	prefix := tokenPrefix(j.Owner, tokenOfJob, string(j.Wire))
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return fmt.Errorf("look for token: %w", err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("look for token: %w", err)
		}
		var t token
		if err := json.Unmarshal(v, &t); err != nil {
			return fmt.Errorf("read token: %w", err)
		}
		if t.ID == string(j.ID) {
			b.Delete(append([]byte(nil), it.Key()...), nil)
		}
	}
	return it.Error()
}
