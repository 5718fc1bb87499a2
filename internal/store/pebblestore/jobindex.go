package pebblestore

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// jobIndex is a table whose keys lead to jobs:
//
//	table  owner  fields  [created]  id
type jobIndex struct {
	table  byte
	name   string
	fields int                     // how many
	of     func(*job.Job) []string // the fields of a job
	// ordered says that the time of creation is in the key.
	ordered bool
	// unfinished says that only jobs that are not final are in the table. The value is
	// their state then, and empty otherwise.
	unfinished bool
	// ended says that only jobs that are final are in the table.
	ended bool
}

var (
	allJobs = &jobIndex{
		table: tableJobOrder, name: "list of jobs", ordered: true,
		of: func(*job.Job) []string { return nil },
	}
	jobsOfList = &jobIndex{
		table: tableJobsOfList, name: "index of jobs by list", fields: 1, ordered: true,
		of: func(j *job.Job) []string { return []string{j.Destination.List} },
	}
	jobsOfWire = &jobIndex{
		table: tableJobsOfWire, name: "index of jobs by API", fields: 1, ordered: true,
		of: func(j *job.Job) []string { return []string{string(j.Wire)} },
	}
	jobsOfSource = &jobIndex{
		table: tableJobsOfSource, name: "index of jobs by source", fields: 2, ordered: true,
		of: func(j *job.Job) []string { return []string{j.Source.Bucket, j.Source.Key} },
	}
	endedByState = &jobIndex{
		table: tableEndedJobs, name: "index of jobs that have ended", fields: 1, ordered: true, ended: true,
		of: func(j *job.Job) []string { return []string{string(j.State)} },
	}
	endedOfList = &jobIndex{
		table: tableEndedJobsOfList, name: "index of jobs that have ended by list", fields: 2, ordered: true, ended: true,
		of: func(j *job.Job) []string { return []string{j.Destination.List, string(j.State)} },
	}
	unfinishedJobs = &jobIndex{
		table: tableUnfinished, name: "index of unfinished jobs", fields: 1, unfinished: true,
		of: func(j *job.Job) []string { return []string{string(j.Wire)} },
	}
	unfinishedInOrder = &jobIndex{
		table: tableUnfinishedOrder, name: "list of unfinished jobs", ordered: true, unfinished: true,
		of: func(*job.Job) []string { return nil },
	}
	unfinishedOfList = &jobIndex{
		table: tableUnfinishedOfList, name: "index of unfinished jobs by list", fields: 2, unfinished: true,
		of: func(j *job.Job) []string { return []string{string(j.Destination.Kind), j.Destination.List} },
	}

	jobIndexes = []*jobIndex{
		allJobs, jobsOfList, jobsOfWire, jobsOfSource, endedByState, endedOfList, unfinishedJobs, unfinishedInOrder, unfinishedOfList,
	}
)

func (x *jobIndex) prefix(o job.Owner, fields ...string) []byte {
	k := ownerPrefix(x.table, o)
	for _, w := range fields {
		k = appendField(k, w)
	}
	return k
}

func (x *jobIndex) key(j *job.Job) []byte {
	k := x.prefix(j.Owner, x.of(j)...)
	if x.ordered {
		k = appendTime(k, j.Created)
	}
	return append(k, j.ID...)
}

// has reports whether a job has a row in the index.
func (x *jobIndex) has(j *job.Job) bool {
	if j.State.Final() {
		return !x.unfinished
	}
	return !x.ended
}

// split returns the job that a key leads to.
func (x *jobIndex) split(k []byte) (jobKey, bool) {
	o, rest, err := splitOwner(k)
	ok := err == nil
	for i := 0; ok && i < x.fields; i++ {
		_, rest, ok = cutField(rest)
	}
	if ok && x.ordered {
		if ok = len(rest) >= timeLen; ok {
			rest = rest[timeLen:]
		}
	}
	return jobKey{owner: o, id: job.ID(rest)}, ok && len(rest) > 0
}

// setIndexes makes the index rows of a job those of the job as it now is. What they are
// made of does not change, but for the state: isNew says that there is none yet.
func setIndexes(b *pebble.Batch, j *job.Job, isNew bool) {
	for _, x := range jobIndexes {
		switch {
		case !x.has(j) && x.ended: // it has never been there
		case !x.has(j):
			b.Delete(x.key(j), nil)
		case x.unfinished:
			b.Set(x.key(j), []byte(j.State), nil)
		case isNew || x.ended:
			b.Set(x.key(j), nil, nil)
		}
	}
}

func deleteIndexes(b *pebble.Batch, j *job.Job) {
	for _, x := range jobIndexes {
		b.Delete(x.key(j), nil)
	}
}

// indexFor returns the index, and where in it, that has the fewest jobs beside those that
// a filter selects.
func indexFor(o job.Owner, f store.JobFilter) (prefix []byte) {
	final := func(s job.State) bool { return s.Final() }
	switch {
	case len(f.States) > 0 && !slices.ContainsFunc(f.States, final):
		return unfinishedInOrder.prefix(o)
	case f.List != "" && len(f.States) == 1:
		return endedOfList.prefix(o, f.List, string(f.States[0]))
	case f.List != "":
		return jobsOfList.prefix(o, f.List)
	case len(f.States) == 1:
		return endedByState.prefix(o, string(f.States[0]))
	case f.Wire != "":
		return jobsOfWire.prefix(o, string(f.Wire))
	}
	return allJobs.prefix(o)
}

// UnfinishedJob implements store.Jobs.
func (s *Store) UnfinishedJob(ctx context.Context, r store.ListRef, states ...job.State) (j job.Job, ok bool, err error) {
	snap := s.db.NewSnapshot()
	defer snap.Close()
	prefix := unfinishedOfList.prefix(r.Owner, string(r.Kind), r.ID)
	var k jobKey
	err = s.eachRow(ctx, snap, prefix, func(key, state []byte) error {
		if !slices.Contains(states, job.State(state)) {
			return nil
		}
		k, ok = unfinishedOfList.split(key)
		return errEnough
	})
	if err != nil || !ok {
		return job.Job{}, false, err
	}
	row, err := s.jobRow(snap, k)
	if err == nil {
		j, err = s.whole(snap, row)
	}
	return j, err == nil, err
}

// indexJobs makes the indexes of a store that was written before there were all of them.
// It may be interrupted, and then begins again.
func (s *Store) indexJobs() error {
	done, err := s.get(keyOfJobIndexes())
	if err != nil || bytes.Equal(done, jobIndexVersion) {
		return err
	}
	b := s.db.NewBatch()
	defer func() { b.Close() }()
	err = each(context.Background(), s.db, []byte{tableJobs}, func(k, v []byte) error {
		row, err := decodeStoredJob(k, v)
		if err != nil {
			return nil // reported when the job is asked for
		}
		setIndexes(b, &row.Job, true)
		if b.Len() < indexBatchBytes {
			return nil
		}
		err = b.Commit(pebble.NoSync)
		b.Close()
		b = s.db.NewBatch()
		return err
	})
	if err != nil {
		return fmt.Errorf("index jobs: %w", err)
	}
	b.Set(keyOfJobIndexes(), jobIndexVersion, nil)
	return s.apply(b)
}

// jobIndexVersion rises with every index that is added.
var jobIndexVersion = []byte{4}

const indexBatchBytes = 1 << 20
