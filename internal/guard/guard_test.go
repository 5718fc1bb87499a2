package guard

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func parse(g *Guard, b []byte) (err error) {
	defer g.Recover(Reader, &err)
	_ = b[4]
	return nil
}

func TestRecover(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	g := New(slog.New(slog.NewTextHandler(&log, nil)), registry)
	if err := parse(g, make([]byte, 5)); err != nil {
		t.Errorf("without a panic: %v, want no error", err)
	}
	if log.Len() > 0 {
		t.Errorf("log without a panic:\n%s", &log)
	}
	err := parse(g, nil)
	var p *Panic
	if !errors.As(err, &p) || p.Where != Reader || p.ID == "" {
		t.Fatalf("parse = %v, want a panic in the reader with an id", err)
	}
	for _, want := range []string{"id=" + p.ID, "where=reader", "index out of range", "guard.parse"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log lacks %q:\n%s", want, &log)
		}
	}
	families, err := registry.Gather()
	if err != nil || len(families) != 1 || len(families[0].GetMetric()) != len(Locations()) {
		t.Fatalf("metrics %v, %v; want all %d label values from the start", families, err, len(Locations()))
	}
	for _, m := range families[0].GetMetric() {
		want := 0.0
		if m.GetLabel()[0].GetValue() == Reader {
			want = 1
		}
		if got := m.GetCounter().GetValue(); got != want {
			t.Errorf("counted %v panics in %s, want %v", got, m.GetLabel()[0].GetValue(), want)
		}
	}
}

func TestNilGuardRecovers(t *testing.T) {
	t.Parallel()
	if err := parse(nil, nil); err == nil {
		t.Error("no error, want one")
	}
}

func TestPanicsOfPebbleAreNotRecovered(t *testing.T) {
	t.Parallel()
	for function, want := range map[string]bool{
		"github.com/cockroachdb/pebble/v2.(*commitPipeline).prepare":             true,
		"github.com/cockroachdb/pebble/v2/sstable.(*RawWriter).Set":              true,
		"github.com/sluicehq/sluice/internal/store/pebblestore.(*Store).Prepare": false,
		"github.com/sluicehq/sluice/internal/record.(*Decoder).Records.func1":    false,
	} {
		if got := isPebble(function); got != want {
			t.Errorf("isPebble(%s) = %v, want %v", function, got, want)
		}
	}
}
