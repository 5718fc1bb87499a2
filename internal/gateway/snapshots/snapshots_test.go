package snapshots

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/fault"
)

// served is a handler whose snapshots are only counted.
func served(t *testing.T, o Options) (url string, released <-chan struct{}) {
	t.Helper()
	ended := make(chan struct{}, 1)
	o.Heartbeat = time.Millisecond
	o.Take = func(context.Context) (Snapshot, func(), error) {
		return Snapshot{Path: "/data/snapshots/1"}, func() { ended <- struct{}{} }, nil
	}
	server := httptest.NewServer(New(o))
	t.Cleanup(server.Close)
	return server.URL, ended
}

func post(t *testing.T, ctx context.Context, url string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func TestSnapshotLivesAsLongAsTheConnection(t *testing.T) {
	t.Parallel()
	url, released := served(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	lines := json.NewDecoder(post(t, ctx, url).Body)
	var s Snapshot
	if err := lines.Decode(&s); err != nil || s.Path != "/data/snapshots/1" {
		t.Fatalf("first line: %+v, %v", s, err)
	}
	for range 3 {
		var e Event
		if err := lines.Decode(&e); err != nil || e.Error != "" {
			t.Fatalf("heartbeat: %+v, %v", e, err)
		}
	}
	select {
	case <-released:
		t.Fatal("the snapshot was released while the caller was connected")
	default:
	}
	cancel()
	<-released
}

func TestStoppingServerEndsSnapshot(t *testing.T) {
	t.Parallel()
	stopping := make(chan struct{})
	url, released := served(t, Options{Stopping: stopping})
	lines := json.NewDecoder(post(t, t.Context(), url).Body)
	var s Snapshot
	if err := lines.Decode(&s); err != nil {
		t.Fatal(err)
	}
	close(stopping)
	var e Event
	for e.Error == "" {
		if err := lines.Decode(&e); err != nil {
			t.Fatalf("the stream ended without a reason: %v", err)
		}
	}
	<-released
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	h := New(Options{Take: func(context.Context) (Snapshot, func(), error) {
		return Snapshot{}, nil, fault.New(fault.Conflict, "there is a snapshot already")
	}})
	for method, want := range map[string]int{http.MethodPost: http.StatusConflict, http.MethodGet: http.StatusNotFound} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, Path, nil))
		var f adminapi.Fault
		if err := json.Unmarshal(w.Body.Bytes(), &f); err != nil || w.Code != want || f.Code == "" {
			t.Errorf("%s: %d %s, want %d and a fault", method, w.Code, w.Body, want)
		}
	}
}
