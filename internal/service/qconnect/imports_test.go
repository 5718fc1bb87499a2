package qconnect

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/object"
)

// working runs the real engine while do is done, in a bubble of time.
func working(t *testing.T, limits limits.Profile, do func(t *testing.T, f *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, limits)
		ctx, quit := context.WithCancel(t.Context())
		e := engine.New(f.db, f.files, engine.Options{
			Limits: limits,
			Reports: func(j job.Job) object.Name {
				return object.Name{Account: j.Owner.Account, Bucket: "sluice", Key: "reports/" + string(j.ID) + ".csv"}
			},
		})
		ended := make(chan error)
		go func() { ended <- e.Run(ctx) }()
		defer func() {
			quit()
			if err := <-ended; err != nil {
				t.Errorf("engine: %v", err)
			}
		}()
		do(t, f)
	})
}

// imported runs an import of text, and returns the job at its end.
func (f *fixture) imported(t *testing.T, base, text string) *qconnectapi.ImportJobData {
	t.Helper()
	id := must(f.start(me(t), base, f.upload(t, base, text))).ImportJobId
	for f.job(t, base, id).Status == qconnectapi.ImportJobStatusStartInProgress {
		time.Sleep(time.Second) // the bubble's second
	}
	return f.job(t, base, id)
}

// report reads a job's report, "" if it has none.
func (f *fixture) report(t *testing.T, j *qconnectapi.ImportJobData) string {
	t.Helper()
	if j.FailedRecordReport == nil {
		return ""
	}
	name := object.Name{Account: account, Bucket: "sluice", Key: "reports/" + j.ImportJobId + ".csv"}
	r := must(f.files.Open(t.Context(), name, "", 0))
	text := must(io.ReadAll(r))
	if err := r.Close(); err != nil {
		t.Errorf("close report: %v", err)
	}
	return string(text)
}

func TestD87_States(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		limits     limits.Profile
		status     qconnectapi.ImportJobStatus
		names      []string
		report     string // what is found in the report; there is none if empty
	}{
		{
			name: "all good", text: "name,content\nGreeting,Hello!\nFarewell,Bye!\n",
			status: "COMPLETE", names: []string{"Farewell", "Greeting"},
		},
		{
			name: "a bad row", text: "name,content\nGreeting,Hello!\nFarewell,\nThanks,Thank you!\n",
			status: "COMPLETE", names: []string{"Greeting", "Thanks"}, report: "Farewell",
		},
		{
			name: "a name twice", text: "name,content\nGreeting,Hello!\nGreeting,Hi!\n",
			status: "COMPLETE", names: []string{"Greeting"}, report: "Greeting,Hi!",
		},
		{
			name: "one too many", text: "name,content\nGreeting,Hello!\nFarewell,Bye!\n", limits: limits.Profile{QuickResponses: 1},
			status: "COMPLETE", names: []string{"Greeting"}, report: "Farewell,Bye!",
		},
		{
			name: "too many rows", text: "name,content\nGreeting,Hello!\nFarewell,Bye!\n", limits: limits.Profile{QuickResponseRecords: 1},
			status: "FAILED", names: []string{"Greeting"}, report: ",\"the source holds more than 1 records",
		},
		{name: "all bad", text: "name,content\nGreeting,\n", status: "FAILED", report: "Greeting"},
		{name: "no row", text: "name,content\n", status: "FAILED", report: ",the source has no records,source,"},
		{name: "no header", text: "Greeting,Hello!\n", status: "FAILED", report: "line 1"},
		{name: "not CSV", text: `{"name":"Greeting"}`, status: "FAILED", report: "JSON"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			working(t, tt.limits, func(t *testing.T, f *fixture) {
				base := f.newBase(t, "Answers")
				got := f.imported(t, base, tt.text)
				if got.Status != tt.status || got.LastModifiedTime.Before(got.CreatedTime) {
					t.Errorf("job: %s, modified %v, want %s after %v", got.Status, got.LastModifiedTime, tt.status, got.CreatedTime)
				}
				names := f.names(t, base)
				if slices.Sort(names); !slices.Equal(names, tt.names) {
					t.Errorf("quick responses: %q, want %q", names, tt.names)
				}
				report := f.report(t, got)
				if (report == "") != (tt.report == "") || !strings.Contains(report, tt.report) {
					t.Errorf("report: %q, want %q in it", report, tt.report)
				}
			})
		})
	}
}

// TestImport_Twice imports one file again: nothing is replaced, every row is refused.
func TestImport_Twice(t *testing.T) {
	t.Parallel()
	working(t, limits.None, func(t *testing.T, f *fixture) {
		base := f.newBase(t, "Answers")
		const text = "Name,Content,Shortcut key\nGreeting,Hello!,hi\nFarewell,Bye!,bye\n"
		first := f.imported(t, base, text)
		before := must(f.ListQuickResponses(me(t), &qconnectapi.ListQuickResponsesInput{KnowledgeBaseId: base})).QuickResponseSummaries
		second := f.imported(t, base, text)
		if first.Status != "COMPLETE" || second.Status != "FAILED" {
			t.Errorf("jobs: %s, then %s, want COMPLETE, then FAILED", first.Status, second.Status)
		}
		if rows := strings.Count(f.report(t, second), "\n"); rows != 3 {
			t.Errorf("report: %q, want a header and two rows", f.report(t, second))
		}
		after := must(f.ListQuickResponses(me(t), &qconnectapi.ListQuickResponsesInput{KnowledgeBaseId: base})).QuickResponseSummaries
		if len(before) != 2 || !slices.EqualFunc(before, after, func(a, b qconnectapi.QuickResponseSummary) bool {
			return a.QuickResponseId == b.QuickResponseId && a.LastModifiedTime.Equal(b.LastModifiedTime)
		}) {
			t.Errorf("quick responses: %+v, want %+v as before", after, before)
		}
	})
}

// TestImport_AsCreated imports what could have been created, and what has been takes
// no part.
func TestImport_AsCreated(t *testing.T) {
	t.Parallel()
	working(t, limits.None, func(t *testing.T, f *fixture) {
		base := f.newBase(t, "Answers")
		must(f.create(me(t), input(base, "Greeting")))
		got := f.imported(t, base, "name,content,content type,shortcut key\nGreeting,Hi!,,\nFarewell,**Bye!**,"+markdown+",bye\n")
		if got.Status != "COMPLETE" || !strings.Contains(f.report(t, got), "Greeting,Hi!") {
			t.Errorf("job: %s, report %q, want COMPLETE and the taken name", got.Status, f.report(t, got))
		}
		all := must(f.ListQuickResponses(me(t), &qconnectapi.ListQuickResponsesInput{KnowledgeBaseId: base})).QuickResponseSummaries
		i := slices.IndexFunc(all, func(r qconnectapi.QuickResponseSummary) bool { return r.Name == "Farewell" })
		if len(all) != 2 || i < 0 {
			t.Fatalf("quick responses: %+v, want Greeting and Farewell", all)
		}
		id := all[i].QuickResponseId
		r := f.get(t, base, id)
		if r.ContentType != markdown || *r.Contents.Markdown.Content != "**Bye!**" || *r.ShortcutKey != "bye" || !*r.IsActive || *r.Language != "en_US" {
			t.Errorf("imported: %+v", r)
		}
		if renamed := must(f.update(me(t), &qconnectapi.UpdateQuickResponseInput{KnowledgeBaseId: base, QuickResponseId: id, Name: new("Bye")})); renamed.Name != "Bye" {
			t.Errorf("renamed: %q, want Bye", renamed.Name)
		}
		must(f.DeleteImportJob(me(t), &qconnectapi.DeleteImportJobInput{KnowledgeBaseId: base, ImportJobId: got.ImportJobId}))
		if names := f.names(t, base); len(names) != 2 {
			t.Errorf("after the job was deleted: %q, want both", names)
		}
	})
}

// TestImport_Languages imports a row in each language that CreateQuickResponse takes.
func TestImport_Languages(t *testing.T) {
	t.Parallel()
	working(t, limits.None, func(t *testing.T, f *fixture) {
		base, text := f.newBase(t, "Answers"), "name,content,language\n"
		for _, code := range destination.Languages {
			text += code + ",Hello!," + code + "\n"
		}
		if got := f.imported(t, base, text); f.report(t, got) != "" {
			t.Errorf("report: %q, want none", f.report(t, got))
		}
		for _, r := range must(f.ListQuickResponses(me(t), &qconnectapi.ListQuickResponsesInput{KnowledgeBaseId: base})).QuickResponseSummaries {
			if got := f.get(t, base, r.QuickResponseId).Language; *got != r.Name {
				t.Errorf("language of %s: %s", r.Name, *got)
			}
		}
		if names := f.names(t, base); len(names) != len(destination.Languages) {
			t.Errorf("imported: %q, want %q", names, destination.Languages)
		}
	})
}
