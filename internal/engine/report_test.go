package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/report"
)

// Where the API has no other place for it, the report's last row tells why the job
// failed; elsewhere the report holds rejects only.
func TestReportOfFailedJob(t *testing.T) {
	t.Parallel()
	cut := zipped("name,content\nhello,Hello\nbye,\n" + strings.Repeat("more,text\n", 1000))
	for _, c := range []struct {
		name   string
		kind   destination.Kind
		text   string
		report []string // what its lines hold; none at all if empty
	}{
		{"no header", destination.QuickResponses, "first,second\nhello,Hello\n", []string{"name,reason,code,line,offset,record", `must name the column ""name""`}},
		{"cut short", destination.QuickResponses, cut[:len(cut)/2], []string{"name,reason,code,line,offset,record", ",source,0,0,"}},
		{"another API", destination.Suppression, "\x1f\x8bnothing", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.list(c.kind)
				r.put("j1", c.text)
				r.ready("j1", func(j *job.Job) { j.Destination.Kind, j.Destination.List = c.kind, string(c.kind) })
				r.start(engine.Options{})
				r.journal.await("job failed", "j1", 1)
				got := r.picture("j1")
				lines := strings.Split(strings.TrimSuffix(got.Report, "\n"), "\n")
				if got.Report == "" {
					lines = nil
				}
				if got.Error == "" || len(lines) < len(c.report) || c.report == nil && lines != nil {
					t.Fatalf("failed with %q and report %q, want lines %q", got.Error, lines, c.report)
				}
				if c.report != nil && (lines[0] != c.report[0] || !strings.Contains(lines[len(lines)-1], c.report[1])) {
					t.Errorf("report %q, want the first and last line to hold %q", lines, c.report)
				}
			})
		})
	}
}

// TestReportOfALostAttempt: an attempt that has written a report and finds the job stopped,
// or its lease lost, deletes this report and no other.
func TestReportOfALostAttempt(t *testing.T) {
	t.Parallel()
	reports := func(j job.Job) object.Name {
		return object.Name{Account: owner.Account, Bucket: "reports", Key: report.Key(j)}
	}
	left := func(r *rig) (keys []string) {
		for i, err := range r.objects.Objects(r.Context(), "reports") {
			check(r.T, err)
			keys = append(keys, i.Name.Key)
		}
		return keys
	}
	t.Run("stopped", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			r := newRig(t)
			r.list(destination.Suppression)
			r.put("j1", newRows(100).String())
			r.ready("j1")
			written := 0
			_, end := r.start(engine.Options{Reports: reports}, &troubledStore{Store: r.store, finish: func(_ context.Context, call func() error) error {
				written = len(left(r))
				r.stop("j1")
				return call()
			}})
			r.journal.await("job stopped", "j1", 1)
			end()
			if got := left(r); written != 1 || len(got) != 0 {
				t.Errorf("%d reports before Finish and %q at the end, want 1 and none", written, got)
			}
		})
	})
	t.Run("lease lost", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			r := newRig(t)
			r.list(destination.Suppression)
			in := newRows(100)
			r.put("j1", in.String())
			r.ready("j1")
			stuck := newGate("", 0)
			r.start(engine.Options{Holder: "first", Reports: reports}, &troubledStore{
				Store: r.store,
				renew: func(context.Context, func() error) error { return errors.New("no answer") },
				finish: func(_ context.Context, call func() error) error {
					stuck.reached <- struct{}{}
					<-stuck.opened
					return call()
				},
			})
			<-stuck.reached
			_, end := r.start(engine.Options{Holder: "second", Reports: reports})
			r.journal.await("job completed", "j1", 1)
			end()
			lost := len(left(r)) - 1 // the first engine may have tried more than once
			if lost < 1 {
				t.Fatalf("reports %q before the first attempt ends, want one of each attempt", left(r))
			}
			stuck.open()
			r.journal.await("job lost", "j1", lost)
			if got, want := left(r), []string{r.job("j1").Report}; !slices.Equal(got, want) {
				t.Errorf("reports %q, want %q", got, want)
			}
			r.verify("j1", job.Completed, in, 100)
		})
	})
}
