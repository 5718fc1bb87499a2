package caller_test

import (
	"testing"

	"github.com/sluicehq/sluice/internal/caller"
)

func TestFromContext(t *testing.T) {
	t.Parallel()
	if got := caller.FromContext(t.Context()); got != (caller.Caller{}) {
		t.Errorf("FromContext without a caller: %+v, want the zero Caller", got)
	}
	want := caller.Caller{Account: "111111111111", Region: "eu-central-1", RequestID: "r-1"}
	if got := caller.FromContext(caller.NewContext(t.Context(), want)); got != want {
		t.Errorf("FromContext: %+v, want %+v", got, want)
	}
}
