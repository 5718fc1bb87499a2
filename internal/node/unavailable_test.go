package node

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/guard"
	"github.com/sluicehq/sluice/internal/object/s3object"
)

// s3At opens an S3 with the key of the tests.
func s3At(url string) func(context.Context, *slog.Logger, *guard.Guard) (RemoteObjects, error) {
	return func(ctx context.Context, log *slog.Logger, g *guard.Guard) (RemoteObjects, error) {
		getenv := func(name string) string {
			return map[string]string{"AWS_ACCESS_KEY_ID": testKey.AccessKey, "AWS_SECRET_ACCESS_KEY": testKey.Secret}[name]
		}
		return s3object.Open(ctx, url, s3object.Options{Getenv: getenv, Logger: log, Guard: g})
	}
}

// While the object storage answers 503 for some sources, their jobs wait and show it, and
// others are done; when it answers again, they go on by themselves.
func TestObjectStorageUnavailable(t *testing.T) {
	t.Parallel()
	storage := startProcess(t, vfs.NewMem())
	to, err := url.Parse(storage.url)
	if err != nil {
		t.Fatal(err)
	}
	var away atomic.Bool
	away.Store(true)
	forward := httputil.NewSingleHostReverseProxy(to)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away.Load() && r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/files/slow") {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	m := newModel(storage.caller)
	m.setUp(t)
	p := startProcess(t, vfs.NewMem(), func(o *Options) {
		o.Objects = s3At("s3://work?endpoint=" + proxy.URL)
	})
	defer func() {
		for _, p := range []*process{p, storage} {
			if err := p.stop(); err != nil {
				t.Errorf("stop: %v", err)
			}
		}
	}()
	start := func(key string) string {
		text := strings.Repeat("a@example.com,BOUNCE\n", 60_000) // not a small source
		if status, reply := storage.call(http.MethodPut, "/files/"+key, "s3", text); status != http.StatusOK {
			t.Fatalf("put %s: %d %s", key, status, reply)
		}
		_, reply := p.call(http.MethodPost, "/v2/email/import-jobs", "ses",
			`{"ImportDestination":{"SuppressionListDestination":{"SuppressionListImportAction":"PUT"}},`+
				`"ImportDataSource":{"S3Url":"s3://files/`+key+`","DataFormat":"CSV"}}`)
		var job struct{ JobId string }
		if err := json.Unmarshal([]byte(reply), &job); err != nil || job.JobId == "" {
			t.Fatalf("import %s: %s", key, reply)
		}
		return job.JobId
	}
	// await asks for a job until it is as wanted.
	await := func(what, id string, is func(adminapi.Job) bool) {
		t.Helper()
		for deadline := time.Now().Add(90 * time.Second); ; {
			var j adminapi.Job
			status, reply := p.call(http.MethodGet, "/sluice/v1/jobs/"+id, "sluice", "")
			if err := json.Unmarshal([]byte(reply), &j); err != nil || status != http.StatusOK {
				t.Fatalf("job %s: %d %s", id, status, reply)
			}
			if is(j) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("job %s: %s\nwant it %s", id, reply, what)
			}
			time.Sleep(10 * time.Millisecond) // polls, with a bound
		}
	}
	isCompleted := func(j adminapi.Job) bool { return j.State == "completed" && j.Imported == 60_000 }
	var slow []string
	for i := range 3 {
		slow = append(slow, start(fmt.Sprintf("slow%d.csv", i)))
	}
	for _, id := range slow {
		await("waiting", id, func(j adminapi.Job) bool {
			return j.Waiting == "object storage unavailable" && j.Attempts > 0 && j.WaitingSince != nil && j.NextAttempt != nil
		})
	}
	await("completed", start("healthy.csv"), isCompleted)
	if _, text := p.get("/metrics"); !strings.Contains(text, `sluice_jobs_waiting{reason="object storage unavailable"} 3`) {
		t.Errorf("metrics lack three waiting jobs:\n%s", text)
	}
	away.Store(false)
	for _, id := range slow {
		await("completed", id, isCompleted)
	}
}
