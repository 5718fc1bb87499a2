package node

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
)

// TestReadinessNamesEachPart: what is wrong with a part is said, unless it is an error
// of ours; that one is logged, once.
func TestReadinessNamesEachPart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := newReadiness(slog.New(slog.NewTextHandler(&log, nil)))
		var broken atomic.Bool
		r.add("disk", func(context.Context) error {
			if broken.Load() {
				return fault.New(fault.StorageFull, "full: 1 MiB free, 72 MiB needed")
			}
			return nil
		})
		r.add("store", func(context.Context) error { return nil })
		r.add("objects", func(context.Context) error {
			if broken.Load() {
				return errors.New("write blob: input/output error")
			}
			return nil
		})
		for _, c := range []struct {
			broken bool
			want   string
		}{
			{false, ""},
			{true, "disk: full: 1 MiB free, 72 MiB needed\nobjects: does not work; the server's log says why"},
			{true, "disk: full: 1 MiB free, 72 MiB needed\nobjects: does not work; the server's log says why"},
			{false, ""},
		} {
			broken.Store(c.broken)
			time.Sleep(time.Second)
			err := r.check(t.Context())
			if c.want == "" && err != nil || c.want != "" && (!fault.Is(err, fault.Unavailable) || err.Error() != c.want) {
				t.Errorf("check with parts broken %t = %v, want %q", c.broken, err, c.want)
			}
		}
		if n := strings.Count(log.String(), "not ready"); n != 1 || !strings.Contains(log.String(), "input/output error") || strings.Count(log.String(), "\n") != 2 {
			t.Errorf("log, want one line when it broke, with the error, and one when it works again:\n%s", &log)
		}
	})
}

// TestProbesShareOneTest: many probes of a part that hangs are answered in bounded
// time, and do not start a test each.
func TestProbesShareOneTest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newReadiness(slog.New(slog.DiscardHandler))
		var begun atomic.Int64
		hangs := make(chan struct{})
		r.add("store", func(context.Context) error {
			begun.Add(1)
			<-hangs
			return nil
		})
		r.add("objects", func(context.Context) error { return nil })
		start := time.Now()
		for range 3 {
			var probes sync.WaitGroup
			for range 100 {
				probes.Go(func() {
					want := "store: no answer within 2s"
					if err := r.check(t.Context()); err == nil || err.Error() != want {
						t.Errorf("check while the store hangs = %v, want %q", err, want)
					}
				})
			}
			probes.Wait()
		}
		if took := time.Since(start); took != 3*testWithin || begun.Load() != 1 {
			t.Errorf("300 probes, 100 at a time, began %d tests in %v; want 1 in %v", begun.Load(), took, 3*testWithin)
		}
		close(hangs)
		synctest.Wait()
		time.Sleep(time.Second)
		hangs = make(chan struct{})
		close(hangs)
		if err := r.check(t.Context()); err != nil || begun.Load() != 2 {
			t.Errorf("check after the store has answered = %v with %d tests, want nil with a new one", err, begun.Load())
		}
	})
}
