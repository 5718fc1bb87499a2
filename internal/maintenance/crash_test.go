package maintenance_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/google/uuid"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/maintenance"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
	"github.com/sluicehq/sluice/internal/store/storetest"
	"github.com/sluicehq/sluice/internal/testenv"
)

// crashCase is a duty with work to do.
type crashCase struct {
	duty    string
	kind    string // what the duty removes is listed with this prefix, see state
	options maintenance.Options
	prepare func(r *rig)
	removed int
}

var crashCases = []crashCase{
	{"holds", "hold ", maintenance.Options{Grace: day}, prepareHolds, 4},
	{"reports", "0 sluice/reports/", maintenance.Options{Grace: day}, prepareReports, 4},
	{"uploads", "", maintenance.Options{KeepUploads: 7 * day, Grace: 1000 * day}, prepareUploads, 6},
	{"files", "0 sluice/", maintenance.Options{KeepFiles: 7 * day, Grace: 1000 * day}, prepareFiles, 5},
	{"jobs", "job ", maintenance.Options{KeepJobs: 7 * day, Grace: 1000 * day}, prepareJobs, 4},
}

// TestCrash cuts the power before each write and sync of the disk while a duty is done;
// of what was not synced, all, a half or nothing is left. After a restart the next round comes to the same end as if nothing
// had happened: nothing else is removed, and what was removed before is not counted again.
func TestCrash(t *testing.T) {
	t.Parallel()
	for _, c := range crashCases {
		t.Run(c.duty, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { testCrash(t, c) })
		})
	}
}

func testCrash(t *testing.T, c crashCase) {
	t.Helper()
	disk := testenv.NewCrashDisk()
	var mu sync.Mutex
	var running bool
	var images []*testenv.CrashDisk
	random := testenv.Rand(t)
	r := open(t, errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if running && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			images = append(images, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(3) * 50, RNG: random}))
		}
		return nil
	})))
	closeAll := sync.OnceFunc(r.close)
	defer closeAll()
	set := func(on bool) {
		mu.Lock()
		defer mu.Unlock()
		running = on
	}
	c.prepare(r)
	time.Sleep(8 * day)
	start := r.state()
	set(true)
	r.round(c.options)
	synctest.Wait()
	set(false)
	end := r.state()
	if got := int(metric(r, "sluice_maintenance_removed_total", c.duty)); got != c.removed {
		t.Fatalf("%d removed, want %d; left:\n%s", got, c.removed, strings.Join(end, "\n"))
	}
	closeAll()
	if len(images) < 2*c.removed {
		t.Fatalf("%d moments, want at least two for each of %d removals", len(images), c.removed)
	}
	for i, image := range images {
		afterCrash(t, c, image, start, end)
		if t.Failed() {
			t.Fatalf("crash at moment %d of %d", i, len(images))
		}
	}
}

// afterCrash starts on what a crash left, does a round, and compares where it ends.
func afterCrash(t *testing.T, c crashCase, image *testenv.CrashDisk, start, end []string) {
	t.Helper()
	r := open(t, image)
	closeAll := sync.OnceFunc(r.close)
	defer closeAll()
	found := r.state()
	for _, s := range end {
		if !slices.Contains(found, s) {
			t.Errorf("after the crash %s is gone, which stays without one", s)
		}
	}
	left := 0
	for _, s := range found {
		if !slices.Contains(start, s) {
			t.Errorf("after the crash there is %s, which was not there before", s)
		}
		if strings.HasPrefix(s, c.kind) && !slices.Contains(end, s) {
			left++
		}
	}
	r.round(c.options)
	if got := int(metric(r, "sluice_maintenance_removed_total", c.duty)); got != left {
		t.Errorf("%d removed after the crash, want the %d that were left", got, left)
	}
	if got := r.state(); !slices.Equal(got, end) {
		t.Errorf("after the crash and a round:\n got %q\nwant %q", got, end)
	}
	r.round(c.options)
	if got := metric(r, "sluice_maintenance_removed_total", c.duty); got != 0 {
		t.Errorf("%v removed by the round after, want none", got)
	}
	closeAll()
	checkDisk(t, image)
}

// checkDisk fails the test if a check of store and objects finds anything.
func checkDisk(t *testing.T, disk vfs.FS) {
	t.Helper()
	rows, err := pebblestore.Inspect("data/store", disk, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if _, err = rows.Check(t.Context(), pebblestore.CheckOptions{}, func(f pebblestore.Finding) {
		t.Errorf("store: %+v", f)
	}); err != nil {
		t.Fatal(err)
	}
	objects, err := diskobject.Inspect("data/objects", "data/objects/index", disk, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer objects.Close()
	if _, err = objects.Check(t.Context(), diskobject.CheckOptions{Deep: true}, func(f diskobject.Finding) { t.Errorf("objects: %+v", f) }); err != nil {
		t.Fatal(err)
	}
}

// state returns all that maintenance may remove: what left returns, jobs with their
// rejections, and multipart uploads. It reads each object.
func (r *rig) state() []string {
	r.Helper()
	all := r.left()
	for _, bucket := range []string{own, "theirs"} {
		for i, err := range r.objects.Objects(r.Context(), bucket) {
			r.ok(err)
			in, err := r.objects.Open(r.Context(), i.Name, i.Version, 0)
			r.ok(err)
			text, err := io.ReadAll(in)
			r.ok(err)
			in.Close()
			if string(text) != "text" {
				r.Errorf("%+v has the text %q", i.Name, text)
			}
		}
		for _, o := range []job.Owner{owner, another} {
			page, err := r.objects.Uploads(r.Context(), o.Account, bucket, diskobject.UploadQuery{Query: diskobject.Query{Max: 100}})
			r.ok(err)
			for _, u := range page.Uploads {
				all = append(all, fmt.Sprintf("multipart %s %s/%s", o.Account[:1], bucket, u.Name.Key))
			}
		}
	}
	for _, o := range []job.Owner{owner, another} {
		jobs, _, err := r.store.ListJobs(r.Context(), o, store.JobFilter{}, store.Page{Limit: 100})
		r.ok(err)
		for _, j := range jobs {
			rejects := 0
			for _, err := range r.store.Rejects(r.Context(), o, j.ID) {
				r.ok(err)
				rejects++
			}
			all = append(all, fmt.Sprintf("job %s %s %s, %d rejects", o.Account[:1], j.ID, j.State, rejects))
		}
	}
	slices.Sort(all)
	return all
}

func prepareHolds(r *rig) {
	for i := range 3 {
		id := fmt.Sprint("job-", i)
		r.put(owner, "theirs", id)
		r.job(owner, id, "theirs", id)
		r.job(owner, "other-"+id, "theirs", id) // holds the same and has not ended
		r.end(owner, id, "")
	}
	r.put(another, own, "gone")
	r.job(another, "job-gone", own, "gone")
	r.end(another, "job-gone", "")
	r.delete(another, "job-gone")
	r.ok(r.objects.Delete(r.Context(), object.Name{Account: owner.Account, Bucket: "theirs", Key: "job-1"})) // by the caller
}

func prepareReports(r *rig) {
	opened, done := uuid.NewString(), uuid.NewString()
	for _, id := range []string{opened, done} {
		r.put(owner, own, id)
		r.job(owner, id, own, id)
	}
	r.end(owner, done, reportKey(owner, done, 3))
	r.ok(r.objects.Release(r.Context(), done))
	for _, term := range []uint64{1, 2, 3} {
		r.put(owner, own, reportKey(owner, done, term))
		r.put(owner, own, reportKey(owner, opened, term))
	}
	for range 2 {
		gone := reportKey(owner, uuid.NewString(), 1)
		r.put(owner, own, gone)
		r.put(owner, "theirs", gone)
	}
}

func prepareUploads(r *rig) {
	r.put(owner, own, "uploads/job-used")
	r.job(owner, "job-used", own, "uploads/job-used")
	for i := range 4 {
		for _, bucket := range []string{own, "theirs"} {
			r.put(owner, bucket, fmt.Sprint("uploads/job-unused", i))
		}
	}
	for _, bucket := range []string{own, "theirs"} {
		n := object.Name{Account: owner.Account, Bucket: bucket, Key: "large"}
		u, err := r.objects.StartUpload(r.Context(), n, diskobject.Meta{}, diskobject.Checksum{})
		r.ok(err)
		_, err = r.objects.WritePart(r.Context(), n, u.ID, 1, diskobject.Write{}, strings.NewReader("text"))
		r.ok(err)
	}
}

func prepareFiles(r *rig) {
	for i := range 3 {
		id := uuid.NewString()
		for j, bucket := range []string{own, "theirs"} {
			key := fmt.Sprint("list", i, ".csv")
			r.put(owner, bucket, key)
			r.job(owner, fmt.Sprint(id, j), bucket, key)
			r.end(owner, fmt.Sprint(id, j), "")
			r.ok(r.objects.Release(r.Context(), fmt.Sprint(id, j)))
		}
	}
	for range 2 {
		id := uuid.NewString()
		r.put(owner, own, reportKey(owner, id, 1))
		r.job(owner, id, "theirs", "list0.csv")
		r.end(owner, id, reportKey(owner, id, 1))
		r.ok(r.objects.Release(r.Context(), id))
	}
	r.job(owner, "reads list2", own, "list2.csv")
	r.put(owner, own, "list3.csv")
	id := uuid.NewString()
	r.put(owner, own, reportKey(owner, id, 1)) // of another account's job
	r.put(another, "theirs", "list.csv")
	r.job(another, id, "theirs", "list.csv")
	r.job(owner, "reads list3", own, "list3.csv")
	r.end(owner, "reads list3", "")
	r.ok(r.objects.Release(r.Context(), "reads list3"))
}

func prepareJobs(r *rig) {
	shared := "imports/" + uuid.NewString() + "/list.csv"
	r.put(owner, own, shared)
	r.list()
	for i := range 4 {
		id, key := uuid.NewString(), "imports/"+uuid.NewString()+"/list.csv"
		if i < 2 {
			key = shared
		} else {
			r.put(owner, own, key)
		}
		r.put(owner, own, reportKey(owner, id, 1))
		r.job(owner, id, own, key)
		r.importInto(id, 3)
		r.end(owner, id, reportKey(owner, id, 1))
	}
	id := uuid.NewString() // has not ended
	r.put(owner, own, "uploads/"+id)
	r.job(owner, id, own, "uploads/"+id)
	r.importInto(id, 2)
}

func (r *rig) list() {
	r.Helper()
	_, err := r.store.CreateList(r.Context(), store.List{
		Ref: store.ListRef{Owner: owner, Kind: destination.Suppression, ID: "suppression"}, Name: "suppression",
	}, store.Once{}, 0)
	r.ok(err)
}

// importInto commits a member and rejects for the job that waits.
func (r *rig) importInto(id string, rejects int) {
	r.Helper()
	j, ok, err := r.store.Claim(r.Context(), store.Wanted{Holder: "w", Lease: time.Hour})
	r.ok(err)
	if !ok || string(j.ID) != id {
		r.Fatalf("Claim: %s, %t; want %s", j.ID, ok, id)
	}
	_, err = r.store.Begin(r.Context(), j.Lease, j.Source)
	r.ok(err)
	b := &store.Batch{At: time.Now()}
	texts := []string{"put a 1"}
	for i := range rejects {
		texts = append(texts, fmt.Sprint("bad ", i))
	}
	storetest.Fill(b, record.Position{}, texts...)
	p, err := r.store.Prepare(r.Context(), j.Lease, b)
	r.ok(err)
	_, err = r.store.Commit(r.Context(), j.Lease, p)
	r.ok(err)
}
