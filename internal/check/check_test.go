package check

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/report"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
)

var (
	owner = job.Owner{Account: "111111111111", Region: "eu-west-1"}
	list  = store.ListRef{Owner: owner, Kind: destination.Suppression, ID: "suppression"}
)

// data is a data directory in memory.
type data struct {
	*testing.T
	fs      vfs.FS
	store   *pebblestore.Store
	objects *diskobject.Store
}

func newData(t *testing.T) *data {
	t.Helper()
	d := &data{T: t, fs: vfs.NewMem()}
	d.open()
	_, err := d.store.CreateList(t.Context(), store.List{Ref: list, Name: "suppression", Created: time.Now()}, store.Once{}, 0)
	d.ok(err)
	return d
}

func (d *data) open() {
	d.Helper()
	var err error
	d.store, err = pebblestore.Open("d/store", pebblestore.Options{FS: d.fs})
	d.ok(err)
	d.objects, err = diskobject.Open("d/objects", diskobject.Options{FS: d.fs})
	d.ok(err)
}

func (d *data) close() {
	d.Helper()
	d.ok(errors.Join(d.store.Close(), d.objects.Close()))
}

func (d *data) ok(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func name(key string) object.Name {
	return object.Name{Account: owner.Account, Bucket: "sluice", Key: key}
}

func (d *data) put(key, contentType string) object.Info {
	d.Helper()
	info, err := d.objects.Put(d.Context(), name(key), contentType, strings.NewReader("text of "+key))
	d.ok(err)
	return info
}

// processing makes a job that is bound to its source.
func (d *data) processing(id string) job.Job {
	d.Helper()
	ctx := d.Context()
	d.put("uploads/"+id, "")
	_, err := d.store.CreateJob(ctx, job.Job{
		ID: job.ID(id), Owner: owner, Wire: job.SESv2, State: job.Created, Ready: true, Created: time.Now(),
		Destination: job.Destination{Kind: list.Kind, List: list.ID},
		Source:      job.Source{Bucket: "sluice", Key: "uploads/" + id},
	}, store.Once{}, 0)
	d.ok(err)
	j, ok, err := d.store.Claim(ctx, store.Wanted{Holder: "w", Lease: time.Hour})
	if err != nil || !ok || string(j.ID) != id {
		d.Fatalf("claimed %s, %t, %v; want %s", j.ID, ok, err, id)
	}
	info, err := d.objects.Hold(ctx, name(j.Source.Key), id)
	d.ok(err)
	src := j.Source
	src.Version, src.ETag, src.Size = info.Version, info.ETag, info.Size
	lease := j.Lease
	j, err = d.store.Begin(ctx, lease, src)
	d.ok(err)
	j.Lease = lease
	return j
}

// ended makes a job that has come to its end, with a report.
func (d *data) ended(id, report string) {
	d.Helper()
	j := d.processing(id)
	_, err := d.store.Finish(d.Context(), j.Lease, store.Outcome{State: job.Completed, Report: report})
	d.ok(err)
	d.ok(d.objects.Release(d.Context(), id))
}

func (d *data) check(o Options) (all []Finding, c *Check) {
	d.Helper()
	o.Dir, o.FS = "d", d.fs
	c, err := Run(d.Context(), o, func(f Finding) { all = append(all, f) })
	d.ok(err)
	return all, c
}

const (
	doneID = "job-aaaaaaaaaaaaaaaaaaaaaaaa"
	openID = "0d0d0d0d-1111-2222-3333-444444444444"
	goneID = "job-bbbbbbbbbbbbbbbbbbbbbbbb"
)

// TestReferences makes each reference lead nowhere in turn.
func TestReferences(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		damage func(d *data)
		want   []string // codes
		left   []string // after a repair
	}{
		{"nothing", func(*data) {}, nil, nil},
		{"hold without a job", func(d *data) {
			_, err := d.objects.Hold(d.Context(), name("uploads/"+doneID), goneID)
			d.ok(err)
		}, []string{HoldNoJob}, nil},
		{"hold of an ended job", func(d *data) {
			_, err := d.objects.Hold(d.Context(), name("uploads/"+doneID), doneID)
			d.ok(err)
		}, []string{HoldFinalJob}, nil},
		{"source gone", func(d *data) {
			d.ok(d.objects.Release(d.Context(), openID))
			d.ok(d.objects.Delete(d.Context(), name("uploads/"+openID)))
		}, []string{SourceMissing}, []string{SourceMissing}},
		{"source not held and still there", func(d *data) { d.ok(d.objects.Release(d.Context(), openID)) }, nil, nil},
		{"source held and deleted", func(d *data) { d.ok(d.objects.Delete(d.Context(), name("uploads/"+openID))) }, nil, nil},
		{"report without a job", func(d *data) { d.put("reports/us-east-1/"+goneID+".1.csv", report.ContentType) }, []string{ReportNoJob}, nil},
		{"report of a job that runs", func(d *data) { d.put("reports/us-east-1/"+openID+".1.csv", report.ContentType) }, nil, nil},
		{"report that the job does not name", func(d *data) {
			j, err := d.store.Job(d.Context(), owner, openID)
			d.ok(err)
			_, err = d.store.Finish(d.Context(), j.Lease, store.Outcome{State: job.Completed})
			d.ok(err)
			d.ok(d.objects.Release(d.Context(), openID))
			d.put("reports/us-east-1/"+openID+".1.csv", report.ContentType)
		}, []string{ReportUnnamed}, nil},
		{"a caller's objects among the reports", func(d *data) {
			d.put("reports/mine.csv", report.ContentType)
			d.put("reports/us-east-1/"+goneID+".1.csv", "text/csv")
			d.put("reports/us-east-1/"+goneID+".1.json", report.ContentType)
		}, nil, nil},
		{"report gone", func(d *data) { d.ok(d.objects.Delete(d.Context(), name("reports/us-east-1/"+doneID+".1.csv"))) }, []string{ReportMissing}, []string{ReportMissing}},
		{"leftovers", func(d *data) {
			for _, left := range []string{"d/store/scratch/1.sst", "d/endpoint.json", "d/.credentials-123"} {
				f, err := d.fs.Create(left, vfs.WriteCategoryUnspecified)
				d.ok(errors.Join(err, f.Close()))
			}
		}, []string{Leftover, Leftover, Leftover}, []string{Leftover, Leftover, Leftover}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newData(t)
			d.ended(doneID, "reports/us-east-1/"+doneID+".1.csv")
			d.put("reports/us-east-1/"+doneID+".1.csv", report.ContentType)
			d.processing(openID)
			tt.damage(d)
			d.close()
			all, c := d.check(Options{})
			expectCodes(t, "check", all, tt.want)
			d.ok(c.Repair(t.Context(), func(f Finding) {
				if f.Repair == "" {
					t.Errorf("repaired %+v, which no repair is for", f)
				}
			}))
			all, _ = d.check(Options{})
			expectCodes(t, "check after the repair", all, tt.left)
		})
	}
}

func expectCodes(t *testing.T, when string, all []Finding, want []string) {
	t.Helper()
	var got []string
	for _, f := range all {
		got = append(got, f.Code)
		if f.Severity == "" || f.Advice == "" {
			t.Errorf("finding %+v has no severity or advice", f)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q: %+v", when, got, want, all)
	}
}

// TestLocked: a check and a server exclude each other.
func TestLocked(t *testing.T) {
	t.Parallel()
	d := newData(t)
	d.fs = vfs.Default
	dir := t.TempDir()
	s, err := pebblestore.Open(dir+"/store", pebblestore.Options{})
	d.ok(err)
	_, err = Run(t.Context(), Options{Dir: dir}, func(Finding) {})
	if !errors.Is(err, ErrRunning) && !strings.Contains(err.Error(), "lock") {
		t.Errorf("check beside an open store: %v, want %v", err, ErrRunning)
	}
	d.ok(s.Close())
	blocked := false
	_, err = Run(t.Context(), Options{Dir: dir, Credentials: func() error {
		s, err := pebblestore.Open(dir+"/store", pebblestore.Options{})
		if blocked = err != nil; !blocked {
			return s.Close()
		}
		return nil
	}}, func(Finding) {})
	if err != nil || !blocked {
		t.Errorf("during a check (%v) the store could be opened: %t, want false", err, !blocked)
	}
}

func TestNoDataDirectory(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{t.TempDir(), t.TempDir() + "/missing"} {
		if _, err := Run(context.Background(), Options{Dir: dir}, func(Finding) {}); err == nil {
			t.Errorf("check of %s: no error, want one", dir)
		}
	}
}

// TestCodesAreDocumented: docs/operating.md has all codes, each with its severity.
func TestCodesAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Severity{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| (error|warning|note) \\|").FindAllStringSubmatch(string(text), -1) {
		got[row[1]] = Severity(row[2])
	}
	for code, k := range Kinds {
		if got[code] != k.Severity {
			t.Errorf("code %s is documented as %q, want %q", code, got[code], k.Severity)
		}
		delete(got, code)
	}
	for code := range got {
		t.Errorf("code %s is documented and does not exist", code)
	}
}

// TestMissingOptions: a missing OPTIONS file is one finding, and not one for every table.
func TestMissingOptions(t *testing.T) {
	t.Parallel()
	d := newData(t)
	d.ended(doneID, "")
	d.ok(d.store.Flush(t.Context()))
	d.close()
	for _, dir := range []string{"d/store", "d/objects/index"} {
		names, err := d.fs.List(dir)
		d.ok(err)
		for _, name := range names {
			if strings.HasPrefix(name, "OPTIONS-") {
				d.ok(d.fs.Remove(dir + "/" + name))
			}
		}
	}
	all, _ := d.check(Options{})
	expectCodes(t, "check without OPTIONS", all, []string{FileDamaged, FileDamaged})
	for _, f := range all {
		if !strings.HasSuffix(f.Subject, "/OPTIONS") || f.Problem != "the file is missing" {
			t.Errorf("found %+v, want that OPTIONS is missing", f)
		}
	}
}
