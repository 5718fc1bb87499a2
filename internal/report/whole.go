package report

import (
	"bytes"
	"fmt"
	"iter"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/record"
)

// Whole gives the rejects of a job with their whole records: those of which the store
// has kept the beginning only are read from the source again, in one pass. layout is
// that of the job's checkpoint. Where the source is gone, or has other bytes by now, the
// beginning is what there is, and Reason says so.
func Whole(rejects iter.Seq2[record.Reject, error], src record.Source, layout string) iter.Seq2[record.Reject, error] {
	return func(yield func(record.Reject, error) bool) {
		w := whole{excerpts: record.NewExcerpts(src, layout)}
		defer w.excerpts.Close()
		for r, err := range rejects {
			if err == nil && r.Length > int64(len(r.Raw)) {
				err = w.complete(&r)
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

type whole struct {
	excerpts *record.Excerpts
	gone     bool // the source is
}

// complete gives r the whole record, or says in its reason that it is not whole.
func (w *whole) complete(r *record.Reject) error {
	if !w.gone {
		text, err := w.excerpts.At(r.Offset, int(r.Length))
		switch {
		case err == nil && bytes.HasPrefix(text, r.Raw):
			r.Raw = text
			return nil
		case err != nil && !isGone(err):
			return err
		}
		w.gone = true
	}
	r.Reason = fmt.Sprintf("%s (only the first %d of the record's %d bytes are shown: its source is gone)", r.Reason, len(r.Raw), r.Length)
	return nil
}

// isGone reports whether an error of reading a source is one that will not pass.
func isGone(err error) bool {
	switch fault.KindOf(err) {
	case fault.NotFound, fault.Broken, fault.Damaged, fault.Denied, fault.PreconditionFailed, fault.Conflict, fault.Invalid:
		return true
	}
	return false
}
