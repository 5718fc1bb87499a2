package maintenance

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/report"
)

// removeFiles removes sources and reports some time after the end of their jobs. An object
// that was replaced since counts from then.
func (m *Maintenance) removeFiles(ctx context.Context, t *tally) (more bool, err error) {
	if m.o.KeepFiles <= 0 {
		return false, nil
	}
	before := m.o.Now().Add(-m.o.KeepFiles)
	return m.removeObjects(ctx, t, func(i object.Info) (bool, error) {
		if !i.Modified.Before(before) {
			return false, nil
		}
		ended, ok, err := m.ended(ctx, i.Name)
		return ok && ended.Before(before), err
	})
}

// ended returns when the last job that read an object, or whose report it is, has ended.
// ok is false if one has not, or there is none.
func (m *Maintenance) ended(ctx context.Context, n object.Name) (at time.Time, ok bool, err error) {
	use, err := m.store.SourceUse(ctx, n.Account, n.Bucket, n.Key)
	if err != nil || use.Unfinished > 0 {
		return time.Time{}, false, err
	}
	at, ok = use.Ended, use.Jobs > 0
	o, id, isReport := report.ParseKey(n.Account, n.Key)
	if !isReport {
		return at, ok, nil
	}
	j, err := m.store.Job(ctx, o, id)
	switch {
	case fault.Is(err, fault.NotFound):
		return at, ok, nil
	case err != nil || !j.State.Final():
		return time.Time{}, false, err
	case j.Finished.After(at):
		at = j.Finished
	}
	return at, true, nil
}
