package node

import (
	"testing"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/sigv4"
)

func TestNotReadyWhileStopping(t *testing.T) {
	t.Parallel()
	n, err := Open(t.Context(), Options{Memory: true, Key: func() (sigv4.Credentials, error) { return sigv4.Credentials{}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if err := n.ready(t.Context()); err != nil {
		t.Errorf("ready = %v, want nil", err)
	}
	n.stopping.Store(true)
	if err := n.ready(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("ready while stopping = %v, want Unavailable", err)
	}
}
