// Package diskspace watches the free space of the file system that the data directory
// is on, and refuses writes before the disk is full.
//
// In comes a function that reads free and total bytes; out go answers to four
// questions, by two levels and a reserve:
//
//	free space
//	   |  everything is served
//	   +- minimum ----- Options.MinFree; by default 2 % of the file system, 64 MiB to 1 GiB
//	   |  uploads are refused, jobs wait (Reason says why); single writes are served
//	   +- hard floor -- a quarter of the minimum
//	   |  every write is refused, but for deletions that make room; reads are served
//	   +- reserve ----- half of the hard floor
//	   |  deletions are refused too
//	   +- 0
//
// What is kept back is for the storage engine: its log and its merging of files need
// space of their own, and it ends the process when its log cannot be written.
//
// The level changes for the worse at once and for the better when there is an eighth
// more than the limit, so that it does not alternate at the limit. Nothing has to be
// done for that: free space is read once a second by Run, and by any call that finds the
// last reading older than maxAge.
//
// An upload reserves what it has announced, see Reserve: many uploads that start at the
// same time are together not granted more than there is.
package diskspace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicehq/sluice/internal/fault"
)

// Usage reads the bytes that are free for us on a file system, and its size.
type Usage func() (free, total uint64, err error)

// Options of a Watcher; the zero value works.
type Options struct {
	MinFree  uint64                // the minimum of free bytes; 0 is DefaultMinFree of the file system's size
	Logger   *slog.Logger          // logs each change of level; nil logs nothing
	Registry prometheus.Registerer // of the metrics; nil registers nothing
	Now      func() time.Time      // nil is time.Now
}

const (
	pollEvery = time.Second
	// maxAge is how old a reading may be that a write is decided by. To read free space
	// costs a microsecond, to write a hundred MiB takes longer than this.
	maxAge = 20 * time.Millisecond
)

// DefaultMinFree is 2 % of a file system, at least 64 MiB and at most 1 GiB.
func DefaultMinFree(total uint64) uint64 { return min(max(total/50, 64<<20), 1<<30) }

// level is how short of space the file system is.
type level int

const (
	enough level = iota
	low          // below the minimum
	none         // below the hard floor
)

// Watcher answers whether there is space. A nil Watcher has no limits. Its methods may
// be called by many goroutines at a time.
type Watcher struct {
	usage Usage
	o     Options

	mu       sync.Mutex
	reading  bool // a call to usage is on its way
	at       time.Time
	free     uint64
	min      uint64
	level    level
	failing  bool   // usage returned an error
	reserved uint64 // bytes that uploads have announced and not yet written
	written  uint64 // bytes of reservations that were written since the reading
	uploads  map[*Reservation]bool
}

// New returns a Watcher and reads free space for the first time.
func New(usage Usage, o Options) *Watcher {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	w := &Watcher{usage: usage, o: o, uploads: map[*Reservation]bool{}}
	w.read()
	if o.Registry != nil {
		w.register(o.Registry)
	}
	return w
}

// Run reads free space once a second until ctx is done, so that what waits for space
// goes on when there is some.
func (w *Watcher) Run(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			w.read()
		}
	}
}

// Write returns nil if a write may be made, and fault.StorageFull below the hard floor.
func (w *Watcher) Write() error {
	if w == nil {
		return nil
	}
	w.refresh()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.level < none {
		return nil
	}
	return fault.New(fault.StorageFull, "the disk of the server is full: nothing can be written until space is free")
}

// Delete returns nil if something may be written that makes room at once, and
// fault.StorageFull if there is not even space for that.
func (w *Watcher) Delete() error {
	if w == nil {
		return nil
	}
	w.refresh()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.level < none || w.free >= hardFloor(w.min)/2 {
		return nil
	}
	return fault.New(fault.StorageFull, "the disk of the server is full: nothing can be deleted until space is free")
}

// Upload returns nil if there is space for size bytes, -1 if that is not known, and
// fault.StorageFull if there is not. It reserves nothing.
func (w *Watcher) Upload(size int64) error {
	if w == nil {
		return nil
	}
	w.refresh()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fits(uint64(max(size, 0)), w.free)
}

// Reason returns why uploads are refused and jobs wait; empty if they do not.
func (w *Watcher) Reason() string {
	if w == nil {
		return ""
	}
	w.refresh()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reason()
}

func (w *Watcher) reason() string {
	if w.level == enough {
		return ""
	}
	return fmt.Sprintf("disk full: %s free, %s needed (--min-free)", mebibytes(w.free), mebibytes(resumeThreshold(w.min)))
}

// mebibytes rounds down below and is exact enough for people.
func mebibytes(n uint64) string { return fmt.Sprintf("%d MiB", n>>20) }

// fits reports as an error whether size bytes are more than free leaves above the
// minimum.
func (w *Watcher) fits(size, free uint64) error {
	switch {
	case w.level > enough || free < w.min:
		return fault.New(fault.StorageFull, "the disk of the server is full: uploads are refused until space is free")
	case size > free-w.min:
		return fault.New(fault.StorageFull, "the upload has %d bytes, and the disk of the server has room for %d", size, free-w.min)
	}
	return nil
}

// refresh reads free space if the last reading is too old. It does not wait for a
// reading that somebody else has begun.
func (w *Watcher) refresh() {
	w.mu.Lock()
	old := !w.reading && w.o.Now().Sub(w.at) >= maxAge
	w.mu.Unlock()
	if old {
		w.read()
	}
}

// read reads free space and sets the level.
func (w *Watcher) read() {
	w.mu.Lock()
	if w.reading {
		w.mu.Unlock()
		return
	}
	w.reading = true
	before := w.written
	w.mu.Unlock()

	free, total, err := w.usage() // without the lock: a dead disk may not answer

	w.mu.Lock()
	defer w.mu.Unlock()
	w.reading, w.at = false, w.o.Now()
	if err != nil {
		if !w.failing {
			w.o.Logger.Warn("free space of the disk is not known", slog.Any("error", err))
		}
		w.failing = true
		return
	}
	w.failing = false
	w.free, w.min = free, w.o.MinFree
	if w.min == 0 {
		w.min = DefaultMinFree(total)
	}
	w.written -= before // what was written meanwhile may or may not be in the reading
	w.change(levelOf(free, w.min, w.level))
}

// levelOf is the next level at so many free bytes.
func levelOf(free, minimum uint64, was level) level {
	floor := hardFloor(minimum)
	switch {
	case free < floor || was == none && free < resumeThreshold(floor):
		return none
	case free < minimum || was > enough && free < resumeThreshold(minimum):
		return low
	}
	return enough
}

func hardFloor(minimum uint64) uint64 { return minimum / 4 }

// resumeThreshold is how much must be free for the level to become better again.
func resumeThreshold(limit uint64) uint64 { return limit + limit/8 }

func (w *Watcher) change(to level) {
	was := w.level
	w.level = to
	if to == was {
		return
	}
	attrs := []slog.Attr{
		slog.Uint64("free", w.free), slog.Uint64("minimum", w.min), slog.Uint64("hard_floor", hardFloor(w.min)),
	}
	log := func(l slog.Level, text string) { w.o.Logger.LogAttrs(context.Background(), l, text, attrs...) }
	switch to {
	case none:
		log(slog.LevelError, "disk full: all writes refused")
	case low:
		log(slog.LevelError, "disk full: uploads refused, jobs wait")
	case enough:
		log(slog.LevelInfo, "disk has free space again: uploads and jobs go on")
	}
}

// register makes the metrics of the watcher.
func (w *Watcher) register(r prometheus.Registerer) {
	gauge := func(o prometheus.GaugeOpts, read func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(o, func() float64 {
			w.mu.Lock()
			defer w.mu.Unlock()
			return read()
		}))
	}
	gauge(prometheus.GaugeOpts{
		Name: "sluice_disk_free_bytes", Help: "Free bytes of the file system of the data directory.",
	}, func() float64 { return float64(w.free) })
	for what, from := range map[string]level{"uploads": low, "writes": none} {
		gauge(prometheus.GaugeOpts{
			Name: "sluice_disk_full", Help: "1 while something is refused because the disk is full: uploads (jobs wait then), or all writes.",
			ConstLabels: prometheus.Labels{"refused": what},
		}, func() float64 {
			if w.level >= from {
				return 1
			}
			return 0
		})
	}
}

// ToFault makes an error of the operating system that says that the disk is full a
// fault.StorageFull, and returns any other as it is.
func ToFault(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", fault.New(fault.StorageFull, "the disk of the server is full"), err)
	}
	return err
}
