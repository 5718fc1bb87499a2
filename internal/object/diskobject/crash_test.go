package diskobject

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	mem     *testenv.CrashDisk
	survive int // percent of what was not synced
	rng     *rand.Rand

	mu   sync.Mutex
	cuts []cut
	now  promise
}

type cut struct {
	before string // the operation that did not happen
	disk   *testenv.CrashDisk
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

// TestPowerCuts cuts the power before operations on the disk: what was acknowledged is
// whole, what was not is absent or whole, and no blob is left over. A run checks every
// third cut, and another third than the run before.
func TestPowerCuts(t *testing.T) {
	t.Parallel()
	for _, survive := range []int{0, 50, 100} {
		t.Run(fmt.Sprintf("%d%%", survive), func(t *testing.T) {
			t.Parallel()
			p := &power{mem: testenv.NewCrashDisk(), survive: survive, rng: testenv.Rand(t)}
			p.now = promise{map[string]string{}, map[string]string{}, map[string]string{}}
			live(t, p)
			if len(p.cuts) < 100 {
				t.Fatalf("%d cuts, want at least 100: the disk was not watched", len(p.cuts))
			}
			stride := 3
			if testing.Short() { // under the race detector all of them take minutes
				stride = 33
			}
			for i := p.rng.IntN(stride); i < len(p.cuts); i += stride {
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
	release, err := s.Snapshot(ctx, "snapshot", func() error { return nil })
	try("Snapshot", err)
	puts("a", "third")
	release()
	r, err := s.Get(ctx, at("c"))
	try("Get", err)
	try("Delete c", p.during("c", "", func() error { return s.Delete(ctx, at("c")) }))
	puts("b", "put while c is read")
	try("Close of the reader", r.Close())
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
	var log bytes.Buffer
	s, err := Open("data", Options{FS: c.disk, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Errorf("cut %d, before %s: Open: %v", i, c.before, err)
		return
	}
	defer func() { _ = s.Close() }()
	if strings.Contains(log.String(), "blob") { // the index may warn of the torn end of its log
		t.Errorf("cut %d, before %s: Open warns:\n%s", i, c.before, &log)
	}
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
	if err := checkBlobs(c.disk, s); err != nil {
		t.Errorf("cut %d, before %s: %v", i, c.before, err)
	}
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

// checkBlobs compares the files of a store that was just opened with its index: each
// blob has its file, and nothing else is left.
func checkBlobs(disk vfs.FS, s *Store) error {
	files, err := disk.List(s.blobs)
	if err != nil {
		return err
	}
	var known, tombstones []string
	err = errors.Join(
		s.scan([]byte("s"), nil, func(key, _ []byte) (bool, error) {
			known = append(known, string(key[1:]))
			return true, nil
		}),
		s.scan([]byte("g"), nil, func(key, _ []byte) (bool, error) {
			tombstones = append(tombstones, string(key[1:]))
			return true, nil
		}))
	slices.Sort(files)
	if err != nil || !slices.Equal(files, known) || len(tombstones) > 0 {
		return fmt.Errorf("the files are %v, %v, the index knows %v, and the tombstones %v; want the same files and no tombstones", files, err, known, tombstones)
	}
	if aside, err := disk.List(s.unreferenced()); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%v are set aside, %v; want nothing", aside, err)
	}
	return nil
}

// TestFailingDisk fails every write operation on the blobs in turn: the call that meets it
// either fails and changes nothing, or succeeds. The store goes on, and its next Open
// finds nothing that it cannot explain.
func TestFailingDisk(t *testing.T) {
	t.Parallel()
	for n := 0; ; n++ {
		var left atomic.Int64
		left.Store(math.MaxInt64)
		failed := ""
		disk := vfs.NewMem()
		s, err := Open("data", Options{FS: errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
			// The index's own log has no second try; that is a crash, tested above.
			if op.Kind.ReadOrWrite() != errorfs.OpIsWrite || !strings.Contains(op.Path, "blobs") || left.Add(-1) != -1 {
				return nil
			}
			failed = fmt.Sprintf("operation %d, %v of a blob", n, op.Kind)
			return errorfs.ErrInjected
		}))})
		if err != nil {
			t.Fatalf("Open: %v", err)
		}
		put(t, s, "k", "before")
		left.Store(int64(n))
		want := "before"
		for _, after := range []string{"after", strings.Repeat("long", syncEvery/4+1)} {
			if _, err := s.Put(t.Context(), at("k"), "", strings.NewReader(after)); err == nil {
				want = after
			}
			wantText(t, s, "k", want)
		}
		if err := s.Delete(t.Context(), at("k")); err != nil {
			t.Errorf("%s fails: Delete: %v", failed, err)
		}
		left.Store(math.MaxInt64)
		put(t, s, "k", "at last")
		closeStore(t, s)

		if s, err = Open("data", Options{FS: disk}); err != nil {
			t.Fatalf("%s fails: Open: %v", failed, err)
		}
		wantText(t, s, "k", "at last")
		if err := checkBlobs(disk, s); err != nil {
			t.Errorf("%s fails: %v", failed, err)
		}
		closeStore(t, s)
		if failed == "" { // all of them have failed once
			if n < 15 {
				t.Errorf("%d operations, want at least 15: the disk was not watched", n)
			}
			return
		}
	}
}

// TestFailingRecovery fails every write operation of an Open that has something to do:
// the next Open does it.
func TestFailingRecovery(t *testing.T) {
	t.Parallel()
	for n := 0; ; n++ {
		disk := vfs.NewMem()
		s, err := Open("data", Options{FS: disk})
		if err != nil {
			t.Fatalf("Open: %v", err)
		}
		put(t, s, "k", "text")
		put(t, s, "unfinished", "another")
		rename := func(key string) {
			id, err := firstBlob(t.Context(), s, key)
			if err == nil {
				err = disk.Rename(s.path(id), s.path(id)+unfinished)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		rename("unfinished")
		for _, name := range []string{newID(), newID() + unfinished} {
			f, err := disk.Create(s.path(name), vfs.WriteCategoryUnspecified)
			if err != nil || f.Close() != nil {
				t.Fatalf("Create: %v", err)
			}
		}
		closeStore(t, s)

		left, failed := n, ""
		inj := errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() != errorfs.OpIsWrite || strings.Contains(op.Path, "index") {
				return nil
			}
			if left--; left != -1 {
				return nil
			}
			failed = fmt.Sprintf("operation %d, %v of %s", n, op.Kind, op.Path)
			return errorfs.ErrInjected
		})
		if s, err := Open("data", Options{FS: errorfs.Wrap(disk, inj)}); err == nil {
			_ = s.Close()
		}
		if s, err = Open("data", Options{FS: disk}); err != nil {
			t.Fatalf("%s fails: Open: %v", failed, err)
		}
		wantText(t, s, "k", "text")
		wantText(t, s, "unfinished", "another")
		files, err := disk.List(s.blobs)
		aside, err2 := disk.List(s.unreferenced())
		if len(files) != 2 || len(aside) != 1 || err != nil || err2 != nil {
			t.Errorf("%s fails: blobs %v, %v, set aside %v, %v; want two and one", failed, files, err, aside, err2)
		}
		closeStore(t, s)
		if failed == "" {
			if n < 6 {
				t.Errorf("%d operations, want at least 6: the disk was not watched", n)
			}
			return
		}
	}
}

func firstBlob(ctx context.Context, s *Store, key string) (string, error) {
	r, err := s.Get(ctx, at(key))
	if err != nil {
		return "", err
	}
	return r.parts[0].Blob, r.Close()
}
