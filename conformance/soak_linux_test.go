package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"github.com/sluicehq/sluice/internal/testenv"
)

// The soak: honest callers beside hostile ones.
const (
	soakTime    = time.Minute
	soakWriters = 7
	soakImports = 3
	soakMemory  = 400 << 20 // what the server says that it stays within
	soakP99     = time.Second
)

// TestFaultsHostileCallers lets hostile callers loose on a server, all at once: uploads
// that stand, slow headers, bodies without the secret, long rejections, sources that
// cannot be read, callers that hang up, and a disk that gets full. Ten honest callers
// beside them have each of their calls answered, rightly and in time, and the server
// stays within its memory.
func TestFaultsHostileCallers(t *testing.T) {
	if os.Getenv("SLUICE_FAULTS") == "" {
		t.Skip("a minute of hostile callers: run make test-faults")
	}
	disk := testenv.NewSmallDisk(t, 700)
	s := startOn(t, filepath.Join(disk.Dir(), "d"), "--min-free", "32MiB", "--log-level", "warn")
	r := &soak{T: t, server: s, disk: disk, calls: map[string][]time.Duration{}, counts: map[string]*atomic.Int64{}}
	r.mail, r.files = s.clients()
	r.prepare()
	ctx, cancel := context.WithTimeout(t.Context(), soakTime)
	defer cancel()

	var callers sync.WaitGroup
	r.attack(ctx, &callers)
	for i := range soakWriters {
		callers.Go(func() { r.write(ctx, i) })
	}
	for i := range soakImports {
		callers.Go(func() { r.importFiles(ctx, i) })
	}
	callers.Go(func() { r.fillDisk(ctx) })
	callers.Wait()
	r.verify()
	r.report()
}

type soak struct {
	*testing.T
	*server
	disk  *testenv.SmallDisk
	mail  *sesv2.Client
	files *s3.Client
	link  string // a pre-signed one for PUT
	long  string // a source of long records

	diskFull atomic.Bool // it is, or was a moment ago: uploads may be refused

	mu       sync.Mutex
	calls    map[string][]time.Duration // how long the honest calls took
	contacts []string                   // created and not deleted
	failures []string

	counts map[string]*atomic.Int64 // of what the hostile callers did
}

func (r *soak) prepare() {
	r.Helper()
	if _, err := r.mail.CreateContactList(r.Context(), &sesv2.CreateContactListInput{ContactListName: aws.String("soak")}); err != nil {
		r.Fatal(err)
	}
	r.link = r.uploadLink(r.T, "stalled")
	for _, name := range hostile {
		r.counts[name] = &atomic.Int64{}
	}
}

// call times a call of an honest caller. It must succeed.
func (r *soak) call(ctx context.Context, name string, call func(ctx context.Context) error) bool {
	began := time.Now()
	err := call(context.WithoutCancel(ctx))
	took := time.Since(began)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[name] = append(r.calls[name], took)
	if err != nil {
		r.failures = append(r.failures, fmt.Sprintf("%s after %v: %v", name, took.Round(time.Millisecond), err))
	}
	return err == nil
}

// write creates, reads, changes and deletes contacts, four calls a round.
func (r *soak) write(ctx context.Context, caller int) {
	mail, _ := r.clients()
	list := aws.String("soak")
	pace := time.NewTicker(100 * time.Millisecond)
	defer pace.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		address := fmt.Sprintf("caller%d-%d@example.com", caller, n)
		attributes := fmt.Sprintf(`{"n":%d}`, n)
		created := r.call(ctx, "CreateContact", func(ctx context.Context) error {
			_, err := mail.CreateContact(ctx, &sesv2.CreateContactInput{ContactListName: list, EmailAddress: &address, AttributesData: &attributes})
			return err
		})
		if created {
			r.call(ctx, "GetContact", func(ctx context.Context) error {
				got, err := mail.GetContact(ctx, &sesv2.GetContactInput{ContactListName: list, EmailAddress: &address})
				if err == nil && aws.ToString(got.AttributesData) != attributes {
					err = fmt.Errorf("attributes %q, want %q", aws.ToString(got.AttributesData), attributes)
				}
				return err
			})
			if n%2 == 0 {
				r.mu.Lock()
				r.contacts = append(r.contacts, address)
				r.mu.Unlock()
			} else {
				r.call(ctx, "DeleteContact", func(ctx context.Context) error {
					_, err := mail.DeleteContact(ctx, &sesv2.DeleteContactInput{ContactListName: list, EmailAddress: &address})
					return err
				})
			}
		}
		r.call(ctx, "ListImportJobs", func(ctx context.Context) error {
			_, err := mail.ListImportJobs(ctx, &sesv2.ListImportJobsInput{PageSize: aws.Int32(10)})
			return err
		})
		<-pace.C
	}
}

// importFiles imports small files, one after the other, each with one bad row.
func (r *soak) importFiles(ctx context.Context, caller int) {
	mail, files := r.clients()
	for n := 0; ctx.Err() == nil; n++ {
		key := fmt.Sprintf("honest-%d-%d.csv", caller, n)
		full := r.diskFull.Load()
		refused := false
		uploaded := r.call(ctx, "PutObject", func(ctx context.Context) error {
			_, err := files.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("rows"), Key: &key, Body: strings.NewReader(rows(200, 200))})
			if err != nil && strings.Contains(err.Error(), "InsufficientStorage") && (full || r.diskFull.Load()) {
				refused, err = true, nil
			}
			return err
		})
		if refused {
			r.counts[fullDisk].Add(1)
			wait(ctx, 100*time.Millisecond)
		}
		if !uploaded || refused {
			continue
		}
		var id string
		if !r.call(ctx, "CreateImportJob", func(ctx context.Context) error {
			out, err := mail.CreateImportJob(ctx, &sesv2.CreateImportJobInput{
				ImportDataSource:  &types.ImportDataSource{S3Url: aws.String("s3://rows/" + key), DataFormat: types.DataFormatCsv},
				ImportDestination: &types.ImportDestination{SuppressionListDestination: &types.SuppressionListDestination{SuppressionListImportAction: types.SuppressionListImportActionPut}},
			})
			if err == nil {
				id = *out.JobId
			}
			return err
		}) {
			continue
		}
		r.await(ctx, mail, id)
	}
}

// await looks at an import until it has ended: 200 records, one of them failed.
func (r *soak) await(ctx context.Context, mail *sesv2.Client, id string) {
	began := time.Now()
	pace := time.NewTicker(100 * time.Millisecond)
	defer pace.Stop()
	for {
		var job *sesv2.GetImportJobOutput
		ok := r.call(ctx, "GetImportJob", func(ctx context.Context) (err error) {
			job, err = mail.GetImportJob(ctx, &sesv2.GetImportJobInput{JobId: &id})
			return err
		})
		switch {
		case ok && final(job):
			r.mu.Lock()
			defer r.mu.Unlock()
			r.calls["whole import"] = append(r.calls["whole import"], time.Since(began))
			if processed, failed := counts(job); job.JobStatus != types.JobStatusCompleted || processed != 200 || failed != 1 {
				r.failures = append(r.failures, fmt.Sprintf("import %s ended %s with %d, %d failed; want COMPLETED with 200, 1", id, job.JobStatus, processed, failed))
			}
			return
		case time.Since(began) > 2*time.Minute:
			r.mu.Lock()
			defer r.mu.Unlock()
			r.failures = append(r.failures, fmt.Sprintf("import %s did not end within %v", id, time.Since(began)))
			return
		}
		<-pace.C
	}
}

// fillDisk fills the disk for a sixth of the time, below the minimum that is kept free and
// above what single writes need.
func (r *soak) fillDisk(ctx context.Context) {
	if !wait(ctx, soakTime/2) {
		return
	}
	r.diskFull.Store(true)
	full, cancel := context.WithTimeout(ctx, soakTime/6)
	defer cancel()
	for full.Err() == nil { // again and again: files are removed meanwhile
		r.disk.Fill(24 << 20)
		wait(full, 100*time.Millisecond)
	}
	r.disk.Clear()
	wait(context.WithoutCancel(ctx), 3*time.Second) // for the server to see it
	r.diskFull.Store(false)
}

// wait reports whether the time has passed before ctx was done.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// verify reads all contacts that were acknowledged and kept.
func (r *soak) verify() {
	r.Helper()
	missing := 0
	for _, address := range r.contacts {
		_, err := r.mail.GetContact(r.Context(), &sesv2.GetContactInput{ContactListName: aws.String("soak"), EmailAddress: &address})
		var none *types.NotFoundException
		if errors.As(err, &none) {
			missing++
		} else if err != nil {
			r.Fatal(err)
		}
	}
	if missing > 0 {
		r.Errorf("%d of %d acknowledged contacts are missing", missing, len(r.contacts))
	}
	if status, text := r.get(r.T, "/readyz"); status != 200 {
		r.Errorf("/readyz afterwards: %d %s, want 200", status, text)
	}
}

func (r *soak) report() {
	r.Helper()
	var table strings.Builder
	fmt.Fprintf(&table, "\n%-18s %7s %9s %9s %9s\n", "honest call", "calls", "median", "p99", "slowest")
	var all []time.Duration
	for _, name := range []string{"CreateContact", "GetContact", "DeleteContact", "ListImportJobs", "PutObject", "CreateImportJob", "GetImportJob", "whole import"} {
		took := r.calls[name]
		if name != "whole import" {
			all = append(all, took...)
		}
		writeLine(&table, name, took)
	}
	p99 := writeLine(&table, "all calls", all)
	fmt.Fprintf(&table, "\n%-34s %9s\n", "hostile", "times")
	for _, name := range hostile {
		fmt.Fprintf(&table, "%-34s %9d\n", name, r.counts[name].Load())
		if r.counts[name].Load() == 0 {
			r.Errorf("no %s: nothing was tried", name)
		}
	}
	peak := r.peakMemory(r.T)
	fmt.Fprintf(&table, "\nhonest calls that failed %d, peak memory %d MiB\n", len(r.failures), peak>>20)
	r.Log(table.String())
	for _, f := range r.failures[:min(len(r.failures), 10)] {
		r.Errorf("an honest call failed: %s", f)
	}
	if p99 > soakP99 {
		r.Errorf("p99 of honest calls: %v, want at most %v", p99, soakP99)
	}
	if peak > soakMemory {
		r.Errorf("peak memory: %d MiB, want at most %d", peak>>20, soakMemory>>20)
	}
}

// writeLine writes how long calls took, and returns their p99.
func writeLine(table *strings.Builder, name string, took []time.Duration) (p99 time.Duration) {
	if len(took) == 0 {
		fmt.Fprintf(table, "%-18s %7d\n", name, 0)
		return 0
	}
	slices.Sort(took)
	p99 = took[(len(took)-1)*99/100]
	round := func(d time.Duration) string { return d.Round(100 * time.Microsecond).String() }
	fmt.Fprintf(table, "%-18s %7d %9s %9s %9s\n", name, len(took), round(took[len(took)/2]), round(p99), round(took[len(took)-1]))
	return p99
}
