package node

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Jobs whose sources cannot be read, because the blobs are gone, fail with a sentence and
// keep a healthy job from nothing: a dozen of them on a server with few slots.
func TestUnreadableSources(t *testing.T) {
	t.Parallel()
	const bad = 12
	fs := vfs.NewMem()
	p := startProcess(t, fs)
	defer func() {
		if err := p.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	}()
	m := newModel(p.caller)
	m.setUp(t)
	m.jobs = nil
	text := strings.Repeat("a@example.com,BOUNCE\n", 60_000) // not a small source
	put := func(key string) {
		if status, reply := p.call(http.MethodPut, "/files/"+key, "s3", text); status != http.StatusOK {
			t.Fatalf("put %s: %d %s", key, status, reply)
		}
	}
	for i := range bad {
		put(fmt.Sprintf("bad%d.csv", i))
	}
	blobs, err := fs.List("data/objects/blobs")
	if err != nil || len(blobs) < bad {
		t.Fatalf("blobs: %v, %v; want %d at least", blobs, err, bad)
	}
	for _, name := range blobs {
		if err := fs.Remove("data/objects/blobs/" + name); err != nil {
			t.Fatal(err)
		}
	}
	put("healthy.csv")
	start := func(key string) string {
		status, reply := p.call(http.MethodPost, "/v2/email/import-jobs", "ses",
			`{"ImportDestination":{"SuppressionListDestination":{"SuppressionListImportAction":"PUT"}},`+
				`"ImportDataSource":{"S3Url":"s3://files/`+key+`","DataFormat":"CSV"}}`)
		var job struct{ JobId string }
		if err := json.Unmarshal([]byte(reply), &job); err != nil || job.JobId == "" {
			t.Fatalf("import %s: %d %s", key, status, reply)
		}
		return job.JobId
	}
	var ids []string
	for i := range bad {
		ids = append(ids, start(fmt.Sprintf("bad%d.csv", i)))
	}
	ids = append(ids, start("healthy.csv"))
	for i, id := range ids {
		want, reason := "failed", "stored object is damaged at byte 0"
		if i == bad {
			want, reason = "completed", ""
		}
		var got struct {
			State, Error string
			Imported     int64
			Attempts     int
		}
		for deadline := time.Now().Add(time.Minute); ; {
			status, reply := p.call(http.MethodGet, "/sluice/v1/jobs/"+id, "sluice", "")
			got.Error = ""
			if err := json.Unmarshal([]byte(reply), &got); err != nil || status != http.StatusOK {
				t.Fatalf("job %s: %d %s", id, status, reply)
			}
			if got.State != "created" && got.State != "processing" || time.Now().After(deadline) {
				break
			}
		}
		if got.State != want || got.Error != reason || got.Attempts != 0 {
			t.Errorf("job %d: %+v; want %s, %q, at the first attempt", i, got, want, reason)
		}
	}
}
