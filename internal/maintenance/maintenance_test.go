package maintenance_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/maintenance"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/report"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
)

const (
	own = "sluice"
	day = time.Minute // a real one takes Pebble long, even when time is simulated
)

var (
	owner   = job.Owner{Account: "000000000000", Region: "us-east-1"}
	another = job.Owner{Account: "111111111111", Region: "eu-west-1"}
)

// rig is a store and an object store on one disk. Its methods fail the test.
type rig struct {
	*testing.T
	fs       vfs.FS
	store    *pebblestore.Store
	objects  *diskobject.Store
	registry *prometheus.Registry
}

func open(t *testing.T, fs vfs.FS) *rig {
	t.Helper()
	s, err := pebblestore.Open("data/store", pebblestore.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	o, err := diskobject.Open("data/objects", diskobject.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	return &rig{T: t, fs: fs, store: s, objects: o, registry: prometheus.NewRegistry()}
}

func (r *rig) close() {
	r.Helper()
	r.ok(r.store.Close())
	r.ok(r.objects.Close())
}

func (r *rig) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) put(o job.Owner, bucket, key string) object.Info {
	r.Helper()
	i, err := r.objects.Put(r.Context(), object.Name{Account: o.Account, Bucket: bucket, Key: key}, "text/csv", strings.NewReader("text"))
	r.ok(err)
	return i
}

// job makes a job that reads an object, and holds it.
func (r *rig) job(o job.Owner, id, bucket, key string) {
	r.Helper()
	_, err := r.store.CreateJob(r.Context(), job.Job{
		ID: job.ID(id), Owner: o, Wire: job.SESv2, State: job.Created, Ready: true, Created: time.Now(),
		Destination: job.Destination{Kind: destination.Suppression, List: "suppression", Action: destination.Put},
		Source:      job.Source{Bucket: bucket, Key: key, Format: "CSV"},
	}, store.Once{}, 0)
	r.ok(err)
	_, err = r.objects.Hold(r.Context(), object.Name{Account: o.Account, Bucket: bucket, Key: key}, id)
	r.ok(err)
}

// end ends a job, as a worker does that crashes before it releases the source.
func (r *rig) end(o job.Owner, id, report string) {
	r.Helper()
	_, err := r.store.ChangeJob(r.Context(), o, job.ID(id), func(j *job.Job) error {
		j.Report = report
		return j.Become(job.Stopped, time.Now())
	})
	r.ok(err)
}

func (r *rig) delete(o job.Owner, id string) {
	r.Helper()
	r.ok(r.store.DeleteJob(r.Context(), o, job.ID(id)))
}

func (r *rig) round(o maintenance.Options) *maintenance.Maintenance {
	r.registry = prometheus.NewRegistry()
	o.Bucket, o.Holder, o.Registry = own, "this", r.registry
	m := maintenance.New(r.store, r.objects, o)
	m.Round(r.Context())
	return m
}

// left returns the objects of both buckets and the holders.
func (r *rig) left() (all []string) {
	r.Helper()
	for _, bucket := range []string{own, "theirs"} {
		for i, err := range r.objects.Objects(r.Context(), bucket) {
			r.ok(err)
			all = append(all, i.Name.Account[:1]+" "+bucket+"/"+i.Name.Key)
		}
	}
	for h, err := range r.objects.Holders(r.Context()) {
		r.ok(err)
		all = append(all, "hold "+h.Name)
	}
	slices.Sort(all)
	return all
}

func (r *rig) want(when string, want ...string) {
	r.Helper()
	slices.Sort(want)
	if got := r.left(); !slices.Equal(got, want) {
		r.Errorf("%s:\n got %q\nwant %q", when, got, want)
	}
}

func inBubble(t *testing.T, test func(r *rig)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, vfs.NewMem())
		defer r.close()
		test(r)
	})
}

func reportKey(o job.Owner, id string, term uint64) string {
	j := job.Job{ID: job.ID(id), Owner: o, Lease: job.Lease{Term: term}}
	return report.Key(j)
}

func TestHolds(t *testing.T) {
	inBubble(t, func(r *rig) {
		for _, o := range []job.Owner{owner, another} {
			r.put(o, "theirs", "list.csv")
			for _, id := range []string{"final", "gone", "open"} {
				r.job(o, id+o.Account[:1], "theirs", "list.csv")
			}
			r.end(o, "final"+o.Account[:1], "")
			r.end(o, "gone"+o.Account[:1], "")
			r.delete(o, "gone"+o.Account[:1])
		}
		objects := []string{"0 theirs/list.csv", "1 theirs/list.csv"}
		r.round(maintenance.Options{})
		r.want("at once", append(objects, "hold final0", "hold gone0", "hold open0", "hold final1", "hold gone1", "hold open1")...)
		time.Sleep(time.Hour)
		r.round(maintenance.Options{})
		r.want("an hour later", append(objects, "hold open0", "hold open1")...)
		for name, want := range map[string]float64{"runs": 1, "removed": 4, "removed_bytes": 16, "errors": 0} {
			if got := metric(r, "sluice_maintenance_"+name+"_total", "holds"); got != want {
				t.Errorf("metric %s of holds: %v, want %v", name, got, want)
			}
		}
		if got := metric(r, "sluice_maintenance_last_success_timestamp_seconds", "jobs"); got != float64(time.Now().Unix()) {
			t.Errorf("last success of jobs: %v, want now", got)
		}
	})
}

// metric returns the value of a duty's metric.
func metric(r *rig, name, duty string) float64 {
	r.Helper()
	families, err := r.registry.Gather()
	r.ok(err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		if n := len(f.GetMetric()); n != 5 {
			r.Errorf("%s has %d series, want one for each duty", name, n)
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == duty {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	r.Fatalf("there is no metric %s of %s", name, duty)
	return 0
}

func TestReports(t *testing.T) {
	inBubble(t, func(r *rig) {
		open, done, gone := uuid.NewString(), uuid.NewString(), uuid.NewString()
		for _, id := range []string{open, done} {
			r.put(owner, "theirs", id)
			r.job(owner, id, "theirs", id)
		}
		r.end(owner, done, reportKey(owner, done, 2))
		var stay []string
		for _, key := range []string{reportKey(owner, open, 1), reportKey(owner, open, 2), reportKey(owner, done, 2), "reports/mine.csv", "reports/us-east-1/mine.csv", "other"} {
			r.put(owner, own, key)
			stay = append(stay, "0 sluice/"+key)
		}
		for _, o := range []job.Owner{owner, another} { // callers' own
			r.put(o, "theirs", reportKey(owner, gone, 1))
			stay = append(stay, o.Account[:1]+" theirs/"+reportKey(owner, gone, 1))
		}
		stay = append(stay, "0 theirs/"+open, "0 theirs/"+done, "hold "+open)
		r.put(owner, own, reportKey(owner, done, 1))
		r.put(owner, own, reportKey(owner, gone, 1))
		r.put(another, own, reportKey(owner, done, 2)) // of an account without such a job
		time.Sleep(2 * time.Hour)
		r.round(maintenance.Options{})
		r.want("two hours later", stay...)
	})
}

func TestUploads(t *testing.T) {
	inBubble(t, func(r *rig) {
		base := uuid.NewString()
		used, unused, mine := "uploads/job-used", "uploads/job-unused", "uploads/mine.csv"
		content, started := "uploads/"+base+"/"+uuid.NewString(), "uploads/"+base+"/"+uuid.NewString()
		imported := "imports/" + uuid.NewString() + "/list.csv"
		for _, key := range []string{used, unused, mine, content, started, imported} {
			r.put(owner, own, key)
		}
		r.put(owner, "theirs", unused)
		r.job(owner, "job-used", own, used)
		r.job(owner, uuid.NewString(), own, started)
		old, err := r.objects.StartUpload(r.Context(), object.Name{Account: owner.Account, Bucket: "theirs", Key: "large"}, diskobject.Meta{}, diskobject.Checksum{})
		r.ok(err)
		all := r.left()
		keep := maintenance.Options{KeepUploads: 7 * day}
		time.Sleep(6 * day)
		r.round(keep)
		r.want("after six days", all...)
		time.Sleep(2 * day)
		recent, err := r.objects.StartUpload(r.Context(), object.Name{Account: owner.Account, Bucket: "theirs", Key: "large"}, diskobject.Meta{}, diskobject.Checksum{})
		r.ok(err)
		r.round(maintenance.Options{})
		r.want("with 0, which keeps", all...)
		r.round(keep)
		for _, key := range []string{unused, content, imported} {
			all = slices.DeleteFunc(all, func(s string) bool { return s == "0 sluice/"+key })
		}
		r.want("after eight days", all...)
		page, err := r.objects.Uploads(r.Context(), owner.Account, "theirs", diskobject.UploadQuery{Query: diskobject.Query{Max: 10}})
		if err != nil || len(page.Uploads) != 1 || page.Uploads[0].ID != recent.ID {
			t.Errorf("multipart uploads: %+v, %v; want only %s and not %s", page.Uploads, err, recent.ID, old.ID)
		}
	})
}

func TestFiles(t *testing.T) {
	inBubble(t, func(r *rig) {
		keep := maintenance.Options{KeepFiles: 30 * day}
		first, second := uuid.NewString(), uuid.NewString()
		for _, key := range []string{"a.csv", "shared.csv", "replaced.csv", "unread.csv"} {
			r.put(owner, own, key)
			r.put(owner, "theirs", key)
		}
		theirs := []string{"0 theirs/a.csv", "0 theirs/replaced.csv", "0 theirs/shared.csv", "0 theirs/unread.csv"}
		for i, key := range []string{"a.csv", "shared.csv", "replaced.csv"} {
			for j, bucket := range []string{own, "theirs"} {
				r.job(owner, fmt.Sprint("job-", i, j), bucket, key)
				r.end(owner, fmt.Sprint("job-", i, j), "")
			}
		}
		r.job(owner, first, own, "a.csv")
		r.put(owner, own, reportKey(owner, first, 1))
		r.end(owner, first, reportKey(owner, first, 1))
		r.job(job.Owner{Account: owner.Account, Region: "eu-west-1"}, second, own, "shared.csv") // not ended
		time.Sleep(29 * day)
		r.put(owner, own, "replaced.csv")
		r.round(keep)
		mine := []string{"0 sluice/a.csv", "0 sluice/replaced.csv", "0 sluice/shared.csv", "0 sluice/unread.csv", "hold " + second}
		r.want("after 29 days", slices.Concat(theirs, mine, []string{"0 sluice/" + reportKey(owner, first, 1)})...)
		time.Sleep(2 * day)
		r.round(maintenance.Options{})
		r.want("with 0, which keeps", slices.Concat(theirs, mine, []string{"0 sluice/" + reportKey(owner, first, 1)})...)
		r.round(keep)
		r.want("after 31 days", slices.Concat(theirs, mine[1:])...)
		r.end(job.Owner{Account: owner.Account, Region: "eu-west-1"}, second, "")
		time.Sleep(31 * day)
		r.round(keep)
		r.want("after 62 days", slices.Concat(theirs, mine[3:4])...)
	})
}

func TestJobs(t *testing.T) {
	inBubble(t, func(r *rig) {
		old, shared, recent := uuid.NewString(), uuid.NewString(), uuid.NewString()
		upload, both := "imports/"+uuid.NewString()+"/a.csv", "imports/"+uuid.NewString()+"/b.csv"
		r.put(owner, own, upload)
		r.put(owner, own, both)
		r.put(owner, own, "list.csv")
		r.put(another, "theirs", "list.csv")
		r.job(owner, old, own, upload)
		r.job(owner, shared, own, both)
		r.job(owner, recent, own, both)
		r.job(owner, "job-mine", own, "list.csv")
		r.job(another, "job-theirs", "theirs", "list.csv")
		r.put(owner, own, reportKey(owner, old, 1))
		r.end(owner, old, reportKey(owner, old, 1))
		r.end(owner, shared, "")
		r.end(owner, "job-mine", "")
		r.end(another, "job-theirs", "")
		time.Sleep(91 * day)
		r.end(owner, recent, "")
		r.round(maintenance.Options{Grace: 1000 * day})
		if got := len(r.jobs()); got != 5 {
			t.Errorf("%d jobs with 0, which keeps, want 5", got)
		}
		r.round(maintenance.Options{KeepJobs: 90 * day, Grace: 1000 * day})
		if got := r.jobs(); !slices.Equal(got, []string{recent}) {
			t.Errorf("jobs after 91 days: %q, want %q", got, recent)
		}
		r.want("after 91 days", "0 sluice/"+both, "0 sluice/list.csv", "1 theirs/list.csv")
	})
}

func (r *rig) jobs() (ids []string) {
	r.Helper()
	for _, o := range []job.Owner{owner, another} {
		jobs, _, err := r.store.ListJobs(r.Context(), o, store.JobFilter{}, store.Page{Limit: 100})
		r.ok(err)
		for _, j := range jobs {
			ids = append(ids, string(j.ID))
		}
	}
	return ids
}

func TestDeleteJobThatHasNotEnded(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(owner, own, "uploads/job-1")
		r.job(owner, "job-1", own, "uploads/job-1")
		j, err := r.store.Job(r.Context(), owner, "job-1")
		r.ok(err)
		if _, err := maintenance.DeleteJob(r.Context(), r.store, r.objects, own, j); !fault.Is(err, fault.Conflict) {
			t.Errorf("DeleteJob of a job that is created: %v, want Conflict", err)
		}
		r.want("after it", "0 sluice/uploads/job-1", "hold job-1")
	})
}

// TestRunByOneAtATime: of two servers one does the rounds, and the other goes on when that
// ends.
func TestRunByOneAtATime(t *testing.T) {
	inBubble(t, func(r *rig) {
		runs := func(registry *prometheus.Registry) float64 {
			r.registry = registry
			return metric(r, "sluice_maintenance_runs_total", "holds")
		}
		var stops []func()
		var registries []*prometheus.Registry
		for _, holder := range []string{"first", "second"} {
			registry := prometheus.NewRegistry()
			m := maintenance.New(r.store, r.objects, maintenance.Options{Bucket: own, Holder: holder, Registry: registry})
			ctx, cancel := context.WithCancel(r.Context())
			done := make(chan struct{})
			go func() { defer close(done); _ = m.Run(ctx) }()
			synctest.Wait()
			registries = append(registries, registry)
			stops = append(stops, func() { cancel(); <-done })
		}
		time.Sleep(150 * time.Minute)
		if a, b := runs(registries[0]), runs(registries[1]); a != 3 || b != 0 {
			t.Errorf("rounds in 150 minutes: %v and %v, want 3 and none", a, b)
		}
		stops[0]()
		time.Sleep(time.Minute)
		if b := runs(registries[1]); b != 1 {
			t.Errorf("rounds of the second after the first has ended: %v, want 1", b)
		}
		stops[1]()
	})
}
