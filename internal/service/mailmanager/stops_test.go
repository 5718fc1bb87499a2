package mailmanager

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/sluicehq/sluice/internal/api/mailmanagerapi"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/service/servicetest"
)

// unreleasing is an object store whose Release fails.
type unreleasing struct {
	Objects
	asked []string
}

func (o *unreleasing) Release(_ context.Context, holder string) error {
	o.asked = append(o.asked, holder)
	return errors.New("no answer")
}

// TestStopWithoutRelease: a stop that was done is answered as done, also when what the job
// holds cannot be released. Maintenance releases it later.
func TestStopWithoutRelease(t *testing.T) {
	t.Parallel()
	w := servicetest.NewWorld(t, limits.None)
	objects := &unreleasing{Objects: w.Files}
	f := &fixture{New(w.Store, objects, w.Links, w.Tokens, w.Options), w.Store, w.Files, w.Woken}
	id := f.running(t, f.list(t, "list"))
	if _, err := f.StopAddressListImportJob(me(t), &mailmanagerapi.StopAddressListImportJobInput{JobId: id}); err != nil {
		t.Errorf("Stop: %v, want no error", err)
	}
	if got := f.get(t, id).Status; got != mailmanagerapi.ImportJobStatusStopped || !slices.Equal(objects.asked, []string{id}) {
		t.Errorf("the job is %s and %q were to be released, want STOPPED and the job", got, objects.asked)
	}
	for h, err := range f.files.Holders(t.Context()) {
		if err != nil || h.Name != id {
			t.Errorf("held for %s, %v; want for the job, which maintenance finds", h.Name, err)
		}
	}
}
