// Package objecttest is what object.Store promises, as a suite of tests.
//
// In comes a way to open a fresh store, out come failures that tell what was tried.
// Every backend runs Run; behaviour that it does not check is not promised.
package objecttest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
)

// Reopener is a store that can be closed and opened again; Run then checks what
// survives that. The old store is not used any more.
type Reopener interface {
	Reopen(t *testing.T) object.Store
}

// Run checks that the stores which open returns, each of them empty, keep the promises
// of object.Store.
func Run(t *testing.T, open func(t *testing.T) object.Store) {
	for _, c := range []struct {
		name string
		test func(*fixture)
	}{
		{"PutTells", putReports},
		{"PutReplaces", putReplaces},
		{"PutOfFailedReader", putOfFailedReader},
		{"PutCancelled", putCancelled},
		{"Empty", empty},
		{"Large", large},
		{"Missing", missing},
		{"Delete", deletes},
		{"Offsets", offsets},
		{"OddKeys", oddKeys},
		{"RefusedNames", refusedNames},
		{"Accounts", accounts},
		{"Versions", versions},
		{"HoldOutlivesPut", holdOutlivesPut},
		{"HoldOutlivesDelete", holdOutlivesDelete},
		{"HoldMoves", holdMoves},
		{"HoldersAreSeparate", holdersAreSeparate},
		{"HoldOutlivesReopen", holdOutlivesReopen},
		{"ReleaseOfNothing", releaseOfNothing},
		{"ReaderOutlivesPut", readerOutlivesPut},
		{"ConcurrentPuts", concurrentPuts},
		{"ConcurrentReads", concurrentReads},
		{"Holders", holders},
		{"Objects", objects},
		{"ManyObjects", manyObjects},
		{"DeleteIfUnchanged", deleteIfUnchanged},
		{"AbortNoUploads", abortNoUploads},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(&fixture{T: t, ctx: t.Context(), s: open(t)})
		})
	}
}

// fixture is a store under test; its methods fail the test rather than return errors.
type fixture struct {
	*testing.T
	ctx context.Context
	s   object.Store
}

func name(key string) object.Name {
	return object.Name{Account: "000000000000", Bucket: "work", Key: key}
}

func (f *fixture) put(n object.Name, text string) object.Info {
	f.Helper()
	info, err := f.s.Put(f.ctx, n, "text/csv", bytes.NewReader([]byte(text)))
	if err != nil {
		f.Fatalf("Put %q: %v", n.Key, err)
	}
	return info
}

func (f *fixture) hold(n object.Name, holder string) object.Info {
	f.Helper()
	info, err := f.s.Hold(f.ctx, n, holder)
	if err != nil {
		f.Fatalf("Hold %q for %s: %v", n.Key, holder, err)
	}
	return info
}

func (f *fixture) release(holder string) {
	f.Helper()
	if err := f.s.Release(f.ctx, holder); err != nil {
		f.Fatalf("Release %s: %v", holder, err)
	}
}

func (f *fixture) delete(n object.Name) {
	f.Helper()
	if err := f.s.Delete(f.ctx, n); err != nil {
		f.Fatalf("Delete %q: %v", n.Key, err)
	}
}

func (f *fixture) read(n object.Name, version string, offset int64) (string, error) {
	r, err := f.s.Open(f.ctx, n, version, offset)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	return string(text), errors.Join(err, r.Close())
}

// wantText checks what is at n from offset on; version may be "".
func (f *fixture) wantText(n object.Name, version string, offset int64, want string) {
	f.Helper()
	got, err := f.read(n, version, offset)
	if err != nil {
		f.Errorf("Open %q version %q offset %d: %v", n.Key, version, offset, err)
		return
	}
	if got != want {
		f.Errorf("Open %q version %q offset %d reads %d bytes %.40q, want %d bytes %.40q",
			n.Key, version, offset, len(got), got, len(want), want)
	}
}

func (f *fixture) wantKind(what string, err error, want fault.Kind) {
	f.Helper()
	if !fault.Is(err, want) {
		f.Errorf("%s: %v, want kind %v", what, err, want)
	}
}

// wantGone checks that a version which nobody holds is told to be gone, or that the
// store still has it, whole.
func (f *fixture) wantGone(n object.Name, version, text string) {
	f.Helper()
	got, err := f.read(n, version, 0)
	if err == nil && got == text {
		return // a store may keep more than it promised
	}
	if err == nil {
		f.Errorf("Open %q at a version that is gone reads %q", n.Key, got)
		return
	}
	f.wantKind("Open at a version that is gone", err, fault.Broken)
}
