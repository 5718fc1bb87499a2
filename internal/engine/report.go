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
// where it lies. A remark about the source as a whole is its last row. To write it again
// after a crash gives the same object.
func (r *run) report(ctx context.Context, remark string) (object.Name, error) {
	name := r.engine.options.Reports(r.job)
	in, out := io.Pipe()
	written := make(chan struct{})
	go func() {
		defer close(written)
		rejects := r.engine.store.Rejects(ctx, r.job.Owner, r.job.ID)
		if remark != "" {
			rejects = closing(rejects, destination.Reject{Code: wholeSource, Reason: remark})
		}
		_, err := destination.WriteReport(out, destination.KeyColumn(r.job.Destination.Kind), rejects)
		out.CloseWithError(err)
	}()
	_, err := r.engine.objects.Put(ctx, name, "text/csv; charset=utf-8", in)
	in.CloseWithError(context.Canceled) // if Put gave up early, the writer must too
	<-written
	return name, err
}

// wholeSource is the code of a row that tells about the source as a whole.
const wholeSource = "source"

// remark is what the report shall say about the source as a whole: why nothing, or
// nothing more, came of it. It is empty if the caller of the job is told elsewhere: only
// the import jobs of Q in Connect have no member for a sentence.
func (r *run) remark(cause error) string {
	switch {
	case r.job.Destination.Kind != destination.QuickResponses:
	case cause != nil:
		return fault.Message(cause)
	case r.job.Counts == (job.Counts{}):
		return "the source has no records"
	}
	return ""
}

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
