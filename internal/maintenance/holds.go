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
	before := m.o.Now().Add(-m.o.Grace / 60)
	held := make(map[job.ID]int64)
	for h, err := range m.objects.Holders(ctx) {
		if err != nil {
			return false, err
		}
		if h.Since.After(before) {
			continue
		}
		held[job.ID(h.Name)] = h.Bytes
		if len(held) < m.most {
			continue
		}
		if err := m.releaseEnded(ctx, held, t); err != nil {
			return false, err
		}
		if t.count >= int64(m.most) {
			return true, nil
		}
		clear(held)
	}
	return false, m.releaseEnded(ctx, held, t)
}

// releaseEnded releases those holds, bytes by holder, that are of no unfinished job.
func (m *Maintenance) releaseEnded(ctx context.Context, held map[job.ID]int64, t *tally) error {
	if len(held) == 0 {
		return nil
	}
	for id, err := range m.store.UnfinishedIDs(ctx) {
		if err != nil {
			return err
		}
		delete(held, id)
	}
	for id, bytes := range held {
		err := m.objects.Release(ctx, string(id))
		if err == nil {
			t.add(1, bytes)
		}
		if err := t.skip("", err); err != nil {
			return err
		}
	}
	return nil
}
