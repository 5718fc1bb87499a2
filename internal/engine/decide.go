package engine

import (
	"context"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

// decider decides the records of a job by the rule of its destination. It is for one
// goroutine at a time.
type decider struct {
	rule       destination.Rule
	uniqueKeys bool // members of the list have some
	change     destination.Change
	unique     []store.UniqueKey
}

// newDecider returns what decides the job's records, by the list as it is now.
func (a *attempt) newDecider(ctx context.Context) (decider, error) {
	d := a.job.Destination
	list, err := a.engine.store.List(ctx, store.ListRef{Owner: a.job.Owner, Kind: d.Kind, ID: d.List})
	if err != nil {
		return decider{}, err
	}
	rule, err := destination.NewRule(destination.Target{Kind: d.Kind, Action: d.Action, Job: string(a.job.ID), Config: list.Config})
	if err == nil && a.engine.options.wrapRule != nil {
		rule = a.engine.options.wrapRule(rule)
	}
	return decider{rule: rule, uniqueKeys: list.UniqueKeys}, err
}

// add adds to a batch what a record does.
func (d *decider) add(b *store.Batch, rec *record.Record) {
	c := &d.change
	refusal := d.rule.Decide(rec, c)
	switch {
	case refusal != nil:
		b.Reject(rec, refusal)
	case c.Action == destination.Delete:
		b.Delete(c.Key)
	default:
		d.unique = d.unique[:0]
		for _, u := range c.Unique {
			d.unique = append(d.unique, store.UniqueKey(u))
		}
		b.Put(rec, c.Key, c.Value, d.unique...)
	}
}
