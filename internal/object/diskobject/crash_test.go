package diskobject

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/testenv"
)

// power is a disk whose power is cut before every single operation: each cut leaves a
// copy of what would have survived, and what had been promised by then.
type power struct {
	mem     *vfs.MemFS
	survive int // percent of what was not synced
	rng     *rand.Rand

	mu   sync.Mutex
	cuts []cut
	now  promise
}

type cut struct {
	before string // the operation that did not happen
	disk   *vfs.MemFS
	promise
}

// promise is what was acknowledged: the text at each key, and at each held version.
// The one operation under way may have happened or not.
type promise struct {
	objects map[string]string
	held    map[string]string // version -> text
	pending map[string]string // key -> the text it may have besides; "" means none
}

func (p *power) MaybeError(op errorfs.Op) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
		disk := p.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: p.survive, RNG: p.rng})
		p.cuts = append(p.cuts, cut{fmt.Sprintf("%v of %s", op.Kind, op.Path), disk, p.now})
	}
	return nil
}

func (p *power) String() string { return "power cuts" }

// during runs fn, which may or may not have happened while it runs, and has after it.
func (p *power) during(key, text string, fn func() error) error {
	p.change(func(q *promise) { q.pending[key] = text })
	err := fn()
	p.change(func(q *promise) {
		delete(q.pending, key)
		if q.objects[key] = text; text == "" {
			delete(q.objects, key)
		}
	})
	return err
}

func (p *power) change(fn func(*promise)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := promise{maps.Clone(p.now.objects), maps.Clone(p.now.held), maps.Clone(p.now.pending)}
	fn(&q)
	p.now = q
}

// TestPowerCuts cuts the power before every operation on the disk: what was
// acknowledged is whole, what was not is absent or whole, and no blob is left over.
func TestPowerCuts(t *testing.T) {
	t.Parallel()
	for _, survive := range []int{0, 50, 100} {
		t.Run(fmt.Sprintf("%d%%", survive), func(t *testing.T) {
			t.Parallel()
			p := &power{mem: vfs.NewCrashableMem(), survive: survive, rng: testenv.Rand(t)}
			p.now = promise{map[string]string{}, map[string]string{}, map[string]string{}}
			live(t, p)
			if len(p.cuts) < 100 {
				t.Fatalf("%d cuts, want at least 100: the disk was not watched", len(p.cuts))
			}
			stride := 1
			if testing.Short() { // under the race detector all of them take minutes
				stride = 11
			}
			for i := 0; i < len(p.cuts); i += stride {
				p.cuts[i].check(t, i)
			}
		})
	}
}

// live does one of everything that moves blobs.
func live(t *testing.T, p *power) {
	t.Helper()
	ctx := t.Context()
	s, err := Open("data", Options{FS: errorfs.Wrap(p.mem, p)})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	try := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	puts := func(key, text string) {
		t.Helper()
		try("Put "+key, p.during(key, text, func() error {
			_, err := s.Put(ctx, at(key), "", strings.NewReader(text))
			return err
		}))
	}
	puts("a", "first")
	puts("a", strings.Repeat("second", 100_000))
	puts("b", "held")
	info, err := s.Hold(ctx, at("b"), "job")
	try("Hold", err)
	p.change(func(q *promise) { q.held[info.Version] = "held" })
	puts("b", "later")
	try("Delete", p.during("b", "", func() error { return s.Delete(ctx, at("b")) }))
	try("Copy", p.during("c", p.now.objects["a"], func() error {
		_, err := s.Copy(ctx, at("a"), at("c"), Copying{})
		return err
	}))
	liveUpload(t, p, s)
	p.change(func(q *promise) { delete(q.held, info.Version) })
	try("Release", s.Release(ctx, "job"))
	puts("a", "third")
	try("Close", s.Close())
}

func liveUpload(t *testing.T, p *power, s *Store) {
	t.Helper()
	ctx := t.Context()
	u, err := s.StartUpload(ctx, at("whole"), Meta{}, Checksum{})
	if err != nil {
		t.Fatalf("StartUpload: %v", err)
	}
	one, two := strings.Repeat("1", MinPartSize), "two"
	var refs []PartRef
	for i, text := range []string{"replaced", one, two, "left out"} {
		part, err := s.WritePart(ctx, at("whole"), u.ID, max(i, 1), Write{}, strings.NewReader(text))
		if err != nil {
			t.Fatalf("WritePart: %v", err)
		}
		if i == 1 || i == 2 {
			refs = append(refs, PartRef{Number: part.Number, ETag: part.ETag})
		}
	}
	err = p.during("whole", one+two, func() error {
		_, err := s.Complete(ctx, at("whole"), u.ID, Completion{Parts: refs})
		return err
	})
	if err != nil {
		t.Fatalf("Complete: %v", err)
	}
}

func (c cut) check(t *testing.T, i int) {
	t.Helper()
	s, err := Open("data", Options{FS: c.disk})
	if err != nil {
		t.Errorf("cut %d, before %s: Open: %v", i, c.before, err)
		return
	}
	defer func() { _ = s.Close() }()
	ctx := t.Context()
	for _, key := range []string{"a", "b", "c", "whole"} {
		want, acknowledged := c.objects[key]
		other, pending := c.pending[key]
		got, err := text(ctx, s, at(key), "")
		switch {
		case err == nil && acknowledged && got == want:
		case err == nil && pending && other != "" && got == other:
		case fault.Is(err, fault.NotFound) && (!acknowledged || pending && other == ""):
		default:
			t.Errorf("cut %d, before %s: %s has %d bytes, %v; want %d bytes (acknowledged %t, pending %t)",
				i, c.before, key, len(got), err, len(want), acknowledged, pending)
		}
	}
	for version, want := range c.held {
		if got, err := text(ctx, s, at("b"), version); err != nil || got != want {
			t.Errorf("cut %d, before %s: the held version reads %q, %v, want %q", i, c.before, got, err, want)
		}
	}
	c.checkBlobs(t, s, i)
}

func text(ctx context.Context, s *Store, n object.Name, version string) (string, error) {
	r, err := s.Open(ctx, n, version, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(r)
	return string(b), err
}

// checkBlobs compares the files with what the index says exists.
func (c cut) checkBlobs(t *testing.T, s *Store, i int) {
	t.Helper()
	files, err := c.disk.List(s.blobs)
	if err != nil {
		t.Errorf("cut %d: list blobs: %v", i, err)
		return
	}
	known := 0
	err = s.scan([]byte("s"), []byte("s"), func(_, _ []byte) (bool, error) {
		known++
		return true, nil
	})
	if err != nil || known != len(files) {
		t.Errorf("cut %d, before %s: %d blobs lie on disk, the index knows %d, %v", i, c.before, len(files), known, err)
	}
}

// TestFailingDisk fails every write operation in turn: the call that meets it either
// fails and changes nothing, or succeeds, and the store goes on.
func TestFailingDisk(t *testing.T) {
	t.Parallel()
	for n := range 40 {
		var mu sync.Mutex
		armed, left := false, n
		inj := errorfs.InjectorFunc(func(op errorfs.Op) error {
			mu.Lock()
			defer mu.Unlock()
			// The index's own log has no second try; that is a crash, tested above.
			if !armed || op.Kind.ReadOrWrite() != errorfs.OpIsWrite || !strings.Contains(op.Path, "blobs") {
				return nil
			}
			left--
			if left == -1 {
				return errorfs.ErrInjected
			}
			return nil
		})
		fs := vfs.NewMem()
		s, err := Open("data", Options{FS: errorfs.Wrap(fs, inj)})
		if err != nil {
			t.Fatalf("Open: %v", err)
		}
		put(t, s, "k", "before")
		mu.Lock()
		armed = true
		mu.Unlock()
		want := "before"
		if _, err := s.Put(t.Context(), at("k"), "", strings.NewReader("after")); err == nil {
			want = "after"
		}
		if got, err := text(t.Context(), s, at("k"), ""); err != nil || got != want {
			t.Errorf("operation %d fails: k reads %q, %v, want %q", n, got, err, want)
		}
		mu.Lock()
		armed = false
		mu.Unlock()
		put(t, s, "k", "at last")
		if err := s.Close(); err != nil {
			t.Errorf("operation %d fails: Close: %v", n, err)
		}
	}
}
