package diskspace

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/testenv"
)

const mib = 1 << 20

// disk is a file system of which the tests say what is free. Its clock goes on with
// each look at it, so that every question reads free space anew.
type disk struct {
	mu    sync.Mutex
	free  uint64
	err   error
	clock time.Time
}

func (d *disk) usage() (free, total uint64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.free, 100 * mib, d.err
}

func (d *disk) now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clock = d.clock.Add(maxAge)
	return d.clock
}

func (d *disk) set(free uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.free = free
}

func TestDefaultMinFree(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ total, want uint64 }{
		{0, 64 * mib},
		{64 * mib, 64 * mib},
		{3200 * mib, 64 * mib},
		{5000 * mib, 100 * mib},
		{51200 * mib, 1024 * mib},
		{1 << 42, 1024 * mib},
	} {
		if got := DefaultMinFree(c.total); got != c.want {
			t.Errorf("DefaultMinFree(%d) = %d, want %d", c.total, got, c.want)
		}
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	d := &disk{free: 100 * mib}
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	w := New(d.usage, Options{MinFree: 32 * mib, Now: d.now, Logger: slog.New(slog.NewTextHandler(&log, nil)), Registry: registry})
	for i, step := range []struct {
		free          uint64
		upload, write bool
		reason        string
		logged        string
	}{
		{100 * mib, true, true, "", ""},
		{32 * mib, true, true, "", ""},
		{32*mib - 1, false, true, "disk full: 31 MiB free, 36 MiB needed (--min-free)", "uploads refused, jobs wait"},
		{33 * mib, false, true, "disk full: 33 MiB free, 36 MiB needed (--min-free)", ""},
		{8 * mib, false, true, "disk full: 8 MiB free, 36 MiB needed (--min-free)", ""},
		{8*mib - 1, false, false, "disk full: 7 MiB free, 36 MiB needed (--min-free)", "all writes refused"},
		{8*mib + 1, false, false, "disk full: 8 MiB free, 36 MiB needed (--min-free)", ""},
		{4 * mib, false, false, "disk full: 4 MiB free, 36 MiB needed (--min-free)", ""},
		{4*mib - 1, false, false, "disk full: 3 MiB free, 36 MiB needed (--min-free)", ""},
		{0, false, false, "disk full: 0 MiB free, 36 MiB needed (--min-free)", ""},
		{9 * mib, false, true, "disk full: 9 MiB free, 36 MiB needed (--min-free)", "uploads refused, jobs wait"},
		{36 * mib, true, true, "", "uploads and jobs go on"},
		{0, false, false, "disk full: 0 MiB free, 36 MiB needed (--min-free)", "all writes refused"},
		{100 * mib, true, true, "", "uploads and jobs go on"},
	} {
		d.set(step.free)
		log.Reset()
		if got := w.Reason(); got != step.reason {
			t.Errorf("step %d: Reason = %q, want %q", i, got, step.reason)
		}
		for name, c := range map[string]struct {
			err  error
			want bool
		}{
			"Upload(0)": {w.Upload(0), step.upload}, "Upload(-1)": {w.Upload(-1), step.upload}, "Write": {w.Write(), step.write},
			"Delete": {w.Delete(), step.write || step.free >= 4*mib},
		} {
			if got := c.err == nil; got != c.want || !got && !fault.Is(c.err, fault.StorageFull) {
				t.Errorf("step %d, %d free: %s = %v, want allowed %t", i, step.free, name, c.err, c.want)
			}
		}
		if lines := strings.Count(log.String(), "\n"); (step.logged != "") != (lines == 1) || !strings.Contains(log.String(), step.logged) {
			t.Errorf("step %d: logged %q, want one line with %q", i, log.String(), step.logged)
		}
	}
	d.set(20_000_000)
	_ = w.Reason()
	want := map[string]float64{"sluice_disk_free_bytes": 20_000_000, "sluice_disk_full uploads": 1, "sluice_disk_full writes": 0}
	if got := gather(t, registry); !maps.Equal(got, want) {
		t.Errorf("metrics %v, want %v", got, want)
	}
}

// gather returns the metrics by their name and the value of their label.
func gather(t *testing.T, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			name := f.GetName()
			for _, l := range m.Label {
				name += " " + l.GetValue()
			}
			got[name] = m.Gauge.GetValue()
		}
	}
	return got
}

func TestUploadLargerThanWhatIsFree(t *testing.T) {
	t.Parallel()
	d := &disk{free: 40 * mib}
	w := New(d.usage, Options{MinFree: 32 * mib, Now: d.now})
	for size, want := range map[int64]bool{8 * mib: true, 8*mib + 1: false, 1 << 50: false} {
		if err := w.Upload(size); (err == nil) != want {
			t.Errorf("Upload(%d) with 8 MiB above the minimum = %v, want allowed %t", size, err, want)
		}
		r, err := w.Reserve(size)
		if (err == nil) != want {
			t.Errorf("Reserve(%d) with 8 MiB above the minimum = %v, want allowed %t", size, err, want)
		}
		r.Release()
	}
}

func TestFreeSpaceNotKnown(t *testing.T) {
	t.Parallel()
	d := &disk{err: errors.New("stale file handle")}
	var log bytes.Buffer
	w := New(d.usage, Options{Now: d.now, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for range 3 {
		if err := w.Write(); err != nil {
			t.Errorf("Write while free space is not known = %v, want nil", err)
		}
	}
	if got := strings.Count(log.String(), "free space of the disk is not known"); got != 1 {
		t.Errorf("logged %q, want one line", log.String())
	}
}

func TestNoWatcherHasNoLimits(t *testing.T) {
	t.Parallel()
	var w *Watcher
	r, err := w.Reserve(1 << 60)
	if err != nil || w.Upload(1<<60) != nil || w.Write() != nil || w.Delete() != nil || w.Reason() != "" {
		t.Errorf("a nil Watcher refuses: Reserve %v, Upload %v, Write %v, Reason %q", err, w.Upload(1<<60), w.Write(), w.Reason())
	}
	if text, err := io.ReadAll(r.Reader(strings.NewReader("abc"))); string(text) != "abc" || err != nil {
		t.Errorf("read through no reservation = %q, %v", text, err)
	}
	r.Release()
}

// TestUploadsNeverOvershoot lets many uploads of known and unknown size write at the
// same time, with readings of free space at any moment between: below the minimum
// goes no more than what is read at a time.
func TestUploadsNeverOvershoot(t *testing.T) {
	t.Parallel()
	seed := testenv.Rand(t).Uint64()
	const minimum, piece, uploads = 32 * mib, 256 << 10, 40
	d := &disk{free: 200 * mib}
	w := New(d.usage, Options{MinFree: minimum, Now: d.now})
	var all sync.WaitGroup
	for i := range uploads {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(i)))
			size := int64(rnd.IntN(20 * mib))
			announced := size
			if rnd.IntN(2) == 0 {
				announced = -1
			}
			r, err := w.Reserve(announced)
			if err != nil {
				return
			}
			defer r.Release()
			in := r.Reader(io.LimitReader(zeros{}, size))
			buf := make([]byte, piece)
			for {
				n, err := in.Read(buf[:1+rnd.IntN(piece)])
				d.mu.Lock()
				d.free -= uint64(n)
				d.mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	all.Wait()
	if d.free < minimum-uploads*piece {
		t.Errorf("%d bytes free after the uploads, want no less than %d", d.free, minimum-uploads*piece)
	}
	if d.free > minimum+20*mib+uploads*ahead {
		t.Errorf("%d bytes free after the uploads: too many were refused", d.free)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reserved != 0 {
		t.Errorf("%d bytes reserved after all uploads, want 0", w.reserved)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestSlowUploadKeepsNoSpace: who announces much and sends little does not keep others
// from uploading.
func TestSlowUploadKeepsNoSpace(t *testing.T) {
	t.Parallel()
	d := &disk{free: 132 * mib}
	w := New(d.usage, Options{MinFree: 32 * mib, Now: d.now})
	big, err := w.Reserve(100 * mib)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Reserve(20 * mib); !fault.Is(err, fault.StorageFull) {
		t.Errorf("Reserve while all is reserved = %v, want StorageFull", err)
	}
	d.mu.Lock()
	d.clock = d.clock.Add(slowFor)
	d.mu.Unlock()
	other, err := w.Reserve(20 * mib)
	if err != nil {
		t.Errorf("Reserve while the one who has reserved all sends nothing = %v, want nil", err)
	}
	big.Release()
	other.Release()
	if w.reserved != 0 || len(w.uploads) != 0 {
		t.Errorf("%d bytes reserved by %d uploads after all, want none", w.reserved, len(w.uploads))
	}
}

// TestUploadIsCutWhenOthersTakeTheSpace: an import or another program writes too.
func TestUploadIsCutWhenOthersTakeTheSpace(t *testing.T) {
	t.Parallel()
	d := &disk{free: 200 * mib}
	w := New(d.usage, Options{MinFree: 32 * mib, Now: d.now})
	r, err := w.Reserve(100 * mib)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	in := r.Reader(io.LimitReader(zeros{}, 100*mib))
	if _, err := io.CopyN(io.Discard, in, 20*mib); err != nil {
		t.Fatal(err)
	}
	d.set(31 * mib)
	n, err := io.Copy(io.Discard, in)
	if !fault.Is(err, fault.StorageFull) || n > ahead {
		t.Errorf("read %d more bytes, %v; want StorageFull within %d", n, err, ahead)
	}
}

func TestToFault(t *testing.T) {
	t.Parallel()
	full := fmt.Errorf("write blob: %w", &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC})
	if got := ToFault(full); !fault.Is(got, fault.StorageFull) || !errors.Is(got, syscall.ENOSPC) {
		t.Errorf("ToFault(%v) = %v, want StorageFull that still is ENOSPC", full, got)
	}
	other := errors.New("other")
	if got := ToFault(other); got != other {
		t.Errorf("ToFault(%v) = %v, want it unchanged", other, got)
	}
	if got := ToFault(nil); got != nil {
		t.Errorf("ToFault(nil) = %v", got)
	}
}
