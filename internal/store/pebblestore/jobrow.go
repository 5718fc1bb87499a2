package pebblestore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
)

// jobRow is what is stored of a job: the job, but for counts and checkpoint, which
// change with every commit and have a key of their own (see progress), and for the
// end of its lease, which only the process knows.
type jobRow struct {
	Job    job.Job
	Number uint64 // of its keys in table w
	Turn   uint64 // its place among those that wait
	// Since is when it got its turn: when it became ready or was released. It is zero in
	// rows of jobs that had their turn before it was stored.
	Since time.Time `json:",omitzero"`
	// Pause is what the last Postpone asked for.
	Pause pause `json:",omitzero"`
	// Token is what it was created with, and goes with it. It is nil in rows that the
	// first release wrote.
	Token *string `json:",omitempty"`
	// List is the number of the list that it is for; 0 if there was none when it was
	// created, and in rows that the first release wrote.
	List uint64 `json:",omitempty"`

	indexed job.State // the state that the indexes have; empty if that is not known
}

// progress is how far a job is, and the attempts that were made since it got there: a
// commit stores it without any.
type progress struct {
	Counts     job.Counts      `json:",omitzero"`
	Checkpoint record.Position `json:",omitzero"`
	Attempts   int             `json:",omitempty"`
	Failures   int             `json:",omitempty"`
	Waiting    job.Wait        `json:",omitzero"`
}

// errDamagedRow is the error of a row that does not decode, or is not the one of its key.
var errDamagedRow = errors.New("the row is damaged")

// isDamaged reports whether err says that what is stored of a job cannot be used, however
// often it is read.
func isDamaged(err error) bool {
	return errors.Is(err, errDamagedRow) || pebble.IsCorruptionError(err) || fault.Is(err, fault.NotFound)
}

// jobRow reads a row; fault.NotFound, errDamagedRow.
func (s *Store) jobRow(r pebble.Reader, k jobKey) (*jobRow, error) {
	row, err := s.storedJob(r, k)
	if err != nil {
		return nil, err
	}
	deleted, err := isDeleted(r, row)
	if err != nil {
		return nil, err
	}
	if deleted {
		return nil, noJob(k)
	}
	return row, nil
}

// storedJob is jobRow for those who want to see the jobs of deleted lists too.
func (s *Store) storedJob(r pebble.Reader, k jobKey) (*jobRow, error) {
	v, err := getFrom(r, keyOfJob(k))
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, noJob(k)
	}
	return decodeStoredJob(keyOfJob(k), v)
}

func noJob(k jobKey) error { return fault.New(fault.NotFound, "there is no job %s", k.id) }

// decodeStoredJob decodes a row and compares it with its key; errDamagedRow.
func decodeStoredJob(key, v []byte) (*jobRow, error) {
	row := new(jobRow)
	if err := json.Unmarshal(v, row); err != nil {
		return nil, fmt.Errorf("read job: %w: %w", errDamagedRow, err)
	}
	if !bytes.Equal(keyOfJob(keyFor(&row.Job)), key) {
		return nil, fmt.Errorf("read job: %w: it is of another job", errDamagedRow)
	}
	row.indexed = row.Job.State
	return row, nil
}

func (s *Store) progress(r pebble.Reader, number uint64) (progress, error) {
	var p progress
	v, err := getFrom(r, keyOfProgress(number))
	if err != nil || v == nil {
		return p, err
	}
	if err := json.Unmarshal(v, &p); err != nil {
		return p, fmt.Errorf("read progress: %w: %w", errDamagedRow, err)
	}
	return p, nil
}

// whole completes a row's job by what lies elsewhere.
func (s *Store) whole(r pebble.Reader, row *jobRow) (job.Job, error) {
	p, err := s.progress(r, row.Number)
	if err != nil {
		return job.Job{}, err
	}
	return s.with(row, p), nil
}

// with completes a row's job.
func (s *Store) with(row *jobRow, p progress) job.Job {
	j := row.Job
	j.Counts, j.Checkpoint = p.Counts, p.Checkpoint
	j.Attempts, j.Failures = p.Attempts, p.Failures
	if !j.State.Final() {
		j.Waiting = p.Waiting
	}
	if l, ok := s.queue.lease(keyFor(&j)); ok && !j.State.Final() {
		j.Lease = l
	}
	return j
}

// jobNow reads a job as it is at one moment.
func (s *Store) jobNow(k jobKey) (job.Job, error) {
	snap := s.db.NewSnapshot()
	defer snap.Close()
	row, err := s.jobRow(snap, k)
	if err != nil {
		return job.Job{}, err
	}
	return s.whole(snap, row)
}

// setJob adds a row and its index rows to a batch.
func setJob(b *pebble.Batch, row *jobRow, isNew bool) error {
	stored := *row
	stored.Job.Counts, stored.Job.Checkpoint = job.Counts{}, record.Position{}
	stored.Job.Attempts, stored.Job.Failures, stored.Job.Waiting = 0, 0, job.Wait{}
	v, err := json.Marshal(&stored)
	if err != nil {
		return fmt.Errorf("store job %s: %w", row.Job.ID, err)
	}
	b.Set(keyOfJob(keyFor(&row.Job)), v, nil)
	if isNew || row.indexed != row.Job.State {
		setIndexes(b, &row.Job, isNew)
	}
	return nil
}

// enqueue gives a row a turn behind all others.
func (s *Store) enqueue(row *jobRow) (err error) {
	row.Turn, err = s.number()
	row.Since = stamp(time.Now())
	return err
}

// saveJob stores a row and tells the queue. The caller has locked the job.
func (s *Store) saveJob(row *jobRow) error {
	b := s.db.NewBatch()
	defer b.Close()
	if err := setJob(b, row, false); err != nil {
		return err
	}
	if err := s.apply(b); err != nil {
		return err
	}
	s.queue.follow(row)
	return nil
}
