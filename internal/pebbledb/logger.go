package pebbledb

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// logger is what Pebble logs to.
type logger struct {
	name string
	log  *slog.Logger
	exit func(int)

	ended atomic.Bool // Fatalf has been called

	mu         sync.Mutex
	last       time.Time // when Errorf logged
	suppressed int       // calls of Errorf since
}

var _ pebble.Logger = (*logger)(nil)

// Infof logs what Pebble does all the time, for debugging.
func (l *logger) Infof(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("database event", slog.String("database", l.name), slog.String("event", fmt.Sprintf(format, args...)))
	}
}

// Errorf logs an error of background work. Pebble retries such work at once and for as
// long as it fails, so all but one call a second are only counted.
func (l *logger) Errorf(format string, args ...any) {
	l.mu.Lock()
	now := time.Now()
	if !l.last.IsZero() && now.Sub(l.last) < time.Second {
		l.suppressed++
		l.mu.Unlock()
		return
	}
	suppressed := l.suppressed
	l.last, l.suppressed = now, 0
	l.mu.Unlock()
	l.log.Error("database error", slog.String("database", l.name),
		slog.String("error", fmt.Sprintf(format, args...)), slog.Int("suppressed", suppressed))
}

// Fatalf ends the process. Pebble calls it when it no longer knows what is on disk, and
// continues as if nothing had happened if it returns; a panic could be recovered by the
// caller's goroutine. So it does neither.
func (l *logger) Fatalf(format string, args ...any) {
	if l.ended.CompareAndSwap(false, true) {
		l.log.Error("database cannot continue, the process exits", slog.String("database", l.name),
			slog.String("error", fmt.Sprintf(format, args...)), slog.Int("code", ExitCode))
		l.exit(ExitCode)
	}
	select {} // exit of a test returns
}
