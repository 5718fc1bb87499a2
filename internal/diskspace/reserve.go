package diskspace

import (
	"io"
	"time"
)

const (
	// ahead is how much an upload of unknown size reserves at a time.
	ahead = 8 << 20
	// An upload that brings fewer than slow bytes in slowFor keeps no more than ahead
	// reserved: a caller must not take the space from all others by announcing much.
	slow    = 1 << 20
	slowFor = 10 * time.Second
)

// Reservation is the space that one upload may use. Release gives back what it has not
// used. A nil Reservation has no limit.
type Reservation struct {
	w     *Watcher
	left  uint64    // reserved and not yet written
	since time.Time // from when on bytes are counted to see whether it is slow
	count uint64
}

// Reserve grants an upload of size bytes, -1 if that is not known, or returns
// fault.StorageFull. The caller releases the reservation.
func (w *Watcher) Reserve(size int64) (*Reservation, error) {
	if w == nil {
		return nil, nil // no limit
	}
	w.refresh()
	if size < 0 {
		size = ahead
	}
	r := &Reservation{w: w, since: w.o.Now()}
	if err := r.more(uint64(size)); err != nil {
		return nil, err
	}
	return r, nil
}

// more adds to the reservation.
func (r *Reservation) more(size uint64) error {
	w := r.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.fits(size, w.unreserved()); err != nil {
		w.shrink(w.o.Now())
		if err := w.fits(size, w.unreserved()); err != nil {
			return err
		}
	}
	w.reserved += size
	r.left += size
	w.uploads[r] = true
	return nil
}

// unreserved is how many free bytes no write has reserved.
func (w *Watcher) unreserved() uint64 { return w.free - min(w.free, w.reserved+w.written) }

// shrink takes from uploads that are slow what they have reserved beyond their next
// bytes.
func (w *Watcher) shrink(now time.Time) {
	for r := range w.uploads {
		if now.Sub(r.since) < slowFor {
			continue
		}
		if r.count < slow && r.left > ahead {
			w.reserved -= r.left - ahead
			r.left = ahead
		}
		r.since, r.count = now, 0
	}
}

// use counts n bytes as written.
func (r *Reservation) use(n uint64) error {
	if n > r.left {
		r.w.refresh()
		if err := r.more(max(ahead, n-r.left)); err != nil {
			return err
		}
	}
	w := r.w
	w.mu.Lock()
	defer w.mu.Unlock()
	r.left -= n
	w.reserved -= n
	w.written += n
	r.count += n
	return nil
}

// Release ends the reservation. It may be called twice.
func (r *Reservation) Release() {
	if r == nil {
		return
	}
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	r.w.reserved -= r.left
	r.left = 0
	delete(r.w.uploads, r)
}

// Reader returns in, which fails with fault.StorageFull when it gives more than there
// is space for, or when other writers have used up the space meanwhile.
func (r *Reservation) Reader(in io.Reader) io.Reader {
	if r == nil {
		return in
	}
	return &reserved{in, r, 0}
}

type reserved struct {
	in    io.Reader
	r     *Reservation
	since uint64 // bytes since the level was looked at
}

func (b *reserved) Read(p []byte) (int, error) {
	n, err := b.in.Read(p)
	if n == 0 {
		return n, err
	}
	if full := b.r.use(uint64(n)); full != nil {
		return 0, full
	}
	if b.since += uint64(n); b.since >= ahead {
		b.since = 0
		if full := b.r.w.Upload(-1); full != nil {
			return 0, full
		}
	}
	return n, err
}
