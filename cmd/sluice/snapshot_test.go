package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/gateway/snapshots"
)

// TestHungServer: a server that falls silent ends a check or backup with a sentence,
// wherever it hangs.
func TestHungServer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		lines []any // that the server sends; nil is not even a status
		waits snapshotWaits
	}{
		{"before it answers", nil, snapshotWaits{first: 20 * time.Millisecond, heartbeat: time.Hour}},
		{"before the snapshot", []any{}, snapshotWaits{first: 20 * time.Millisecond, heartbeat: time.Hour}},
		{"with the snapshot", []any{snapshots.Snapshot{}}, snapshotWaits{first: time.Hour, heartbeat: 20 * time.Millisecond}},
		{"after heartbeats", []any{snapshots.Snapshot{}, snapshots.Event{}}, snapshotWaits{first: time.Hour, heartbeat: 20 * time.Millisecond}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				conn := http.NewResponseController(w)
				if tt.lines != nil {
					_ = conn.Flush()
				}
				for _, line := range tt.lines {
					if s, ok := line.(snapshots.Snapshot); ok {
						s.Path = dir
						line = s
					}
					_ = json.NewEncoder(w).Encode(line)
					_ = conn.Flush()
				}
				<-r.Context().Done()
			}))
			t.Cleanup(server.Close)
			if err := (endpoint{URL: server.URL}).write(dir); err != nil {
				t.Fatal(err)
			}
			env := map[string]string{"SLUICE_ACCESS_KEY_ID": "AKIDTEST", "SLUICE_SECRET_ACCESS_KEY": "secret"}
			err := withSnapshot(t.Context(), dir, func(name string) string { return env[name] }, tt.waits, func(ctx context.Context, _ snapshots.Snapshot) error {
				<-ctx.Done()
				return ctx.Err()
			})
			want := "the server at " + server.URL + " has not answered for 20ms"
			if err == nil || strings.Count(err.Error(), want) != 1 || strings.Contains(err.Error(), "cancel") {
				t.Errorf("a server that hangs %s: %v, want %q", tt.name, err, want)
			}
		})
	}
}
