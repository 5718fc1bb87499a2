package maintenance

import (
	"context"

	"github.com/sluicehq/sluice/internal/object"
)

// removeObjects removes the objects of the server's own bucket that a duty selects.
func (m *Maintenance) removeObjects(ctx context.Context, t *tally, selects func(object.Info) (bool, error)) (more bool, err error) {
	for i, err := range m.objects.Objects(ctx, m.o.Bucket) {
		if err != nil {
			return false, err
		}
		selected, err := selects(i)
		if selected && err == nil {
			if t.count >= int64(m.most) {
				return true, nil
			}
			err = m.remove(ctx, i, t)
		}
		if err := t.skip(i.Name.Key, err); err != nil {
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
		t.add(1, i.Size)
	}
	return err
}
