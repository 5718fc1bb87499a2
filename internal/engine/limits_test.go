package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
)

// TestD168_MaxRejections: a job may have so many rejections and no more; what was imported
// until then stays, is counted and is in the report.
func TestD168_MaxRejections(t *testing.T) {
	t.Parallel()
	in := newRows(300)
	_, all := in.after(300)
	for _, c := range []struct {
		most    int64
		members int // of the list, if more than 0
		state   job.State
	}{
		{all.Rejected, 0, job.Completed},
		{0, 0, job.Completed},
		{all.Rejected - 1, 0, job.Failed},
		{1, 0, job.Failed},
		{all.Rejected + 5, 50, job.Failed}, // what is refused for the list's sake counts too
	} {
		t.Run(fmt.Sprint(c.most, c.members), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.list(destination.Suppression)
				r.put("j1", in.String())
				r.ready("j1")
				r.start(engine.Options{
					MaxRejections: c.most, BatchRecords: 40,
					Limits: limits{members: c.members},
				})
				r.journal.await("job "+string(c.state), "j1", 1)
				j := r.job("j1")
				if c.state == job.Failed && !strings.HasPrefix(j.Error, fmt.Sprintf("more than %d records were rejected", c.most)) {
					t.Errorf("error: %q, want it to say how many were rejected", j.Error)
				}
				if c.members > 0 {
					if j.Counts.Rejected <= c.most || strings.Count(r.report(j), "\n") != int(j.Counts.Rejected)+1 {
						t.Errorf("%+v and a report of %d lines, want more than %d rejected, all in the report", j.Counts, strings.Count(r.report(j), "\n"), c.most)
					}
					return
				}
				if c.state == job.Failed && j.Counts.Rejected != c.most+1 {
					t.Errorf("%d rejected, want %d", j.Counts.Rejected, c.most+1)
				}
				r.verify("j1", c.state, in, int(j.Counts.Imported+j.Counts.Rejected))
			})
		})
	}
}

// longCase has records that are refused and longer than what the store keeps of them, in
// a compressed source.
func longCase(n, batch int) crashCase {
	var text strings.Builder
	bad := 0
	for i := range n {
		line := fmt.Sprintf("c%d@example.com,BOUNCE\n", i)
		if i%10 == 3 {
			line = fmt.Sprintf("%d%s,BOUNCE\n", i, strings.Repeat("é", 4000))
			bad++
		}
		text.WriteString(line)
	}
	return crashCase{name: "long rejections", kind: destination.Suppression, text: zipped(text.String()), rows: n, batch: batch, verify: func(r *rig) {
		got := r.picture("j1")
		if got.Counts != (job.Counts{Imported: int64(n - bad), Rejected: int64(bad)}) {
			r.Errorf("%+v, want %d rejected of %d", got.Counts, bad, n)
		}
		if strings.Count(got.Report, "\n") != bad+1 || strings.Count(got.Report, strings.Repeat("é", 4000)+",BOUNCE\"\n") != bad {
			r.Errorf("report of %d bytes, want %d whole records; it begins with\n%.1500s", len(got.Report), bad, got.Report)
		}
	}}
}

// TestD167_ReportWithoutSource: when the source cannot be read for the report, that is tried
// again; when it is gone, the report says which records are not whole.
func TestD167_ReportWithoutSource(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000)
	for name, c := range map[string]struct {
		err  error
		says string
	}{
		"away for a moment": {errors.New("connection reset"), `,"` + long + "\"\n"},
		"gone":              {fault.New(fault.NotFound, "no such object"), `(only the first 4096 of the record's 5000 bytes are shown: its source is gone),no-at-sign,2,21,"` + long[:4096] + "\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.list(destination.Suppression)
				r.put("j1", "a@example.com,BOUNCE\n"+long+"\n")
				r.ready("j1")
				opened := 0
				r.start(engine.Options{}, &troubledObjects{Objects: r.objects, open: func(_ context.Context, call func() error) error {
					if opened++; opened == 2 {
						return c.err
					}
					return call()
				}})
				r.journal.await("job completed", "j1", 1)
				if got := r.picture("j1").Report; !strings.HasSuffix(got, c.says) {
					t.Errorf("report: %q, want %q at its end", got, c.says)
				}
			})
		})
	}
}
