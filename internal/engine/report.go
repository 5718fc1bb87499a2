package engine

import (
	"context"
	"io"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/object"
)

// report writes the job's rejects as an object, streaming from the store, and returns
// where it lies. To write it again after a crash gives the same object.
func (r *run) report(ctx context.Context) (object.Name, error) {
	name := r.engine.options.Reports(r.job)
	in, out := io.Pipe()
	written := make(chan struct{})
	go func() {
		defer close(written)
		rejects := r.engine.store.Rejects(ctx, r.job.Owner, r.job.ID)
		_, err := destination.WriteReport(out, destination.KeyColumn(r.job.Destination.Kind), rejects)
		out.CloseWithError(err)
	}()
	_, err := r.engine.objects.Put(ctx, name, "text/csv; charset=utf-8", in)
	in.CloseWithError(context.Canceled) // if Put gave up early, the writer must too
	<-written
	return name, err
}
