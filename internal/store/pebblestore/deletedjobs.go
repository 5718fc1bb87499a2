package pebblestore

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// The jobs that are deleted together with their list may be any number. The step that
// deletes the list only adds a row to table g, by the list's number; from then on no
// reader finds a job that was created for this number, see jobRow. sweep removes the
// rows of the jobs, some at a time, and then the one in table g. It may be interrupted
// anywhere. A creation that needs the ID or the token of such a job removes it itself.

// deletedList is a row of table g: where in the index the jobs are.
type deletedList struct {
	Owner job.Owner
	ID    string
	// Number is in the key.
	Number uint64 `json:"-"`
}

// isDeleted reports whether a job was deleted together with its list.
func isDeleted(r pebble.Reader, row *jobRow) (bool, error) {
	if row.List == 0 {
		return false, nil
	}
	v, err := getFrom(r, keyOfDeletedList(row.List))
	return v != nil, err
}

// DeleteListWithJobs implements store.Lists.
func (s *Store) DeleteListWithJobs(ctx context.Context, r store.ListRef) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer s.lockJobs(r.Owner)() // or a job could be created for the list meanwhile
	err := s.deleteList(r, func(b *pebble.Batch, list *listRow) error {
		if err := s.mustHaveEnded(ctx, r, list.Number); err != nil {
			return err
		}
		v, err := json.Marshal(deletedList{Owner: r.Owner, ID: r.ID})
		if err != nil {
			return fmt.Errorf("delete list %s: %w", r.ID, err)
		}
		return b.Set(keyOfDeletedList(list.Number), v, nil)
	})
	if err != nil {
		return err
	}
	s.behind.run(s.sweep)
	return nil
}

// mustHaveEnded returns fault.Conflict if a job that was created for a list is not final.
func (s *Store) mustHaveEnded(ctx context.Context, r store.ListRef, number uint64) error {
	prefix := unfinishedOfList.prefix(r.Owner, string(r.Kind), r.ID)
	return each(ctx, s.db, prefix, func(key, _ []byte) error {
		k, _ := unfinishedOfList.split(key)
		row, err := s.storedJob(s.db, k)
		switch {
		case isDamaged(err): // it will never run
			return nil
		case err != nil:
			return err
		case row.List == number && !row.Job.State.Final():
			return fault.New(fault.Conflict, "job %s is %s", k.id, row.Job.State)
		}
		return nil
	})
}

// purgeDeleted removes, as part of a batch, what is left of a job that was deleted
// together with its list. It is not ok if the job was not. The caller has locked the
// owner's jobs.
func (s *Store) purgeDeleted(b *pebble.Batch, k jobKey) (ok bool, err error) {
	row, err := s.storedJob(s.db, k)
	if isDamaged(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if ok, err = isDeleted(s.db, row); err != nil || !ok {
		return false, err
	}
	rejects := rejectRange(row.Number)
	if err := b.DeleteRange(rejects.start, rejects.end, nil); err != nil {
		return false, err
	}
	return true, s.removeJob(b, row)
}

// removeDeletedJobs removes the jobs of all deleted lists.
func (s *Store) removeDeletedJobs(ctx context.Context) error {
	var lists []deletedList
	err := each(ctx, s.db, []byte{tableDeletedLists}, func(k, v []byte) error {
		l, err := decodeDeletedList(k, v)
		if err == nil { // a check reports it otherwise
			lists = append(lists, l)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for deleted lists: %w", err)
	}
	for _, l := range lists {
		from := jobsOfList.prefix(l.Owner, l.ID)
		for from != nil {
			if err := s.awaitSpace(ctx); err != nil {
				return err
			}
			if from, err = s.removeJobsOf(ctx, l, from); err != nil {
				return err
			}
		}
		b := s.db.NewBatch()
		b.Delete(keyOfDeletedList(l.Number), nil)
		err := s.apply(b)
		b.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func decodeDeletedList(k, v []byte) (l deletedList, err error) {
	if len(k) != 1+8 {
		return l, errBadKey
	}
	l.Number = binary.BigEndian.Uint64(k[1:])
	return l, json.Unmarshal(v, &l)
}

// removeAtOnce is how many jobs are removed in one step.
const removeAtOnce = 256

// removeJobsOf removes some jobs of a deleted list, from a key of the index on, and
// returns the key to go on from, nil at the end.
func (s *Store) removeJobsOf(ctx context.Context, l deletedList, from []byte) (next []byte, err error) {
	defer s.lockJobs(l.Owner)()
	var jobs []jobKey
	err = eachIn(ctx, s.db, keyRange{from, after(jobsOfList.prefix(l.Owner, l.ID))}, func(key, _ []byte) error {
		if len(jobs) == removeAtOnce {
			next = append(next, key...)
			return errEnough
		}
		if k, ok := jobsOfList.split(key); ok {
			jobs = append(jobs, k)
		}
		return nil
	}, func(*pebble.Iterator) {})
	if err != nil {
		return nil, fmt.Errorf("look for jobs of a deleted list: %w", err)
	}
	b := s.db.NewBatch()
	defer b.Close()
	var rejects []keyRange
	for _, k := range jobs {
		// Who changes the job has found it before it was deleted, and must not write it
		// after it is removed.
		defer s.jobs.lock(k)()
		row, err := s.storedJob(s.db, k)
		if isDamaged(err) || err == nil && row.List != l.Number {
			continue
		}
		if err != nil {
			return nil, err
		}
		if p, err := s.progress(s.db, row.Number); err != nil || p.Counts.Rejected > 0 {
			rejects = append(rejects, rejectRange(row.Number))
		}
		if err := s.removeJob(b, row); err != nil {
			return nil, err
		}
	}
	_, err = s.eraseBehind(b, rejects...) // the caller is sweep, which goes on to what is noted
	return next, err
}
