package maintenance

import (
	"context"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/report"
)

// removeReports removes reports whose job is gone, or has ended without naming them: it
// was stopped while the report was written, or the attempt had lost its lease.
func (m *Maintenance) removeReports(ctx context.Context, t *tally) (more bool, err error) {
	before := m.o.Now().Add(-m.o.Grace)
	return m.removeObjects(ctx, t, func(i object.Info) (bool, error) {
		o, id, ok := report.ParseKey(i.Name.Account, i.Name.Key)
		if !ok || i.Modified.After(before) {
			return false, nil
		}
		j, err := m.store.Job(ctx, o, id)
		if fault.Is(err, fault.NotFound) {
			return true, nil
		}
		return err == nil && j.State.Final() && j.Report != i.Name.Key, err
	})
}
