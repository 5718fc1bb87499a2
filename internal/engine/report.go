package engine

import (
	"context"
	"io"
	"iter"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
)

// report writes the job's rejects as an object, streaming from the store, and returns
// where it lies. If cause failed the job, it may be the report's last row. To write it
// again after a crash gives the same object.
func (r *run) report(ctx context.Context, cause error) (object.Name, error) {
	name := r.engine.options.Reports(r.job)
	in, out := io.Pipe()
	written := make(chan struct{})
	go func() {
		defer close(written)
		rejects := r.engine.store.Rejects(ctx, r.job.Owner, r.job.ID)
		if cause != nil && tellsInReport(r.job) {
			rejects = closing(rejects, destination.Reject{Code: brokenSource, Reason: fault.Message(cause)})
		}
		_, err := destination.WriteReport(out, destination.KeyColumn(r.job.Destination.Kind), rejects)
		out.CloseWithError(err)
	}()
	_, err := r.engine.objects.Put(ctx, name, "text/csv; charset=utf-8", in)
	in.CloseWithError(context.Canceled) // if Put gave up early, the writer must too
	<-written
	return name, err
}

// brokenSource is the code of a row that tells why a job failed as a whole.
const brokenSource = "source"

// tellsInReport reports whether the report is the only place where the caller of a job
// can be told why it failed: the import jobs of Q in Connect have a link to a report and
// no member for a sentence.
func tellsInReport(j job.Job) bool { return j.Destination.Kind == destination.QuickResponses }

// closing gives rejects, and then one more.
func closing(rejects iter.Seq2[destination.Reject, error], last destination.Reject) iter.Seq2[destination.Reject, error] {
	return func(yield func(destination.Reject, error) bool) {
		for r, err := range rejects {
			if !yield(r, err) {
				return
			}
		}
		yield(last, nil)
	}
}
