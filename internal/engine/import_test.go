package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
)

func TestImport(t *testing.T) {
	t.Parallel()
	in := newRows(1000)
	for _, c := range []struct {
		name string
		text string
	}{
		{"plain", in.String()},
		{"gzip", zipped(in.String())},
		{"no line end at the end", strings.TrimSuffix(in.String(), "\n")},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.list(destination.Suppression)
				r.put("j1", c.text)
				e, end := r.start(engine.Options{Registry: r.metrics})
				r.ready("j1")
				e.Wake()
				r.journal.await("job completed", "j1", 1)
				r.verify("j1", job.Completed, in, 1000)
				end()
				if strings.Contains(r.journal.String(), "user0") {
					t.Errorf("an address is in the log:\n%s", r.journal)
				}
				_, counts := in.after(1000)
				if got, want := r.metric("sluice_records_total", "imported"), counts.Imported; got != want {
					t.Errorf("sluice_records_total of imported = %d, want %d", got, want)
				}
				if got, want := r.metric("sluice_records_total", "rejected"), counts.Rejected; got != want {
					t.Errorf("sluice_records_total of rejected = %d, want %d", got, want)
				}
				if got := r.metric("sluice_source_bytes_total", ""); got != int64(len(c.text)) {
					t.Errorf("sluice_source_bytes_total = %d, want the source's %d", got, len(c.text))
				}
			})
		})
	}
}

// A job that is ready when nobody says so is found all the same.
func TestPoll(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(10)
		r.put("j1", in.String())
		r.start(engine.Options{})
		r.ready("j1")
		r.journal.await("job completed", "j1", 1)
		r.verify("j1", job.Completed, in, 10)
	})
}

// A later record wins over an earlier one, in whichever batches they are.
func TestOrder(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		var text strings.Builder
		for range 500 {
			text.WriteString("a@example.com,BOUNCE\nb@example.com,COMPLAINT\na@example.com,COMPLAINT\nb@example.com,BOUNCE\n")
		}
		r.put("j1", text.String())
		r.ready("j1")
		r.start(engine.Options{BatchRecords: 3})
		r.journal.await("job completed", "j1", 1)
		got := r.members(destination.Suppression)
		if len(got) != 2 || !strings.Contains(got["a@example.com"], "COMPLAINT") || !strings.Contains(got["b@example.com"], "BOUNCE") {
			t.Errorf("members = %q, want a with COMPLAINT and b with BOUNCE", got)
		}
	})
}

func TestDelete(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		r.put("j1", "a@example.com,BOUNCE\nb@example.com,BOUNCE\n")
		r.put("j2", "a@example.com\nabsent@example.com\n")
		r.start(engine.Options{})
		r.ready("j1")
		r.journal.await("job completed", "j1", 1)
		r.ready("j2", func(j *job.Job) { j.Destination.Action = destination.Delete })
		r.journal.await("job completed", "j2", 1)
		got := r.picture("j2")
		if want := (job.Counts{Imported: 2}); got.Counts != want || len(got.Members) != 1 {
			t.Errorf("counts %+v, %d members; want %+v and 1", got.Counts, len(got.Members), want)
		}
	})
}

func TestAddressList(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.AddressList)
		r.put("j1", `{"items":[{"address":"a@example.com"},{"address":"not one"},{"address":"b@example.com"}]}`)
		r.ready("j1", func(j *job.Job) {
			j.Wire, j.State = job.MailManager, job.Created
			j.Destination = job.Destination{Kind: destination.AddressList, List: string(destination.AddressList), Action: destination.Put}
			j.Source.Format = record.JSON
		})
		r.start(engine.Options{})
		r.journal.await("job completed", "j1", 1)
		got := r.picture("j1")
		if want := (job.Counts{Imported: 2, Rejected: 1}); got.Counts != want || len(got.Members) != 2 {
			t.Errorf("counts %+v, members %q; want %+v, a and b", got.Counts, got.Members, want)
		}
	})
}

// What makes a job fail is told in a sentence; what came before stays and is counted.
func TestFailures(t *testing.T) {
	t.Parallel()
	in := newRows(300)
	whole := zipped(in.String())
	for _, c := range []struct {
		name    string
		text    string // nothing is put if empty
		options engine.Options
		change  func(*job.Job)
		error   string
		rows    int // committed; -1 if it does not matter how many
	}{
		{name: "no object", error: "s3://files/j1 does not exist"},
		{name: "truncated gzip", text: whole[:len(whole)/2], error: "", rows: -1},
		{name: "broken JSON", text: `{"emailAddress":"a@example.com","reason":"BOUNCE"}` + "\n\x00\x00", change: func(j *job.Job) { j.Source.Format = record.JSON }, rows: -1},
		{
			name: "too many records", text: in.String(), rows: 150,
			options: engine.Options{Limits: limits{records: 150}},
			error:   "the source holds more than 150 records, the most that one job may import",
		},
		{
			name: "too many records by one", text: in.String(), rows: 299,
			options: engine.Options{Limits: limits{records: 299}},
			error:   "the source holds more than 299 records, the most that one job may import",
		},
		{
			name: "no such list", text: in.String(),
			change: func(j *job.Job) { j.Destination.List = "another" }, rows: 0,
		},
		{
			name: "no such rule", text: in.String(),
			change: func(j *job.Job) { j.Destination.Action = "SHRED" }, rows: 0,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.list(destination.Suppression)
				if c.text != "" {
					r.put("j1", c.text)
				}
				if c.change == nil {
					c.change = func(*job.Job) {}
				}
				r.ready("j1", c.change)
				r.start(c.options)
				r.journal.await("job failed", "j1", 1)
				j := r.job("j1")
				if c.error != "" && j.Error != c.error || j.Error == "" || j.Error == "internal error" {
					t.Errorf("the job's error is %q, want %q or at least a sentence", j.Error, c.error)
				}
				n := int(j.Counts.Imported + j.Counts.Rejected)
				if c.rows >= 0 && n != c.rows {
					t.Errorf("%d records are counted, want %d", n, c.rows)
				}
				if c.change == nil || j.Source.Format == record.CSV {
					r.verify("j1", job.Failed, in, n)
				}
			})
		})
	}
}

// A source of as many records as one may have is not one too many.
func TestRecordLimitReached(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(64)
		r.put("j1", in.String())
		r.ready("j1")
		r.start(engine.Options{Limits: limits{records: 64}})
		r.journal.await("job completed", "j1", 1)
		r.verify("j1", job.Completed, in, 64)
	})
}

// Members beyond what a list may have are rejects; those that are there may change.
func TestMemberLimit(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		var text strings.Builder
		for i := range 30 {
			fmt.Fprintf(&text, "user%d@example.com,BOUNCE\n", i)
		}
		text.WriteString("user0@example.com,COMPLAINT\n")
		r.put("j1", text.String())
		r.ready("j1")
		r.start(engine.Options{BatchRecords: 7, Limits: limits{members: 20}})
		r.journal.await("job completed", "j1", 1)
		got := r.picture("j1")
		if want := (job.Counts{Imported: 21, Rejected: 10}); got.Counts != want || len(got.Members) != 20 {
			t.Errorf("counts %+v, %d members; want %+v and 20", got.Counts, len(got.Members), want)
		}
		if n := strings.Count(got.Report, "list-full"); n != 10 {
			t.Errorf("the report has %d rows with list-full, want 10:\n%s", n, got.Report)
		}
	})
}

// An import goes on from the version it was bound to, whatever is put over it.
func TestBoundToVersion(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		in := newRows(200)
		r.put("j1", in.String())
		r.ready("j1")
		g := newGate("j1", 2048)
		_, end := r.start(engine.Options{}, &troubledObjects{Objects: r.objects, read: g.pass})
		<-g.reached
		r.put("j1", "other@example.com,BOUNCE\n")
		end()
		_, end = r.start(engine.Options{})
		r.journal.await("job completed", "j1", 1)
		r.verify("j1", job.Completed, in, 200)
		end()
		// Then it lets the version go, which nothing else keeps.
		if in, err := r.objects.Open(t.Context(), source("j1"), r.job("j1").Source.Version, 0); err == nil {
			in.Close()
			t.Error("the version is still held after the end of its job")
		}
	})
}
