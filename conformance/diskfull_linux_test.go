package conformance

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"github.com/sluicehq/sluice/internal/testenv"
)

// sluice runs a client command of the program.
func (s *server) sluice(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = s.env()
	out, _ := cmd.CombinedOutput() // what it says is looked at, and so is its failure
	return string(out)
}

// contacts writes contacts with large attributes and remembers what became of each.
type contacts struct {
	mail *sesv2.Client
	list string

	mu              sync.Mutex
	number          int
	acknowledged    map[string]bool
	refused         map[string]bool
	lastErr         error
	ofAnotherReason []string // refusals that do not say that the service is unavailable
}

func (s *server) contacts(t *testing.T) *contacts {
	t.Helper()
	mail, _ := s.clients()
	c := &contacts{mail: mail, list: "c", acknowledged: map[string]bool{}, refused: map[string]bool{}}
	if _, err := mail.CreateContactList(t.Context(), &sesv2.CreateContactListInput{ContactListName: &c.list}); err != nil {
		t.Fatal(err)
	}
	return c
}

// write creates one contact with 40 kB of attributes.
func (c *contacts) write(ctx context.Context) error {
	c.mu.Lock()
	c.number++
	address := fmt.Sprintf("contact%d@example.com", c.number)
	mail := c.mail
	c.mu.Unlock()
	_, err := mail.CreateContact(ctx, &sesv2.CreateContactInput{
		ContactListName: &c.list, EmailAddress: &address,
		AttributesData: aws.String(fmt.Sprintf(`{"text":%q}`, strings.Repeat(address+" ", 40_000/len(address)))),
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lastErr = err; err == nil {
		c.acknowledged[address] = true
		return nil
	}
	c.refused[address] = true
	if !strings.Contains(err.Error(), "ServiceUnavailable") {
		c.ofAnotherReason = append(c.ofAnotherReason, err.Error())
	}
	return err
}

// verify reads every contact: those acknowledged are there, those refused are not, in
// the listing neither.
func (c *contacts) verify(t *testing.T, moment string, refusedToo bool) {
	t.Helper()
	listed := map[string]bool{}
	in := &sesv2.ListContactsInput{ContactListName: &c.list, PageSize: aws.Int32(1000)}
	for {
		page, err := c.mail.ListContacts(t.Context(), in)
		if err != nil {
			t.Fatalf("%s: ListContacts: %v", moment, err)
		}
		for _, found := range page.Contacts {
			listed[*found.EmailAddress] = true
		}
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			break
		}
	}
	var lost, seen []string
	for address := range c.acknowledged {
		_, err := c.mail.GetContact(t.Context(), &sesv2.GetContactInput{ContactListName: &c.list, EmailAddress: &address})
		if err != nil || !listed[address] {
			lost = append(lost, address)
		}
	}
	for address := range c.refused {
		_, err := c.mail.GetContact(t.Context(), &sesv2.GetContactInput{ContactListName: &c.list, EmailAddress: &address})
		var none *types.NotFoundException
		if !errors.As(err, &none) || listed[address] {
			seen = append(seen, address)
		}
	}
	if len(lost) > 0 {
		t.Errorf("%s: %d of %d acknowledged contacts are gone, such as %s", moment, len(lost), len(c.acknowledged), lost[0])
	}
	if refusedToo && len(seen) > 0 {
		t.Errorf("%s: %d of %d refused contacts can be read, such as %s", moment, len(seen), len(c.refused), seen[0])
	}
}

// TestDiskFull fills the disk of a running server and makes room again, twice: nothing
// that was refused is seen, nothing that was acknowledged is lost, and everything goes on
// by itself.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	disk := testenv.NewSmallDisk(t, 160)
	const n, bad = 400_000, 1000
	s := startOn(t, filepath.Join(disk.Dir(), "d"), "--min-free", "16MiB")
	c := s.contacts(t)
	_, files := s.clients()
	for range 3 {
		if err := c.write(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	running := s.importRows(t, "rows.csv", rows(n, bad), types.SuppressionListImportActionPut)
	s.job(t, running, func(j *sesv2.GetImportJobOutput) bool { done, _ := counts(j); return done > 0 || final(j) })

	// Below the minimum: uploads are refused, jobs wait, single writes go on.
	disk.Fill(10 << 20)
	within(t, time.Minute, "the disk is seen to be full", func() bool { status, _ := s.get(t, "/readyz"); return status == 503 })
	if status, text := s.get(t, "/readyz"); status != 503 || !strings.HasPrefix(text, "disk: full: ") || strings.Count(text, "\n") != 1 {
		t.Errorf("/readyz below the minimum: %d %q, want 503 with the disk alone", status, text)
	}
	if status, text := s.get(t, "/livez"); status != 200 {
		t.Errorf("/livez below the minimum: %d %q, want 200", status, text)
	}
	if out := s.sluice(t, "ready"); !strings.Contains(out, "not ready: disk: full") {
		t.Errorf("sluice ready below the minimum: %q, want that it names the disk", out)
	}
	_, err := files.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("rows"), Key: aws.String("more"), Body: strings.NewReader("x")})
	if err == nil || !strings.Contains(err.Error(), "InsufficientStorage") || !strings.Contains(err.Error(), "507") {
		t.Errorf("PutObject below the minimum: %v, want 507 InsufficientStorage", err)
	}
	if err := c.write(t.Context()); err != nil {
		t.Errorf("CreateContact below the minimum: %v, want it served", err)
	}
	waiting, err := c.mail.CreateImportJob(t.Context(), &sesv2.CreateImportJobInput{
		ImportDataSource: &types.ImportDataSource{S3Url: aws.String("s3://rows/rows.csv"), DataFormat: types.DataFormatCsv},
		ImportDestination: &types.ImportDestination{SuppressionListDestination: &types.SuppressionListDestination{
			SuppressionListImportAction: types.SuppressionListImportActionPut,
		}},
	})
	if err != nil {
		t.Fatalf("CreateImportJob below the minimum: %v, want it served", err)
	}
	within(t, time.Minute, "the job is seen to wait", func() bool {
		return strings.Contains(s.sluice(t, "job", *waiting.JobId), "disk full: ") && strings.Contains(s.sluice(t, "jobs"), "waiting: disk full: ")
	})
	if _, metrics := s.get(t, "/metrics"); !strings.Contains(metrics, `sluice_disk_full{refused="uploads"} 1`) || !strings.Contains(metrics, "sluice_disk_free_bytes") {
		t.Error("/metrics does not say that the disk is full")
	}

	// No space at all: every write is refused, reads go on.
	disk.Fill(0)
	within(t, time.Minute, "writes are refused", func() bool { return c.write(t.Context()) != nil })
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 25 {
				_ = c.write(t.Context())
			}
		})
	}
	all.Wait()
	if len(c.refused) < 200 || len(c.ofAnotherReason) > 0 {
		t.Errorf("%d contacts were refused, want 200 and more; %d not as ServiceUnavailable: %.3q", len(c.refused), len(c.ofAnotherReason), c.ofAnotherReason)
	}
	disk.Fill(0) // a deletion is served while a little is free
	if _, err := files.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("rows"), Key: aws.String("rows.csv")}); err == nil || !strings.Contains(err.Error(), "507") {
		t.Errorf("DeleteObject without space: %v, want 507", err)
	}
	within(t, time.Minute, "/readyz is 503 with disk, store and objects", func() bool {
		disk.Fill(0) // a database may have deleted a file meanwhile
		status, text := s.get(t, "/readyz")
		return status == 503 && strings.Contains(text, "disk: full") && strings.Contains(text, "store: ") && strings.Contains(text, "objects: ")
	})
	c.verify(t, "while the disk is full", true)

	// There is room again.
	disk.Clear()
	within(t, time.Minute, "the server is ready again", func() bool { status, _ := s.get(t, "/readyz"); return status == 200 })
	if err := c.write(t.Context()); err != nil {
		t.Errorf("CreateContact with space again: %v", err)
	}
	for _, id := range []string{running, *waiting.JobId} {
		job := s.job(t, id, final)
		if processed, failed := counts(job); job.JobStatus != types.JobStatusCompleted || int(processed) != n || int(failed) != n/bad {
			t.Errorf("job %s ended %s with %d processed, %d failed; want COMPLETED %d, %d", id, job.JobStatus, processed, failed, n, n/bad)
		}
		checkReport(t, fetch(t, *job.FailureInfo.FailedRecordsS3Url), n, bad)
	}
	if got, want := s.suppressed(t), n-n/bad; got != want {
		t.Errorf("%d addresses are suppressed, want %d", got, want)
	}
	c.verify(t, "with space again", true)
	if err := s.kill(syscall.SIGTERM); err != nil {
		t.Errorf("after SIGTERM the server ended with %v, want exit code 0", err)
	}
	if n := strings.Count(s.log.String(), "disk full: "); n > 6 {
		t.Errorf("%d lines of the log are about the disk, want one for each change", n)
	}
	s = startOn(t, s.Data, "--min-free", "16MiB")
	c.mail, _ = s.clients()
	c.verify(t, "after a restart", true)
}

// TestDiskFullWithoutMinimum lets the storage engine meet a full disk: the process ends
// with the exit code for that, and the next start has what was acknowledged.
func TestDiskFullWithoutMinimum(t *testing.T) {
	t.Parallel()
	disk := testenv.NewSmallDisk(t, 64)
	s := startOn(t, filepath.Join(disk.Dir(), "d"), "--min-free", "0")
	c := s.contacts(t)
	for range 10 {
		if err := c.write(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	disk.Fill(0)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for c.write(ctx) == nil {
			}
		})
	}
	err := <-s.exited
	s.exited <- err
	cancel()
	all.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 70 {
		t.Errorf("on a full disk the server ended with %v, want exit code 70", err)
	}
	if n := strings.Count(s.log.String(), "level=ERROR"); n != 1 || strings.Contains(s.log.String(), "goroutine") {
		t.Errorf("the log has %d lines at ERROR, want one that says why it ended, and no stack", n)
	}
	disk.Clear()
	s = startOn(t, s.Data, "--min-free", "0")
	c.mail, _ = s.clients()
	c.verify(t, "after the restart", false) // what was not answered may be there
	if err := c.write(t.Context()); err != nil {
		t.Errorf("CreateContact after the restart: %v", err)
	}
}
