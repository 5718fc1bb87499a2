package pebbledb

import (
	"log/slog"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// listener adds to l, which may be nil, what is done when Pebble meets damage while it
// serves. Pebble's own way is to end the process, which would keep a server down for one
// block that nobody may ever read; reads of the damaged part fail instead.
func listener(l *pebble.EventListener, log *logger) *pebble.EventListener {
	var met sync.Map // of paths
	own := pebble.EventListener{
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			if _, known := met.LoadOrStore(info.Path, true); known {
				return
			}
			log.log.Error("database file is damaged; what is in the damaged part cannot be read: "+
				"run sluice check, and restore a backup",
				slog.String("database", log.name), slog.String("file", info.Path), slog.Any("error", info.Details))
		},
		BackgroundError: func(err error) { log.Errorf("background work: %v", err) },
	}
	if l == nil {
		return &own
	}
	all := pebble.TeeEventListener(*l, own)
	return &all
}
