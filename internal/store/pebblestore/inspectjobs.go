package pebblestore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/job"
)

// Jobs calls fn with every job whose row is sound and that is not deleted. Of counts and checkpoint they have
// none.
func (i *Inspection) Jobs(ctx context.Context, fn func(*job.Job) error) error {
	it, err := i.db.NewIter(&pebble.IterOptions{LowerBound: []byte{tableJobs}, UpperBound: []byte{tableJobs + 1}})
	if err != nil {
		return fmt.Errorf("read jobs: %w", err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		v, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("read jobs: %w", err)
		}
		var row jobRow
		if json.Unmarshal(v, &row) != nil {
			continue // which Check reports
		}
		if deleted, err := isDeleted(i.db, &row); err != nil {
			return fmt.Errorf("read jobs: %w", err)
		} else if deleted {
			continue
		}
		if err := fn(&row.Job); err != nil {
			return err
		}
	}
	return it.Error()
}

// FindJob looks for a job of an account in every region. The job is nil if its row is
// damaged, which Check reports.
func (i *Inspection) FindJob(account string, id job.ID) (j *job.Job, found bool, err error) {
	if i.owners == nil {
		if err := i.findOwners(); err != nil {
			return nil, false, err
		}
	}
	for _, o := range i.owners[account] {
		v, err := getFrom(i.db, keyOfJob(jobKey{owner: o, id: id}))
		if err != nil {
			return nil, false, err
		}
		if v == nil {
			continue
		}
		var row jobRow
		if json.Unmarshal(v, &row) != nil {
			return nil, true, nil
		}
		if deleted, err := isDeleted(i.db, &row); err != nil {
			return nil, false, err
		} else if deleted {
			continue
		}
		return &row.Job, true, nil
	}
	return nil, false, nil
}

// findOwners collects who has jobs, without reading those.
func (i *Inspection) findOwners() error {
	i.owners = map[string][]job.Owner{}
	it, err := i.db.NewIter(&pebble.IterOptions{LowerBound: []byte{tableJobs}, UpperBound: []byte{tableJobs + 1}})
	if err != nil {
		return fmt.Errorf("read jobs: %w", err)
	}
	defer it.Close()
	for ok := it.First(); ok; {
		o, _, err := splitOwner(it.Key())
		if err != nil {
			ok = it.Next()
			continue
		}
		i.owners[o.Account] = append(i.owners[o.Account], o)
		ok = it.SeekGE(after(ownerPrefix(tableJobs, o)))
	}
	return it.Error()
}
