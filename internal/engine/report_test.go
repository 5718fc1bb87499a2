package engine_test

import (
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/job"
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
