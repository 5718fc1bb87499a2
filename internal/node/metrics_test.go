package node

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/sigv4"
	"github.com/sluicehq/sluice/internal/store"
)

// TestJobMetrics: the metrics of jobs are those of the store, and a job that ends is
// counted once, however it ended.
func TestJobMetrics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n, err := Open(t.Context(), Options{Memory: true, Key: func() (sigv4.Credentials, error) { return sigv4.Credentials{}, nil }})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := n.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}()
		owner := job.Owner{Account: "111111111111", Region: "us-east-1"}
		for _, id := range []job.ID{"waits", "runs", "stopped", "not ready"} {
			_, err := n.counted.CreateJob(t.Context(), job.Job{
				ID: id, Owner: owner, Wire: job.SESv2, State: job.Created, Ready: id != "not ready", Created: time.Now(),
				Destination: job.Destination{Kind: destination.Suppression, List: "suppression", Action: destination.Put},
				Source:      job.Source{Bucket: "b", Key: "k.csv", Format: record.CSV},
			}, store.Once{}, 0)
			if err != nil {
				t.Fatal(err)
			}
		}
		want := func(lines ...string) {
			t.Helper()
			time.Sleep(2 * countEvery)
			shown := scrape(n.registry)
			for _, line := range lines {
				if !strings.Contains(shown, "\n"+line+"\n") {
					t.Errorf("/metrics lacks %s:\n%s", line, shown)
				}
			}
		}
		want(`sluice_jobs{state="created"} 4`, `sluice_jobs{state="processing"} 0`, "sluice_oldest_waiting_job_seconds 2",
			`sluice_jobs_finished_total{state="completed"} 0`, `sluice_jobs_finished_total{state="failed"} 0`, `sluice_jobs_finished_total{state="stopped"} 0`)

		stop := func(id job.ID) error {
			_, err := n.counted.ChangeJob(t.Context(), owner, id, func(j *job.Job) error { return j.Become(job.Stopped, time.Now()) })
			return err
		}
		if err := stop("stopped"); err != nil {
			t.Fatal(err)
		}
		if err := stop("stopped"); err == nil {
			t.Error("a job was stopped twice")
		}
		var leases []job.Lease
		for range 2 {
			j, ok, err := n.counted.Claim(t.Context(), store.Wanted{Holder: "h", Lease: time.Hour})
			if err != nil || !ok {
				t.Fatalf("claim: %t, %v", ok, err)
			}
			if _, err := n.counted.Begin(t.Context(), j.Lease, j.Source); err != nil {
				t.Fatal(err)
			}
			leases = append(leases, j.Lease)
		}
		want(`sluice_jobs_waiting{reason="disk full"} 0`)
		if _, err := n.counted.Finish(t.Context(), leases[0], store.Outcome{State: job.Failed}); err != nil {
			t.Fatal(err)
		}
		if err := n.counted.Postpone(t.Context(), leases[1], store.Pause{Reason: job.DiskFull, For: time.Hour}); err != nil {
			t.Fatal(err)
		}
		if _, err := n.counted.Finish(t.Context(), leases[0], store.Outcome{State: job.Failed}); err == nil {
			t.Error("a job was finished twice")
		}
		want(`sluice_jobs{state="created"} 1`, `sluice_jobs{state="processing"} 1`, "sluice_oldest_waiting_job_seconds 0", `sluice_jobs_waiting{reason="disk full"} 1`,
			`sluice_jobs_finished_total{state="completed"} 0`, `sluice_jobs_finished_total{state="failed"} 1`, `sluice_jobs_finished_total{state="stopped"} 1`)
	})
}

// TestScrapesShareAMeasurement: what hangs keeps no scrape, is not measured twice at a time,
// and what fails is not shown.
func TestScrapesShareAMeasurement(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var begun int
		result := make(chan error)
		s := sampler[int64]{every: time.Minute, measure: func(context.Context) (int64, error) {
			begun++
			return 7, <-result
		}}
		for range 5 {
			began := time.Now()
			if _, ok := s.get(); ok || time.Since(began) != sampleWait {
				t.Errorf("get of what hangs: known %t after %v, want not known after %v", ok, time.Since(began), sampleWait)
			}
		}
		result <- nil
		synctest.Wait()
		if v, ok := s.get(); !ok || v != 7 || begun != 1 {
			t.Errorf("get = %d, %t after %d measurements, want 7 after one", v, ok, begun)
		}
		time.Sleep(time.Minute)
		go func() { result <- errors.New("away") }()
		if _, ok := s.get(); ok || begun != 2 {
			t.Errorf("get after a failure: known %t after %d measurements, want not known after two", ok, begun)
		}
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
}

// TestEveryMetricIsDocumented: the operators' page has each metric of a server.
func TestEveryMetricIsDocumented(t *testing.T) {
	t.Parallel()
	n, err := Open(t.Context(), Options{Dir: t.TempDir(), MinFree: 1, Key: func() (sigv4.Credentials, error) { return sigv4.Credentials{}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	families, err := n.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		name := f.GetName()
		if strings.HasPrefix(name, "sluice_") && !strings.Contains(string(page), "`"+name+"`") && !strings.Contains(string(page), "`"+name+"{") {
			t.Errorf("docs/operating.md lacks %s: %s", name, f.GetHelp())
		}
	}
}

// scrape returns what /metrics shows.
func scrape(r *prometheus.Registry) string {
	w := httptest.NewRecorder()
	promhttp.HandlerFor(r, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}
