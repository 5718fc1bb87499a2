package maintenance

import (
	"context"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
)

// removeReports removes reports whose job is gone, or has ended without naming them: it
// was stopped while the report was written, or the attempt had lost its lease.
func (m *Maintenance) removeReports(ctx context.Context, t *tally) (more bool, err error) {
	before := m.o.Now().Add(-m.o.Grace)
	for i, err := range m.objects.Objects(ctx, m.o.Bucket) {
		if err != nil {
			return false, err
		}
		o, id, ok := job.ParseReportKey(i.Name.Account, i.Name.Key)
		if !ok || i.Modified.After(before) {
			continue
		}
		j, err := m.store.Job(ctx, o, id)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return false, err
		}
		if err == nil && (!j.State.Final() || j.Report == i.Name.Key) {
			continue
		}
		if more = t.count >= maxRemovals; more {
			return true, nil
		}
		if err := m.remove(ctx, i, t); err != nil {
			return false, err
		}
	}
	return false, nil
}

// remove removes an object if it is still the one that was judged and no unfinished job
// is to read it.
func (m *Maintenance) remove(ctx context.Context, i object.Info, t *tally) error {
	use, err := m.store.SourceUse(ctx, i.Name.Account, i.Name.Bucket, i.Name.Key)
	if err != nil || use.Unfinished > 0 {
		return err
	}
	deleted, err := m.objects.DeleteIfUnchanged(ctx, i)
	if deleted {
		t.add(i.Size)
	}
	return err
}
