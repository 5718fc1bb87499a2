package diskobject

import (
	"context"
	"io"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
)

// Stat implements object.Store.
func (s *Store) Stat(ctx context.Context, n object.Name) (object.Info, error) {
	o, err := s.Head(ctx, n)
	return o.Info, err
}

// Put implements object.Store.
func (s *Store) Put(ctx context.Context, n object.Name, contentType string, r io.Reader) (object.Info, error) {
	o, err := s.writeObject(ctx, n, Write{Meta: Meta{ContentType: contentType}}, r, (*step).makeBucket)
	return o.Info, err
}

// Delete implements object.Store.
func (s *Store) Delete(ctx context.Context, n object.Name) error {
	return s.DeleteIf(ctx, n, Condition{})
}

// DeleteIf removes the object at n if the condition holds. If there is none, that is an
// error only if the condition asks for an ETag.
func (s *Store) DeleteIf(_ context.Context, n object.Name, c Condition) error {
	return s.updateToDelete(func(st *step) error {
		if err := c.check(st, n); err != nil {
			return err
		}
		e, err := lookup(st, n)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := st.delete(objectKey(n)); err != nil {
			return err
		}
		return st.refer(e.Content, -1)
	})
}

// Hold implements object.Store.
func (s *Store) Hold(_ context.Context, n object.Name, holder string) (object.Info, error) {
	if holder == "" || strings.Contains(holder, "\x00") {
		return object.Info{}, fault.New(fault.Invalid, "a holder has a name, without a zero byte in it")
	}
	var info object.Info
	err := s.update(func(st *step) error {
		e, err := lookup(st, n)
		if err != nil {
			return err
		}
		info = e.info(n)
		if err := st.refer(e.Content, 1); err != nil { // first, or it might be gone in between
			return err
		}
		if err := st.release(holder); err != nil {
			return err
		}
		return st.set(holdKey(holder), hold{e.Content, s.now().UTC()})
	})
	return info, err
}

// Release implements object.Store.
func (s *Store) Release(_ context.Context, holder string) error {
	return s.updateToDelete(func(st *step) error { return st.release(holder) })
}

func (st *step) release(holder string) error {
	var h hold
	ok, err := st.get(holdKey(holder), &h)
	if err != nil || !ok {
		return err
	}
	if err := st.delete(holdKey(holder)); err != nil {
		return err
	}
	return st.refer(h.Content, -1)
}
