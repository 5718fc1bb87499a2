package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// memoryLimit is a control group that limits the memory of processes.
type memoryLimit struct{ dir, peakFile string }

// newMemoryLimit makes a control group of version 2 or 1. Where that is not permitted the test
// is skipped.
func newMemoryLimit(t *testing.T, bytes int64) *memoryLimit {
	t.Helper()
	for _, v := range []struct{ root, controllers, limit, peak string }{
		{"/sys/fs/cgroup", "cgroup.controllers", "memory.max", "memory.peak"},
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.limit_in_bytes", "memory.max_usage_in_bytes"},
	} {
		if _, err := os.Stat(filepath.Join(v.root, v.controllers)); err != nil {
			continue
		}
		dir, err := os.MkdirTemp(v.root, "sluice-test-")
		if err != nil {
			continue
		}
		t.Cleanup(func() { _ = os.Remove(dir) }) // after the processes in it have ended
		if os.WriteFile(filepath.Join(dir, v.limit), []byte(strconv.FormatInt(bytes, 10)), 0) == nil {
			return &memoryLimit{dir, filepath.Join(dir, v.peak)}
		}
	}
	t.Skip("a limit on memory is not tested: control groups cannot be made here")
	return nil
}

// add puts a process into the group.
func (m *memoryLimit) add(t *testing.T, pid int) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
		t.Fatal(err)
	}
}

// peak returns the most memory that the group has had, with the pages of files that it read
// and wrote; empty if the system does not tell.
func (m *memoryLimit) peak(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(m.peakFile)
	n, parseErr := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || parseErr != nil {
		return "unknown"
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// TestFaultsIn512MiB: a server that must not have more than 512 MiB of memory survives four jobs
// of 300 rejections of 1 MiB, and beside them callers without the secret who hold back the
// end of their bodies.
func TestFaultsIn512MiB(t *testing.T) {
	if os.Getenv("SLUICE_FAULTS") == "" {
		t.Skip("1.2 GB of reports: run make test-faults")
	}
	const jobs, records, connections, length = 4, 300, 60, 1 << 20
	limit := newMemoryLimit(t, 512<<20)
	s := start(t)
	limit.add(t, s.cmd.Process.Pid)
	source := zipped(t, longRows(records))
	var ids []string
	for i := range jobs {
		ids = append(ids, s.importRows(t, fmt.Sprintf("long%d.csv.gz", i), source, types.SuppressionListImportActionPut))
	}
	head := s.wrongSecret(t, length)
	var callers sync.WaitGroup
	for range connections {
		callers.Go(func() { s.send(t, head, length-1) })
	}
	for _, id := range ids {
		job := s.job(t, id, final)
		if processed, failed := counts(job); job.JobStatus != types.JobStatusCompleted || processed != records || failed != records {
			t.Errorf("the job ended %s with %d processed, %d failed; want COMPLETED, %d, %d", job.JobStatus, processed, failed, records, records)
		}
	}
	callers.Wait()
	select {
	case err := <-s.exited:
		s.exited <- err
		t.Fatalf("the server ended: %v", err)
	default:
	}
	t.Logf("%d jobs of %d rejections of 1 MiB and %d bodies of 1 MiB without the secret in 512 MiB: peak resident memory %d MiB, of the control group %s",
		jobs, records, connections, s.peakMemory(t)>>20, limit.peak(t))
}
