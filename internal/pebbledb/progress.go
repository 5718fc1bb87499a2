package pebbledb

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// progress is how much of the files that Pebble appends to is on disk. Each of its facts
// stays true: the MANIFEST is this one, at least this long, or a newer one; a log is at
// least this long, or everything in it is in tables.
type progress struct {
	mu       sync.Mutex
	manifest uint64 // the current one
	pending  uint64 // named by a marker that is not on disk yet; or 0
	sizes    map[uint64]int64
	logs     map[uint64]int64
	changed  chan struct{} // gets a value when there is something new; has room for one
}

func (p *progress) init() {
	p.sizes, p.logs, p.changed = map[uint64]int64{}, map[uint64]int64{}, make(chan struct{}, 1)
}

// track watches a new file that Pebble appends to, and returns other files as they are.
func (p *progress) track(name string, f vfs.File) vfs.File {
	if rest, ok := strings.CutPrefix(name, manifestMarker); ok {
		_, value, _ := strings.Cut(rest, ".")
		if number, ok := manifestNumber(value); ok {
			p.mu.Lock()
			p.pending = number
			p.mu.Unlock()
		}
		return f
	}
	if number, ok := manifestNumber(name); ok {
		return &appended{File: f, progress: p, on: p.sizes, number: number}
	}
	if number, ok := logNumber(name); ok {
		return &appended{File: f, progress: p, on: p.logs, number: number}
	}
	return f
}

// start begins with the MANIFEST of a database that is about to be opened. What was read
// of it need not be on disk: the process that wrote it may have been killed.
func (o *orderedFS) start(dir string, m *manifest) error {
	if m == nil || m.name == "" {
		return nil
	}
	f, err := o.FS.Open(o.PathJoin(dir, m.name))
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", m.name, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.progress.manifest, o.sizes[m.number] = m.number, m.end
	o.logs = map[uint64]int64{}
	return nil
}

// forget drops a file that is removed.
func (p *progress) forget(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if number, ok := manifestNumber(name); ok {
		delete(p.sizes, number)
	}
	if number, ok := logNumber(name); ok {
		delete(p.logs, number)
	}
}

// marked returns the MANIFEST that a sync of the directory will make current, or 0.
func (p *progress) marked() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pending
}

// settled makes a MANIFEST current, if one was marked.
func (p *progress) settled(manifest uint64) {
	if manifest == 0 {
		return
	}
	p.mu.Lock()
	if p.manifest < manifest {
		p.manifest = manifest
	}
	if p.pending == manifest {
		p.pending = 0
	}
	p.mu.Unlock()
	p.notify()
}

func (p *progress) notify() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// appended is a file that Pebble appends to.
type appended struct {
	vfs.File
	progress *progress
	on       map[uint64]int64
	number   uint64
	written  int64 // by one goroutine, which syncs as well
}

// Write implements vfs.File.
func (a *appended) Write(b []byte) (int, error) {
	n, err := a.File.Write(b)
	a.written += int64(n)
	return n, err
}

// Sync implements vfs.File.
func (a *appended) Sync() error { return a.synced(a.File.Sync()) }

// SyncData implements vfs.File.
func (a *appended) SyncData() error { return a.synced(a.File.SyncData()) }

func (a *appended) synced(err error) error {
	if err != nil {
		return err
	}
	p := a.progress
	p.mu.Lock()
	a.on[a.number] = a.written
	p.mu.Unlock()
	p.notify()
	return nil
}

// state is progress at one moment.
func (p *progress) state() state {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := state{Version: stateVersion, Manifest: fileState{p.manifest, p.sizes[p.manifest]}}
	for number, size := range p.logs {
		s.Logs = append(s.Logs, fileState{number, size})
	}
	slices.SortFunc(s.Logs, func(a, b fileState) int { return int(a.Number) - int(b.Number) })
	return s
}
