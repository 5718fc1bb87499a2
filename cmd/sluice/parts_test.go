package main

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
)

func TestNotReadyWhileStopping(t *testing.T) {
	t.Parallel()
	s, err := pebblestore.Open("store", pebblestore.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p := &parts{store: s}
	if err := p.ready(t.Context()); err != nil {
		t.Errorf("ready = %v, want nil", err)
	}
	p.stopping.Store(true)
	if err := p.ready(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("ready while stopping = %v, want Unavailable", err)
	}
}
