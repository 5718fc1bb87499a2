package engine

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/guard"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/report"
)

// writeReport writes the job's rejects as an object, streaming from the store and the
// source, and returns its name, which no other attempt uses. A remark about the source as
// a whole is its last row.
func (a *attempt) writeReport(ctx context.Context, remark string) (object.Name, error) {
	j := a.job
	j.Lease = a.lease.current()
	name := a.engine.options.Reports(j)
	a.report = name
	in, out := io.Pipe()
	written := make(chan error, 1)
	go func() {
		rejects := report.Whole(a.engine.store.Rejects(ctx, a.job.Owner, a.job.ID), func(offset int64) (io.ReadCloser, error) {
			return OpenSource(ctx, a.engine.objects, a.job, offset)
		}, a.job.Checkpoint.Layout)
		if remark != "" {
			rejects = withLast(rejects, record.Reject{Code: wholeSource, Reason: remark})
		}
		err := a.writeRows(out, rejects)
		out.CloseWithError(err)
		written <- err
	}()
	err := a.putReport(ctx, name, in)
	in.CloseWithError(errReportCut) // if Put gave up early, the writer must too
	if rowsErr := <-written; rowsErr != nil && !errors.Is(rowsErr, errReportCut) {
		return name, rowsErr // and not what Put made of it
	}
	return name, err
}

// errReportCut ends the writing of a report that the object store did not take.
var errReportCut = errors.New("the report was not taken")

func (a *attempt) putReport(ctx context.Context, n object.Name, r io.Reader) (err error) {
	defer a.engine.options.Guard.Recover(guard.Report, &err)
	_, err = a.engine.objects.Put(ctx, n, report.ContentType, r)
	return fromObjects(err)
}

func (a *attempt) writeRows(w io.Writer, rejects iter.Seq2[record.Reject, error]) (err error) {
	defer a.engine.options.Guard.Recover(guard.Report, &err)
	_, err = report.Write(w, destination.KeyColumn(a.job.Destination.Kind), rejects)
	return err
}

// wholeSource is the code of a row about the source as a whole.
const wholeSource = "source"

// remark is what the report says about the source as a whole: why nothing, or nothing
// more, was imported. It is empty if the API of the job shows it elsewhere: only the
// import jobs of Q in Connect have no field for an error.
func (a *attempt) remark(cause error) string {
	switch {
	case a.job.Destination.Kind != destination.QuickResponses:
	case cause != nil:
		return fault.Message(cause)
	case a.job.Counts == (job.Counts{}):
		return "the source has no records"
	}
	return ""
}

// withLast gives rejects, and then one more.
func withLast(rejects iter.Seq2[record.Reject, error], last record.Reject) iter.Seq2[record.Reject, error] {
	return func(yield func(record.Reject, error) bool) {
		for r, err := range rejects {
			if !yield(r, err) {
				return
			}
		}
		yield(last, nil)
	}
}
