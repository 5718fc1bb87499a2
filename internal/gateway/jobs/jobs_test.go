package jobs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/caller"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/service/admin"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
	"github.com/sluicehq/sluice/internal/wire"
)

var (
	us    = job.Owner{Account: "111111111111", Region: "us-east-1"}
	them  = job.Owner{Account: "222222222222", Region: "us-east-1"}
	birth = time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)
)

// fixture is the API over a store in memory, and who asks.
type fixture struct {
	store *pebblestore.Store
	api   *API
	who   job.Owner
	made  time.Duration // from birth to the next job's
	raw   []byte        // of rejected records; nil is some text
}

// options are those of the service and of the handler.
type options struct {
	Report  func(ctx context.Context, w io.Writer, j job.Job, safe bool) error
	Release func(ctx context.Context, holder string) error
	Now     func() time.Time
	Observe func(context.Context, wire.Done)
}

func start(t *testing.T, o options) *fixture {
	t.Helper()
	st, err := pebblestore.Open("store", pebblestore.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	tokens, err := service.NewTokens([]byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	jobs := admin.New(st, tokens, admin.Options{Report: o.Report, Release: o.Release, Now: o.Now})
	return &fixture{store: st, api: New(jobs, Options{Observe: o.Observe}), who: us}
}

// add makes a job of us that can be claimed.
func (f *fixture) add(t *testing.T, id job.ID, wire job.Wire) {
	t.Helper()
	_, err := f.store.CreateJob(t.Context(), job.Job{
		ID: id, Owner: us, Wire: wire, Name: "spring", State: job.Created, Ready: true, Created: birth.Add(f.made),
		Destination: job.Destination{Kind: destination.Suppression, List: "suppression", Action: destination.Put},
		Source:      job.Source{Bucket: "b", Key: "k.csv", Format: record.CSV},
		Tags:        map[string]string{"team": "mail"},
	}, store.Once{}, 0)
	if err != nil {
		t.Fatalf("create job %s: %v", id, err)
	}
	f.made += time.Second
}

// work claims the next job, refuses some records and finishes with the given state,
// unless that is empty.
func (f *fixture) work(t *testing.T, rejects int, end job.State) {
	t.Helper()
	ctx := t.Context()
	l := store.List{Ref: store.ListRef{Owner: us, Kind: destination.Suppression, ID: "suppression"}, Name: "Suppression", Created: birth}
	_, _ = f.store.CreateList(ctx, l, store.Once{}, 0) // it may be there
	j, ok, err := f.store.Claim(ctx, store.Wanted{Holder: "h", Lease: time.Minute})
	if err != nil || !ok {
		t.Fatalf("claim: %t, %v", ok, err)
	}
	if _, err := f.store.Begin(ctx, j.Lease, j.Source); err != nil {
		t.Fatalf("begin: %v", err)
	}
	var b store.Batch
	for i := range rejects {
		refusal := &record.Refusal{Code: "bad-row", Reason: "the row is bad"}
		b.Reject(&record.Record{
			Number: int64(i + 1), Line: int64(i + 2), Offset: int64(10 * i), Raw: []byte(cmp.Or(string(f.raw), "bad <row>")),
			Refused: refusal,
		}, refusal)
	}
	b.Through, b.At = record.Position{Record: int64(rejects), Offset: int64(10 * rejects)}, birth
	p, err := f.store.Prepare(ctx, j.Lease, &b)
	if err != nil {
		t.Fatalf("prepare: %v", err)
	}
	if _, err := f.store.Commit(ctx, j.Lease, p); err != nil {
		t.Fatalf("commit: %v", err)
	}
	if end != "" {
		if _, err := f.store.Finish(ctx, j.Lease, store.Outcome{State: end}); err != nil {
			t.Fatalf("finish: %v", err)
		}
	}
}

// ask sends a request of who, and reads the reply into v unless that is nil.
func (f *fixture) ask(t *testing.T, method, path string, v any) *httptest.ResponseRecorder {
	t.Helper()
	ctx := caller.NewContext(t.Context(), caller.Caller{Account: f.who.Account, Region: f.who.Region})
	w := httptest.NewRecorder()
	f.api.ServeHTTP(w, httptest.NewRequestWithContext(ctx, method, path, nil))
	if v != nil {
		if err := json.Unmarshal(w.Body.Bytes(), v); err != nil {
			t.Errorf("%s %s: %d %q: %v", method, path, w.Code, w.Body, err)
		}
	}
	return w
}

func TestJobIsShown(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	f.add(t, "j1", job.SESv2)
	f.work(t, 2, job.Completed)
	var got map[string]any
	f.ask(t, "GET", "/sluice/v1/jobs/j1", &got)
	for _, name := range []string{"started", "finished"} {
		if _, err := time.Parse(time.RFC3339, fmt.Sprint(got[name])); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		delete(got, name)
	}
	delete(got, "seconds")
	shown, _ := json.Marshal(got)
	want := `{"action":"PUT","api":"sesv2","attempts":0,"bytesRead":20,"created":"2026-01-02T03:04:05.6Z","file":"k.csv",` +
		`"id":"j1","imported":0,"list":{"id":"suppression","kind":"suppression","name":"Suppression"},"name":"spring",` +
		`"processed":2,"rejected":2,"report":"/sluice/v1/jobs/j1/report",` +
		`"source":{"bucket":"b","format":"CSV","key":"k.csv","size":0},"state":"completed","tags":{"team":"mail"}}`
	if string(shown) != want {
		t.Errorf("job:\n%s\nwant\n%s", shown, want)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	f.add(t, "j1", job.SESv2)
	f.work(t, 0, job.Completed)
	for _, c := range []struct {
		method, path string
		who          job.Owner
		status       int
		code         string
	}{
		{"GET", "/sluice/v1/jobs/none", us, 404, "NotFound"},
		{"GET", "/sluice/v1/jobs/j1", them, 404, "NotFound"},
		{"GET", "/sluice/v1/jobs/j1", job.Owner{Account: us.Account, Region: "eu-west-1"}, 404, "NotFound"},
		{"GET", "/sluice/v1/jobs/j1/report", them, 404, "NotFound"},
		{"GET", "/sluice/v1/jobs/j1/report?format=xml", us, 400, "Invalid"},
		{"POST", "/sluice/v1/jobs/j1/stop", them, 404, "NotFound"},
		{"POST", "/sluice/v1/jobs/j1/stop", us, 409, "Conflict"},
		{"GET", "/sluice/v1/jobs/j1/stop", us, 404, "UnknownOperation"},
		{"GET", "/sluice/v1/jobs?state=done", us, 400, "Invalid"},
		{"GET", "/sluice/v1/jobs?api=ses", us, 400, "Invalid"},
		{"GET", "/sluice/v1/jobs?list=other", us, 404, "NotFound"},
		{"GET", "/sluice/v1/jobs?list=address-list/suppression", us, 404, "NotFound"},
		{"GET", "/sluice/v1/jobs?limit=0", us, 400, "Invalid"},
		{"GET", "/sluice/v1/jobs?limit=1001", us, 400, "Invalid"},
		{"GET", "/sluice/v1/jobs?limit=many", us, 400, "Invalid"},
		{"GET", "/sluice/v1/jobs?limit=1_0", us, 400, "Invalid"},
		{"GET", "/sluice/v1/jobs?limit=%2B1", us, 400, "Invalid"},
		{"GET", "/sluice/v1/jobs?limit=0x1", us, 400, "Invalid"},
		{"GET", "/sluice/v1/jobs?list=%ff", us, 400, "Malformed"},
		{"GET", "/sluice/v1/jobs?%ff=1", us, 400, "Malformed"},
		{"GET", "/sluice/v1/jobs?list=%zz", us, 400, "Malformed"},
		{"GET", "/sluice/v1/jobs/%ff", us, 400, "Malformed"},
		{"GET", "/sluice/v1/jobs?sate=created", us, 400, "Invalid"},
		{"GET", "/sluice/v1/jobs?limit=1&limit=2", us, 400, "Invalid"},
		{"GET", "/sluice/v1/jobs?list=a&list=b", us, 400, "Invalid"},
		{"GET", "/sluice/v1/jobs/j1/report?fromat=json", us, 400, "Invalid"},
		{"GET", "/sluice/v1/jobs/j1/report?format=json&format=csv", us, 400, "Invalid"},
		{"GET", "/sluice/v1/jobs?next=forged", us, 400, "BadToken"},
		{"GET", "/sluice/v1/jobs?next=AAAAAAAAAAAAAAAAAAAAAAAAAAAA", us, 400, "BadToken"},
		{"GET", "/sluice/v1/jobs?next=%00%ff", us, 400, "Malformed"},
	} {
		f.who = c.who
		var got adminapi.Fault
		w := f.ask(t, c.method, c.path, &got)
		if w.Code != c.status || got.Code != c.code || got.Message == "" {
			t.Errorf("%s %s of %v: %d %+v, want %d %s", c.method, c.path, c.who, w.Code, got, c.status, c.code)
		}
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	now := birth.Add(time.Hour)
	var released []string
	f := start(t, options{
		Now:     func() time.Time { return now },
		Release: func(_ context.Context, holder string) error { released = append(released, holder); return nil },
	})
	f.add(t, "waiting", job.MailManager)
	f.add(t, "running", job.SESv2)
	var got adminapi.Job
	f.ask(t, "POST", "/sluice/v1/jobs/waiting/stop", &got)
	if got.State != "stopped" || got.Finished == nil || !got.Finished.Equal(now) {
		t.Errorf("stop of a job that waits: %s, finished %v; want stopped, %v", got.State, got.Finished, now)
	}
	if !slices.Equal(released, []string{"waiting"}) {
		t.Errorf("stop of a job that waits released %q, want its source: no worker will", released)
	}
	f.work(t, 1, "")
	f.ask(t, "POST", "/sluice/v1/jobs/running/stop", &got)
	if got.State != "stopped" || got.Rejected != 1 {
		t.Errorf("stop of a job that runs: %s with %d rejects, want stopped with the one that is committed", got.State, got.Rejected)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	const rows = 3
	f := start(t, options{Report: func(_ context.Context, w io.Writer, j job.Job, safe bool) error {
		if safe {
			_, err := fmt.Fprintf(w, "safe report of %s\n", j.ID)
			return err
		}
		_, err := fmt.Fprintf(w, "report of %s\n", j.ID)
		return err
	}})
	f.add(t, "j1", job.SESv2)
	f.work(t, rows, "") // a job that runs has a report too
	if w := f.ask(t, "GET", "/sluice/v1/jobs/j1/report", nil); w.Body.String() != "report of j1\n" || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/csv") {
		t.Errorf("report: %q, %v", w.Body, w.Header())
	}
	if w := f.ask(t, "GET", "/sluice/v1/jobs/j1/report?safe=excel", nil); w.Body.String() != "safe report of j1\n" ||
		w.Header().Get("Content-Disposition") != "attachment; filename=j1-rejected.csv" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("report for a spreadsheet: %q, %v", w.Body, w.Header())
	}
	for _, query := range []string{"safe=word", "safe=excel&format=json"} {
		if w := f.ask(t, "GET", "/sluice/v1/jobs/j1/report?"+query, nil); w.Code != 400 || w.Header().Get("Content-Disposition") != "" {
			t.Errorf("report with %s: %d %v, want 400", query, w.Code, w.Header())
		}
	}
	w := f.ask(t, "GET", "/sluice/v1/jobs/j1/report?format=json", nil)
	lines := slices.Collect(strings.Lines(w.Body.String()))
	if want := `{"record":2,"line":3,"offset":10,"code":"bad-row","reason":"the row is bad","key":"","raw":"bad <row>"}` + "\n"; len(lines) != rows || lines[1] != want {
		t.Errorf("report as JSON: %q, want %d lines, the second %q", lines, rows, want)
	}
}

func TestReportThatBreaksOff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		status     int // 0: the connection is cut
	}{{"before it began", "", 500}, {"in the middle", "half", 0}} {
		var seen wire.Done
		f := start(t, options{
			Report: func(_ context.Context, w io.Writer, _ job.Job, _ bool) error {
				if c.text != "" {
					_, _ = io.WriteString(w, c.text)
				}
				return errors.New("disk on fire")
			},
			Observe: func(_ context.Context, d wire.Done) { seen = d },
		})
		f.add(t, "j1", job.SESv2)
		status := 0
		func() {
			defer func() {
				if thrown := recover(); thrown != nil && thrown != http.ErrAbortHandler {
					t.Errorf("%s: panic %v, want http.ErrAbortHandler", c.name, thrown)
				}
			}()
			status = f.ask(t, "GET", "/sluice/v1/jobs/j1/report", nil).Code
		}()
		if status != c.status || seen.Operation != "GetReport" || seen.Err == nil {
			t.Errorf("%s: status %d, observed %+v; want %d and the error", c.name, status, seen, c.status)
		}
	}
}

// TestRejectThatIsNotUTF8: its bytes can be had from the report as JSON.
func TestRejectThatIsNotUTF8(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(adminapi.Reject{Raw: "a"})
	if err != nil || strings.Contains(string(text), "rawBytes") {
		t.Errorf("a reject without bytes: %s, %v; want no rawBytes", text, err)
	}
	f := start(t, options{})
	f.raw = []byte("j\xf6rg")
	f.add(t, "j1", job.SESv2)
	f.work(t, 1, "")
	var got adminapi.Reject
	f.ask(t, "GET", "/sluice/v1/jobs/j1/report?format=json", &got)
	if got.Raw != "j\ufffdrg" || string(got.RawBytes) != "j\xf6rg" {
		t.Errorf("reject %+v, want the record with U+FFFD and its bytes", got)
	}
}
