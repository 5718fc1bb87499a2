package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// sluice runs a command of the program. Without a server the environment has the keys of
// all servers of these tests.
func sluice(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Env = append(
		os.Environ(), "SLUICE_ACCESS_KEY_ID="+accessKey, "SLUICE_SECRET_ACCESS_KEY="+secretKey,
		"AWS_ACCESS_KEY_ID="+accessKey, "AWS_SECRET_ACCESS_KEY="+secretKey,
	)
	return cmd
}

// runSluice runs a command of the program and returns what it printed.
func runSluice(t *testing.T, args ...string) string {
	t.Helper()
	var errs bytes.Buffer
	cmd := sluice(args...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("sluice %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return string(out)
}

// backupResult is what sluice backup --json prints.
type backupResult struct {
	ID     string
	Bytes  int64
	Copied int64
}

func backUp(t *testing.T, data, target string, flags ...string) (r backupResult) {
	t.Helper()
	out := runSluice(t, append([]string{"backup", target, "--data", data, "--json"}, flags...)...)
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.ID == "" {
		t.Fatalf("sluice backup printed %q: %v", out, err)
	}
	return r
}

// load writes single members and objects, one after the other, until it is stopped.
// Each step is counted when it begins and when it is acknowledged.
type load struct {
	begun, acknowledged atomic.Int64
	stop                chan struct{}
	all                 sync.WaitGroup
}

func (l *load) run(step func(i int) error) {
	l.stop = make(chan struct{})
	l.all.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-l.stop:
				return
			default:
			}
			l.begun.Store(int64(i + 1))
			if step(i) != nil {
				return // the server was killed
			}
			l.acknowledged.Store(int64(i + 1))
		}
	})
}

func (l *load) end() {
	close(l.stop)
	l.all.Wait()
}

// more waits until n more steps are acknowledged.
func (l *load) more(t *testing.T, n int64) {
	t.Helper()
	until := l.acknowledged.Load() + n
	within(t, 5*time.Minute, "more is written", func() bool { return l.acknowledged.Load() >= until })
}

// backupMoment is a backup, and how many steps there must and may be in it.
type backupMoment struct {
	id                     string
	minMembers, maxMembers int64
	minObjects, maxObjects int64
	minImported            int32
	copied, bytes          int64
}

// drill is a server under load, and the backups of it.
type drill struct {
	*testing.T
	n, bad           int
	data, target     string
	job              string
	members, objects load
}

func single(i int) string { return fmt.Sprintf("single%d@example.com", i) }

func (d *drill) start() *server {
	s := startOn(d.T, d.data, "--jobs", "1")
	mail, files := s.clients()
	makeBucket(d.T, files)
	d.job = s.importRows(d.T, "rows.csv", rows(d.n, d.bad), types.SuppressionListImportActionPut)
	d.members.run(func(i int) error {
		_, err := mail.PutSuppressedDestination(d.Context(), &sesv2.PutSuppressedDestinationInput{
			EmailAddress: aws.String(single(i)), Reason: types.SuppressionListReasonBounce,
		})
		return err
	})
	d.objects.run(func(i int) error {
		if i%3 == 2 { // every third object replaces one that is deleted
			_, err := files.DeleteObject(d.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("object/" + strconv.Itoa(i-1))})
			return err
		}
		return putObject(d.T, files, i)
	})
	return s
}

func (d *drill) backUp(s *server) backupMoment {
	d.Helper()
	m := backupMoment{minMembers: d.members.acknowledged.Load(), minObjects: d.objects.acknowledged.Load()}
	m.minImported, _ = counts(s.job(d.T, d.job, func(*sesv2.GetImportJobOutput) bool { return true }))
	r := backUp(d.T, d.data, d.target)
	m.maxMembers, m.maxObjects = d.members.begun.Load(), d.objects.begun.Load()
	m.id, m.copied, m.bytes = r.ID, r.Copied, r.Bytes
	return m
}

// TestBackupDrill imports and writes, takes two backups meanwhile, kills the server,
// wipes its directory, restores each backup, and compares every member, job, report and
// object with what was acknowledged and begun at its moment. The job then comes out as if
// nothing had happened.
func TestBackupDrill(t *testing.T) {
	t.Parallel()
	d := &drill{T: t, n: 3_000_000, bad: 1000, data: filepath.Join(t.TempDir(), "data"), target: filepath.Join(t.TempDir(), "target")}
	if testing.Short() {
		d.n = 1_500_000
	}
	if err := os.Mkdir(d.data, 0o700); err != nil {
		t.Fatal(err)
	}
	s := d.start()
	s.job(t, d.job, func(job *sesv2.GetImportJobOutput) bool {
		processed, _ := counts(job)
		return processed > 0 || final(job)
	})
	first := d.backUp(s)
	d.members.more(t, 20)
	d.objects.more(t, 20)
	second := d.backUp(s)
	d.members.more(t, 5)
	s.kill(syscall.SIGKILL)
	d.members.end()
	d.objects.end()
	for _, m := range []backupMoment{second, first} {
		if err := os.RemoveAll(d.data); err != nil {
			t.Fatal(err)
		}
		runSluice(t, "restore", d.target, "--data", d.data, "--backup", m.id)
		d.compare(m)
	}
}

// compare starts a server on a restored directory, first one that writes nothing, since
// it takes the disk for full: so the job is seen as it was at the moment of the backup.
func (d *drill) compare(m backupMoment) {
	d.Helper()
	s := startUntil(d.T, "/livez", d.data, "--min-free", "1000TiB")
	members := d.checkMembers(s, m)
	d.checkObjects(s, m)
	s.kill(syscall.SIGTERM)

	s = startOn(d.T, d.data)
	job := s.job(d.T, d.job, final)
	if processed, failed := counts(job); job.JobStatus != types.JobStatusCompleted || int(processed) != d.n || int(failed) != d.n/d.bad {
		d.Errorf("backup %s: the job ended %s with %d processed, %d failed; want COMPLETED %d, %d", m.id, job.JobStatus, processed, failed, d.n, d.n/d.bad)
	} else {
		checkReport(d.T, fetch(d.T, *job.FailureInfo.FailedRecordsS3Url), d.n, d.bad)
	}
	if got, want := len(s.members(d.T)), d.n-d.n/d.bad+members; got != want {
		d.Errorf("backup %s: %d members in the end, want %d", m.id, got, want)
	}
	s.kill(syscall.SIGTERM)
}

// checkMembers compares job and members, and returns how many single ones there are.
func (d *drill) checkMembers(s *server, m backupMoment) int {
	d.Helper()
	job := s.job(d.T, d.job, func(*sesv2.GetImportJobOutput) bool { return true })
	processed, failed := counts(job)
	if processed < m.minImported || int(failed) != int(processed)/d.bad {
		d.Errorf("backup %s: the job has %d processed, %d failed; want at least %d, and one in %d", m.id, processed, failed, m.minImported, d.bad)
	}
	got, singles := s.members(d.T), 0
	for got[single(singles)] {
		singles++
	}
	if n := int64(singles); n < m.minMembers || n > m.maxMembers {
		d.Errorf("backup %s: %d single members; %d were acknowledged before it, %d begun when it was done", m.id, n, m.minMembers, m.maxMembers)
	}
	want := singles
	for i := 1; i <= int(processed); i++ {
		if i%d.bad == 0 {
			continue
		}
		if want++; !got[fmt.Sprintf("user%d@example.com", i)] {
			d.Fatalf("backup %s: record %d of %d is counted and not a member", m.id, i, processed)
		}
	}
	if len(got) != want {
		d.Errorf("backup %s: %d members, want %d: the single ones and %d records", m.id, len(got), want, processed)
	}
	cmd := sluice("report", d.job)
	cmd.Env = append(s.env(), "SLUICE_DATA=")
	report, err := cmd.Output()
	if rejects := strings.Count(string(report), "\n") - 1; err != nil || rejects != int(failed) {
		d.Errorf("backup %s: the report has %d records, %v; want %d", m.id, rejects, err, failed)
	}
	d.Logf("backup %s: %d of %d records, %d single members, %d of %d bytes were new", m.id, processed, d.n, singles, m.copied, m.bytes)
	return singles
}

// members reads the whole suppression list.
func (s *server) members(t *testing.T) map[string]bool {
	t.Helper()
	mail, _ := s.clients()
	all := map[string]bool{}
	in := &sesv2.ListSuppressedDestinationsInput{PageSize: aws.Int32(1000)}
	for {
		page, err := mail.ListSuppressedDestinations(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.SuppressedDestinationSummaries {
			all[*m.EmailAddress] = true
		}
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			return all
		}
	}
}

// checkObjects compares the objects with those after some number of steps.
func (d *drill) checkObjects(s *server, m backupMoment) {
	d.Helper()
	_, files := s.clients()
	var got []int
	pages := s3.NewListObjectsV2Paginator(files, &s3.ListObjectsV2Input{Bucket: bucket, Prefix: aws.String("object/")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(d.Context())
		if err != nil {
			d.Fatal(err)
		}
		for _, o := range page.Contents {
			i, err := strconv.Atoi(strings.TrimPrefix(*o.Key, "object/"))
			if err != nil {
				d.Fatal(err)
			}
			got = append(got, i)
			checkObject(d.T, files, i)
		}
	}
	slices.Sort(got)
	for steps := m.minObjects; steps <= m.maxObjects; steps++ {
		if slices.Equal(got, objectsAfter(int(steps))) {
			return
		}
	}
	d.Errorf("backup %s: objects %v; want those after %d to %d steps", m.id, got, m.minObjects, m.maxObjects)
}

// objectsAfter returns the objects that there are after some steps of the load.
func objectsAfter(steps int) (all []int) {
	for i := range steps {
		if i%3 == 2 {
			all = all[:len(all)-1]
		} else {
			all = append(all, i)
		}
	}
	return all
}
