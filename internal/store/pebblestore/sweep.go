package pebblestore

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// The members of a deleted list, or the rejects of a deleted job, may be many files.
// A tombstone over them takes no time to write, but their space is free only when
// compactions have come by, which in a quiet store is never. So the range is cut out of
// the database instead, which drops whole files at once; a file that others share is
// then written anew without it.
//
// That cannot be one step with what else is deleted. The step leaves a note of what is
// to be cut out, in table d, for sweep, which runs behind it, and after Open. Nobody
// finds what is in the range meanwhile, since its number is in no row.

// keyRange is the keys from start up to but not including end.
type keyRange struct{ start, end []byte }

// cutFrom is from how many bytes on disk a range is cut out. What is smaller is less
// than the work; it goes with the compactions.
const cutFrom = 1 << 20

// erase writes b, and with it that ranges go: by tombstones, or by notes for sweep.
func (s *Store) erase(b *pebble.Batch, ranges ...keyRange) error {
	noted, err := s.eraseBehind(b, ranges...)
	if noted {
		s.behind.run(s.sweep)
	}
	return err
}

// eraseBehind is erase without the sweep: the caller must run it if noted is true, since
// ranges are then still to be deleted.
func (s *Store) eraseBehind(b *pebble.Batch, ranges ...keyRange) (noted bool, err error) {
	for _, r := range ranges {
		size, err := s.db.EstimateDiskUsage(r.start, r.end)
		if err != nil {
			return false, fmt.Errorf("look what is to be deleted: %w", err)
		}
		if size < s.cut {
			b.DeleteRange(r.start, r.end, nil)
		} else {
			b.Set(keyOfNote(r), r.end, nil)
			noted = true
		}
	}
	if err := s.apply(b); err != nil {
		return false, err
	}
	return noted, nil
}

// sweep removes the jobs of deleted lists and cuts out what is noted. What it does not get to, or fails, is left to the next
// time: it is deleted for everybody, and only takes space.
func (s *Store) sweep(ctx context.Context) {
	s.sweeping.Lock()
	defer s.sweeping.Unlock()
	if err := s.removeDeletedJobs(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("jobs of deleted lists not removed", "error", err)
	}
	notes, err := s.notes()
	if err == nil && len(notes) > 0 {
		if err = s.awaitSpace(ctx); err != nil {
			return
		}
		// A note is seen before it is on the disk. Without it the list would be there again
		// when the power has gone, but not what was cut out.
		err = s.db.LogData(nil, pebble.Sync)
	}
	for i := 0; i < len(notes) && err == nil && ctx.Err() == nil; i++ {
		if err = s.awaitSpace(ctx); err == nil {
			err = s.cutOut(ctx, notes[i])
		}
	}
	if err != nil && ctx.Err() == nil {
		s.log.Error("garbage collection failed", "error", err)
	}
}

func (s *Store) notes() (all []keyRange, err error) {
	prefix := []byte{tableNotes}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return nil, fmt.Errorf("read notes: %w", err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		end, err := it.ValueAndErr()
		if err != nil {
			return nil, fmt.Errorf("read notes: %w", err)
		}
		all = append(all, keyRange{append([]byte(nil), it.Key()[1:]...), append([]byte(nil), end...)})
	}
	return all, it.Error()
}

// cutOut removes what is in a range. Doing so twice does no harm: numbers are never
// used again.
func (s *Store) cutOut(ctx context.Context, r keyRange) error {
	leave := s.writes.enter()
	err := s.db.Excise(context.WithoutCancel(ctx), pebble.KeyRange{Start: r.start, End: r.end})
	leave()
	if err != nil {
		return fmt.Errorf("cut out: %w", err)
	}
	flushed, err := s.db.AsyncFlush() // a cut waits in line with what was written before
	if err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	select {
	case <-flushed:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := s.trim(ctx, r); err != nil {
		return err
	}
	defer s.writes.enter()()
	return s.db.Delete(keyOfNote(r), pebble.NoSync)
}

// trim writes the files anew that a range was cut out of and that hold what lies next
// to it: until then they are as large as before.
func (s *Store) trim(ctx context.Context, r keyRange) error {
	around, err := s.neighbours(r)
	if err != nil {
		return err
	}
	levels, err := s.db.SSTables(pebble.WithKeyRangeFilter(around.start, around.end))
	if err != nil {
		return fmt.Errorf("look for shared files: %w", err)
	}
	shared := false
	for _, files := range levels {
		for i := range files {
			shared = shared || files[i].Virtual
		}
	}
	if !shared {
		return nil
	}
	// A compaction passes over files in the lowest level that nothing above lies over.
	// There are no range keys in the database, so that removing some changes nothing.
	leave := s.writes.enter()
	err = s.db.RangeKeyDelete(around.start, around.end, pebble.NoSync)
	leave()
	if err != nil {
		return fmt.Errorf("mark shared files: %w", err)
	}
	if err := s.db.Compact(ctx, around.start, around.end, false); err != nil {
		return fmt.Errorf("write shared files anew: %w", err)
	}
	return nil
}

// neighbours widens a range to the keys next to it.
func (s *Store) neighbours(r keyRange) (keyRange, error) {
	it, err := s.db.NewIter(nil)
	if err != nil {
		return r, fmt.Errorf("look for neighbours: %w", err)
	}
	defer it.Close()
	if it.SeekLT(r.start) {
		r.start = append([]byte(nil), it.Key()...)
	}
	if it.SeekGE(r.end) {
		r.end = append(append([]byte(nil), it.Key()...), 0)
	}
	return r, it.Error()
}
