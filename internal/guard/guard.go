// Package guard turns a panic into an error.
//
// Code that reads what callers send meets bytes that nobody thought of. A panic there
// must end one job or request, not the process with everybody's. So each goroutine that
// runs on callers' bytes starts with
//
//	defer g.Recover("reader", &err)
//
// The panic is logged once, with its stack, under an id; it is counted by where it
// happened; and err becomes a *Panic, which carries the id and is an error of no fault
// kind. A caller can be shown the id, never the value: it may hold what the caller sent.
//
// A panic inside Pebble is not recovered: locks of the database may be held, and the
// process has to end before it answers anything more.
package guard

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Locations are where panics are recovered, the values of the metric's label.
func Locations() []string {
	return []string{Attempt, Claim, Reader, Prepare, Commit, Report, Heartbeat, Hash, Upload, Request, Maintenance}
}

// The places.
const (
	Attempt   = "attempt"   // an attempt at a job, outside of what follows
	Claim     = "claim"     // the engine's search for a job
	Reader    = "reader"    // source, decoder and rule
	Prepare   = "prepare"   // of a batch
	Commit    = "commit"    // of a batch
	Report    = "report"    // written at a job's end
	Heartbeat = "heartbeat" // of a job's lease
	Hash      = "hash"      // of an object that is put
	Upload    = "upload"    // of a part of an object
	Request   = "request"   // a handler

	Maintenance = "maintenance" // a duty of it
)

// Panic is a panic that was recovered.
type Panic struct {
	ID    string // of the log line that has the stack
	Where string
	Value any
}

func (p *Panic) Error() string { return fmt.Sprintf("panic in %s: %v (id %s)", p.Where, p.Value, p.ID) }

// Guard recovers, logs and counts panics. A nil Guard recovers only.
type Guard struct {
	log    *slog.Logger
	panics *prometheus.CounterVec
}

// New returns a Guard whose metric is in r; nil registers none.
func New(log *slog.Logger, r prometheus.Registerer) *Guard {
	g := &Guard{
		log: log,
		panics: promauto.With(r).NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_panics_total", Help: "Panics that were recovered, by where they happened. Each is a bug; the log has its stack.",
		}, []string{"where"}),
	}
	for _, where := range Locations() {
		g.panics.WithLabelValues(where)
	}
	return g
}

// Recover makes a panic the error *err. It is to be deferred itself.
func (g *Guard) Recover(where string, err *error) {
	thrown := recover()
	if thrown == nil {
		return
	}
	if fromPebble() {
		panic(thrown)
	}
	*err = g.Log(context.Background(), where, thrown)
}

// Log logs and counts what was recovered elsewhere, in the function that is deferred.
func (g *Guard) Log(ctx context.Context, where string, thrown any, attrs ...slog.Attr) *Panic {
	p := &Panic{ID: rand.Text()[:12], Where: where, Value: thrown}
	if g == nil {
		return p
	}
	g.panics.WithLabelValues(where).Inc()
	g.log.LogAttrs(ctx, slog.LevelError, "panic recovered", append([]slog.Attr{
		slog.String("id", p.ID), slog.String("where", where), slog.Any("panic", thrown),
		slog.String("stack", string(debug.Stack())),
	}, attrs...)...)
	return p
}

// fromPebble reports whether the panic that is being recovered began in Pebble.
func fromPebble() bool {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	panicked := false
	for {
		f, more := frames.Next()
		switch {
		case strings.HasPrefix(f.Function, "runtime."):
			panicked = panicked || f.Function == "runtime.gopanic"
		case panicked:
			return isPebble(f.Function)
		}
		if !more {
			return false
		}
	}
}

func isPebble(function string) bool {
	return strings.HasPrefix(function, "github.com/cockroachdb/pebble/")
}
