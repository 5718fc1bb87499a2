package engine

import (
	"context"
	"sync"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
)

const (
	// patience is how long a source may be silent or slow while another job waits.
	patience = 2 * time.Second
	// longPatience is patience with those that are tried again, see patientRetries.
	longPatience = 30 * time.Second
	// turnPatience is patience with the source of a retry that has the turn. It has sent its
	// first bytes by then, and up to 63 others wait.
	turnPatience = patience / 4
	// slowest is how many bytes a second a source sends that is not slow.
	slowest = 1 << 10
)

// Errors of attempts that end because their source keeps another job waiting.
var (
	errSourceSilent = fromObjects(fault.New(fault.Unavailable, "the object storage has not answered yet, and other jobs are waiting"))
	errSourceSlow   = fromObjects(fault.New(fault.Unavailable, "the object storage sends less than 1 KiB a second, and other jobs are waiting"))
	errTurnTaken    = fromObjects(fault.New(fault.Unavailable, "no record was read to its end in time before, and other jobs are waiting"))
	errNoProgress   = fromObjects(fault.New(fault.Unavailable, "no record was read to its end in time, and other jobs are waiting"))
)

// pace measures how fast a source sends while it is waited for.
type pace struct {
	mu     sync.Mutex
	since  time.Time     // of the call that runs; zero if none does
	waited time.Duration // in calls that have ended, since it was found fast enough last
	bytes  int64         // that these have read
	sent   bool          // it has sent anything
}

// begin notes that the source is waited for.
func (p *pace) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.since = time.Now()
}

// end notes that it has sent n bytes.
func (p *pace) end(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waited += time.Since(p.since)
	p.since = time.Time{}
	p.bytes += int64(n)
	p.sent = p.sent || n > 0
}

// isSlow reports whether the source has been waited for at least so long, and has sent
// nothing or next to nothing meanwhile.
func (p *pace) isSlow(most time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	var running time.Duration
	if !p.since.IsZero() {
		running = time.Since(p.since)
	}
	waited := p.waited + running
	switch {
	case waited < most:
		return false
	case running >= most || float64(p.bytes) < slowest*waited.Seconds():
		return true
	}
	p.waited, p.bytes = -running, 0 // so that what it sent before does not count for long
	return false
}

// restart forgets how fast the source has been. It is called while no call runs.
func (p *pace) restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waited, p.bytes = 0, 0
}

// hasSent reports whether the source has sent anything.
func (p *pace) hasSent() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent
}

// checkSource ends the reading if the source keeps another job waiting, and returns an error
// if nothing has been read. Without it, a few jobs with silent sources would hold every slot
// for as long as the object store tries.
func (h *heartbeat) checkSource(ctx context.Context) error {
	if !h.source.isSlow(h.patience()) || !h.isWanted(ctx) || h.mayWait() {
		return nil
	}
	if !h.source.hasSent() {
		return errSourceSilent
	}
	h.cutSource(errSourceSlow)
	return nil
}

// patience is how long the source may be silent or slow. What has to be read again each time
// before the first record should not be most of the work.
func (h *heartbeat) patience() time.Duration {
	least := patience
	if h.hasTurn() {
		least = turnPatience
	}
	return max(least, time.Duration(h.startTime.Load()))
}

// checkStop ends the reading if it was asked to end some time ago: it does so by itself only
// between batches.
func (h *heartbeat) checkStop() {
	if !h.yield.Load() {
		return
	}
	if h.yielded.IsZero() {
		h.yielded = time.Now()
	}
	most := patience
	if t := h.turn.Load(); t != nil {
		most = t.slice
	}
	if time.Since(h.yielded) >= most {
		h.cutSource(errNoProgress)
	}
}

// cutSource has the source read no further. What was read of it is committed.
func (h *heartbeat) cutSource(why error) {
	h.cutOnce.Do(func() {
		h.cutCause = why
		h.yield.Store(true)
		close(h.cut)
	})
}

// isCut reports whether the source is to be read no further, and why.
func (h *heartbeat) isCut() (why error, ok bool) {
	select {
	case <-h.cut:
		return h.cutCause, true
	default:
		return nil, false
	}
}
