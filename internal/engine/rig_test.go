package engine_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/guard"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
	"github.com/sluicehq/sluice/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inBubble runs a test on a clock of its own, which moves only when all are waiting,
// with goroutines that must all have ended.
func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}

var owner = job.Owner{Account: "000000000000", Region: "eu-central-1"}

// rig is a store and an object store on one disk in memory, which can be crashed.
type rig struct {
	*testing.T
	store   *pebblestore.Store
	objects *diskobject.Store
	journal *journal
	metrics *prometheus.Registry
	guard   *guard.Guard
}

func newRig(t *testing.T) *rig {
	t.Helper()
	return rigOn(t, testenv.NewCrashDisk())
}

func rigOn(t *testing.T, disk vfs.FS) *rig {
	t.Helper()
	s, err := pebblestore.Open("store", pebblestore.Options{FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, s.Close()) })
	o, err := diskobject.Open("objects", diskobject.Options{FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, o.Close()) })
	r := &rig{T: t, store: s, objects: o, journal: newJournal(), metrics: prometheus.NewRegistry()}
	r.guard = guard.New(slog.New(r.journal), r.metrics)
	return r
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// list makes a list of the kind; it is called as its kind is, and may have a config.
// limits are those of every job and every list.
type limits struct {
	records int64
	members int
}

func (l limits) Records(job.Destination) int64 { return l.records }
func (l limits) Members(destination.Kind) int  { return l.members }

func (r *rig) list(k destination.Kind, config ...string) {
	r.Helper()
	l := store.List{Ref: listRef(k), Name: string(k), Created: time.Now(), Config: []byte(strings.Join(config, ""))}
	l.UniqueKeys = k == destination.QuickResponses
	_, err := r.store.CreateList(r.Context(), l, store.Once{}, 0)
	check(r.T, err)
}

func listRef(k destination.Kind) store.ListRef {
	return store.ListRef{Owner: owner, Kind: k, ID: string(k)}
}

// put stores an object that a job may read.
func (r *rig) put(key, text string) {
	r.Helper()
	_, err := r.objects.Put(r.Context(), source(key), "text/csv", strings.NewReader(text))
	check(r.T, err)
}

func source(key string) object.Name {
	return object.Name{Account: owner.Account, Bucket: "files", Key: key}
}

// ready makes a job that puts what lies at key into the suppression list, and may be
// claimed. Its ID is the key.
func (r *rig) ready(key string, change ...func(*job.Job)) job.ID {
	r.Helper()
	j := readyJob(job.ID(key))
	for _, c := range change {
		c(&j)
	}
	_, err := r.store.CreateJob(r.Context(), j, store.Once{}, 0)
	check(r.T, err)
	return j.ID
}

func readyJob(id job.ID) job.Job {
	return job.Job{
		ID: id, Owner: owner, Wire: job.SESv2, State: job.Created, Ready: true, Created: time.Now(),
		Destination: job.Destination{Kind: destination.Suppression, List: string(destination.Suppression), Action: destination.Put},
		Source:      job.Source{Bucket: "files", Key: string(id), Format: record.CSV},
	}
}

// start starts an engine and returns what ends it. The options' zero values are made
// fit for tests.
func (r *rig) start(o engine.Options, with ...any) (e *engine.Engine, end func()) {
	r.Helper()
	var s engine.Store = r.store
	var objects engine.Objects = r.objects
	for _, w := range with {
		switch w := w.(type) {
		case engine.Store:
			s = w
		case engine.Objects:
			objects = w
		}
	}
	o.Logger = slog.New(r.journal)
	o.Guard = r.guard
	if o.BatchRecords == 0 {
		o.BatchRecords = 64
	}
	e = engine.New(s, objects, o)
	ctx, cancel := context.WithCancel(r.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			r.Errorf("Run = %v, want nil", err)
		}
		if missing := e.Missing(); missing != nil {
			r.Errorf("not given back at the end of Run:\n%s", strings.Join(missing, "\n"))
		}
	})
	r.Cleanup(end)
	return e, end
}

// job returns a job as the store has it.
func (r *rig) job(id job.ID) job.Job {
	r.Helper()
	j, err := r.store.Job(r.Context(), owner, id)
	check(r.T, err)
	return j
}

func (r *rig) stop(id job.ID) {
	r.Helper()
	_, err := r.store.ChangeJob(r.Context(), owner, id, func(j *job.Job) error { return j.Become(job.Stopped, time.Now()) })
	check(r.T, err)
}

// picture is all that an import leaves.
type picture struct {
	State   job.State
	Counts  job.Counts
	Error   string
	Members map[string]string
	Report  string
}

func (r *rig) picture(id job.ID) picture {
	r.Helper()
	j := r.job(id)
	return picture{j.State, j.Counts, j.Error, r.members(j.Destination.Kind), r.report(j)}
}

func (r *rig) members(k destination.Kind) map[string]string {
	r.Helper()
	all := map[string]string{}
	page := store.Page{Limit: 500}
	for {
		members, next, err := r.store.ListMembers(r.Context(), listRef(k), store.MemberFilter{}, page)
		check(r.T, err)
		for _, m := range members {
			all[m.Key] = string(m.Value)
		}
		if next == "" {
			return all
		}
		page.After = next
	}
}

func (r *rig) report(j job.Job) string {
	r.Helper()
	if j.Report == "" {
		return ""
	}
	in, err := r.objects.Open(r.Context(), object.Name{Account: owner.Account, Bucket: "reports", Key: j.Report}, "", 0)
	check(r.T, err)
	defer in.Close()
	text, err := io.ReadAll(in)
	check(r.T, err)
	return string(text)
}

func (r *rig) equal(got, want picture) {
	r.Helper()
	if got.State != want.State || got.Counts != want.Counts || got.Error != want.Error {
		r.Errorf("job is %s, %+v, %q; want %s, %+v, %q", got.State, got.Counts, got.Error, want.State, want.Counts, want.Error)
	}
	if !maps.Equal(got.Members, want.Members) {
		r.Errorf("%d members, want %d, or other values", len(got.Members), len(want.Members))
	}
	if got.Report != want.Report {
		r.Errorf("report:\n%swant:\n%s", got.Report, want.Report)
	}
}

// rows are suppression rows, with duplicates that change the reason and bad rows
// among them, and what must come of the first ones: members by key, and rejects.
type rows struct {
	text  []string
	keys  []string // empty for a bad row
	cause []string
}

func newRows(n int) rows {
	var r rows
	add := func(text, key, cause string) {
		r.text, r.keys, r.cause = append(r.text, text+"\n"), append(r.keys, key), append(r.cause, cause)
	}
	for i := range n {
		key := fmt.Sprintf("user%06d@example.com", i)
		switch {
		case i%11 == 5:
			add(fmt.Sprintf("user%06d at example,BOUNCE", i), "", "")
		case i%13 == 7:
			add(key+",SHRUG", "", "")
		case i%7 == 3:
			key = fmt.Sprintf("user%06d@example.com", i/2)
			add(key+",COMPLAINT", key, "COMPLAINT")
		default:
			add(key+",BOUNCE", key, "BOUNCE")
		}
	}
	return r
}

func (r rows) String() string { return strings.Join(r.text, "") }

// after tells what must be there once the first n rows are committed.
func (r rows) after(n int) (members map[string]string, c job.Counts) {
	members = map[string]string{}
	for i, key := range r.keys[:n] {
		if key == "" {
			c.Rejected++
			continue
		}
		c.Imported++
		members[key] = r.cause[i]
	}
	return members, c
}

// verify compares what a job left with what its first n rows do.
func (r *rig) verify(id job.ID, state job.State, in rows, n int) {
	r.Helper()
	got := r.picture(id)
	members, counts := in.after(n)
	if got.State != state || got.Counts != counts {
		r.Errorf("job is %s, %+v; want %s, %+v", got.State, got.Counts, state, counts)
	}
	if at := r.job(id).Checkpoint.Record; at != int64(n) {
		r.Errorf("the checkpoint is behind record %d, want %d", at, n)
	}
	if len(got.Members) != len(members) {
		r.Errorf("%d members, want %d", len(got.Members), len(members))
	}
	for key, cause := range members {
		if !strings.Contains(got.Members[key], cause) {
			r.Errorf("%s = %q, want a value with %s", key, got.Members[key], cause)
		}
	}
	if state == job.Stopped {
		return // whoever stops a job has seen enough
	}
	if lines := strings.Count(got.Report, "\n"); counts.Rejected > 0 && lines != int(counts.Rejected)+1 {
		r.Errorf("report has %d lines, want a header and %d", lines, counts.Rejected)
	}
}

// metric returns the value of a counter, of the one with the label value if it is not
// empty.
func (r *rig) metric(name, label string) int64 {
	r.Helper()
	families, err := r.metrics.Gather()
	check(r.T, err)
	var sum int64
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() != name {
				continue
			}
			of := label == ""
			for _, l := range m.GetLabel() {
				of = of || l.GetValue() == label
			}
			if of {
				sum += int64(m.GetCounter().GetValue())
			}
		}
	}
	return sum
}

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}
