package jobs

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
)

// TestDelete: a job is deleted once it has ended, and not before.
func TestDelete(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	const path = "/sluice/v1/jobs/j1"
	delete := func(when string, who job.Owner, status int, code string) {
		t.Helper()
		f.who = who
		var got adminapi.Fault
		w := f.ask(t, "DELETE", path, nil)
		if status != http.StatusNoContent {
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Errorf("reply %q: %v", w.Body, err)
			}
		}
		if w.Code != status || got.Code != code {
			t.Errorf("DELETE of a job that %s, by %s: %d %+v, want %d %s", when, who.Account, w.Code, got, status, code)
		}
	}
	delete("is not there", us, 404, "NotFound")
	f.add(t, "j1", job.SESv2)
	delete("waits", us, 409, "Conflict")
	f.work(t, 2, "")
	delete("runs", us, 409, "Conflict")
	if w := f.ask(t, "GET", path, nil); w.Code != 200 {
		t.Errorf("GET after it: %d %s, want 200", w.Code, w.Body)
	}
	f.ask(t, "POST", path+"/stop", nil)
	delete("was stopped", them, 404, "NotFound")
	delete("was stopped", us, 204, "")
	delete("is deleted", us, 404, "NotFound")
	for _, err := range f.store.Rejects(t.Context(), us, "j1") {
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("Rejects of a deleted job: %v, want NotFound", err)
		}
	}
	f.who = us
	var list struct{ Jobs []any }
	if f.ask(t, "GET", "/sluice/v1/jobs", &list); len(list.Jobs) != 0 {
		t.Errorf("%d jobs are listed, want none", len(list.Jobs))
	}
}
