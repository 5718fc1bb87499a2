package main

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/sluicehq/sluice/internal/gateway"
)

// reloader reads the settings again when SIGHUP comes: the log level, and the
// certificate's files. All other settings are for the next start.
type reloader struct {
	line    map[string]string // what the command line set
	values  map[string]string // of all settings at the start
	level   *slog.LevelVar
	cert    *gateway.Certificate // nil without TLS
	log     *slog.Logger
	getenv  func(string) string
	signals chan os.Signal
}

// commandLine returns the flags that the command line has set.
func commandLine(f *pflag.FlagSet) map[string]string {
	line := map[string]string{}
	f.Visit(func(flag *pflag.Flag) {
		line[flag.Name] = flag.Value.String()
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			line[flag.Name] = strings.Join(list.GetSlice(), ",")
		}
	})
	return line
}

// catch takes SIGHUP from now on, so that it no longer ends the process.
func (r *reloader) catch() {
	r.signals = make(chan os.Signal, 1)
	signal.Notify(r.signals, syscall.SIGHUP)
}

// run reloads whenever SIGHUP comes, until ctx is done.
func (r *reloader) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.signals:
			r.reload()
		}
	}
}

func (r *reloader) reload() {
	if r.cert != nil {
		r.cert.Reload()
	}
	next, values, err := r.read()
	if err != nil {
		r.log.Warn("settings not reloaded", slog.Any("error", err))
		return
	}
	r.level.Set(next.level())
	attrs := []any{slog.String("log_level", next.logLevel)}
	if later := changed(values, r.values); len(later) > 0 {
		attrs = append(attrs, slog.String("after_restart", strings.Join(later, ", ")))
	}
	r.log.Info("settings reloaded", attrs...)
}

// read settles the settings as the start did. It also returns their values as text.
func (r *reloader) read() (config, map[string]string, error) {
	var next config
	f := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	next.flags(f)
	for name, value := range r.line {
		if f.Lookup(name) == nil {
			continue // of the root command
		}
		if err := f.Set(name, value); err != nil {
			return next, nil, err
		}
	}
	if err := loadSettings(f, r.getenv); err != nil {
		return next, nil, err
	}
	if err := next.check(r.getenv); err != nil {
		return next, nil, err
	}
	return next, valuesOf(f), nil
}

// valuesOf returns the values of all flags as text.
func valuesOf(f *pflag.FlagSet) map[string]string {
	values := map[string]string{}
	f.VisitAll(func(flag *pflag.Flag) { values[flag.Name] = flag.Value.String() })
	return values
}

// changed names the settings that differ, but for the one that a reload applies.
func changed(a, b map[string]string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if a[name] != b[name] && name != "log-level" {
			names = append(names, name)
		}
	}
	return names
}
