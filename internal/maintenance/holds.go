package maintenance

import (
	"context"

	"github.com/sluicehq/sluice/internal/job"
)

// releaseHolds releases what is held for a job that is final or gone: the server ended
// between the two steps, or Release failed.
//
// A job that may hold something is in the store, not final, before it holds it, and stays
// there until it is final, which no job ever leaves. So what was held before the
// unfinished jobs are listed, and for none of them, is left behind. The grace is for the
// moment between the two steps of a server that is well.
func (m *Maintenance) releaseHolds(ctx context.Context, t *tally) (more bool, err error) {
	left := map[job.ID]int64{}
	before := m.o.Now().Add(-m.o.Grace / 60)
	for h, err := range m.objects.Holders(ctx) {
		if err != nil {
			return false, err
		}
		if h.Since.After(before) {
			continue
		}
		if more = len(left) == maxRemovals; more {
			break
		}
		left[job.ID(h.Name)] = h.Bytes
	}
	if len(left) == 0 {
		return false, nil
	}
	for id, err := range m.store.UnfinishedIDs(ctx) {
		if err != nil {
			return false, err
		}
		delete(left, id)
	}
	for id, bytes := range left {
		if err := m.objects.Release(ctx, string(id)); err != nil {
			return false, err
		}
		t.add(bytes)
	}
	return more && t.count > 0, nil
}
