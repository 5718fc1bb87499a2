package pgstore

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// losses logs that the connection to the database is lost, with a line a second at most:
// while a standby takes over every request and every job loses several connections.
type losses struct {
	log    *slog.Logger
	active atomic.Bool // since a loss nothing has succeeded

	mu         sync.Mutex
	began      time.Time
	logged     time.Time
	suppressed int // lines, since the last
}

const lossesEvery = time.Second

// add logs a loss, or counts it.
func (l *losses) add(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if !l.active.Swap(true) {
		l.began = now
	}
	if now.Sub(l.logged) < lossesEvery {
		l.suppressed++
		return
	}
	l.log.Warn("database connection lost", slog.Any("error", err), slog.Int("suppressed", l.suppressed))
	l.logged, l.suppressed = now, 0
}

// end is called when the database has answered.
func (l *losses) end() {
	if !l.active.Load() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if !l.active.Load() || now.Sub(l.logged) < lossesEvery {
		return // a connection or two may be old ones; the next success says so
	}
	l.active.Store(false)
	l.log.Info("database answers again",
		slog.Float64("after_seconds", now.Sub(l.began).Seconds()), slog.Int("suppressed", l.suppressed))
	l.suppressed = 0
}
