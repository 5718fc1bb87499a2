package conformance

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// TestTurnsWithinStretches: four jobs whose small sources unpack to some 900 MiB between two
// records have every worker. A job that comes after them is done before most of them, and
// what they have read moves until it is the whole text.
func TestTurnsWithinStretches(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("3.6 GB of blank lines")
	}
	const part, parts = 9 << 20, 100
	first, last := "first@example.com,BOUNCE\n", "last@example.com,BOUNCE\n"
	source := zipped(t, first) + strings.Repeat(zipped(t, strings.Repeat(" \n", part/2)), parts) + zipped(t, last)
	size := int64(len(first) + part*parts + len(last))
	if len(source) > 1<<20 {
		t.Fatalf("the source has %d bytes, want one that every worker takes", len(source))
	}
	s := start(t, "--jobs", "1")
	mail, _ := s.clients()
	ids := []string{s.importRows(t, "stretch.csv.gz", source, types.SuppressionListImportActionPut)}
	for range 3 {
		ids = append(ids, s.startImport(t, mail, "s3://rows/stretch.csv.gz", types.SuppressionListImportActionPut))
	}
	began := time.Now()
	healthy := s.importRows(t, "healthy.csv", "healthy@example.com,BOUNCE\n", types.SuppressionListImportActionPut)
	s.job(t, healthy, final)
	t.Logf("the job behind them was done after %v", time.Since(began))
	waiting, moved := 0, map[string]int64{}
	for _, id := range ids {
		if state, at := s.bytesRead(t, id); state != "completed" {
			waiting++
			moved[id] = at
		}
	}
	if waiting < 2 {
		t.Errorf("%d of 4 jobs are unfinished when the one behind them is done, want 2 or more", waiting)
	}
	within(t, 2*time.Minute, "what the jobs have read moves within the stretch", func() bool {
		for id, was := range moved {
			if _, at := s.bytesRead(t, id); at > was && at > int64(len(first)) && at < size {
				return true
			}
		}
		return false
	})
	for _, id := range ids {
		job := s.job(t, id, final)
		if processed, failed := counts(job); job.JobStatus != types.JobStatusCompleted || processed != 2 || failed != 0 {
			t.Errorf("the job ended %s with %d processed, %d failed; want COMPLETED, 2, 0", job.JobStatus, processed, failed)
		}
		if _, at := s.bytesRead(t, id); at != size {
			t.Errorf("the job has read %d bytes, want %d", at, size)
		}
	}
	t.Logf("all were done after %v", time.Since(began))
}

// bytesRead returns a job's state and how far it was read, as the client prints them.
func (s *server) bytesRead(t *testing.T, id string) (state string, n int64) {
	t.Helper()
	var job struct {
		State     string `json:"state"`
		BytesRead int64  `json:"bytesRead"`
	}
	if err := json.Unmarshal([]byte(s.client(t, t.TempDir(), binary, "job", id, "--json")), &job); err != nil {
		t.Fatal(err)
	}
	return job.State, job.BytesRead
}
