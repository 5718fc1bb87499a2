package objecttest

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/sluicehq/sluice/internal/fault"
)

func missing(f *fixture) {
	n := name("nobody")
	_, err := f.s.Stat(f.ctx, n)
	f.wantKind("Stat of nothing", err, fault.NotFound)
	_, err = f.s.Hold(f.ctx, n, "job")
	f.wantKind("Hold of nothing", err, fault.NotFound)
	_, err = f.s.Open(f.ctx, n, "", 0)
	f.wantKind("Open of nothing", err, fault.NotFound)
}

func deletes(f *fixture) {
	n := name("list.csv")
	f.delete(n) // nothing there, not even a bucket
	f.put(n, "text")
	f.delete(n)
	_, err := f.s.Stat(f.ctx, n)
	f.wantKind("Stat after Delete", err, fault.NotFound)
	f.delete(n)
	f.put(n, "again")
	f.wantText(n, "", 0, "again")
}

func offsets(f *fixture) {
	n := name("list.csv")
	text := strings.Repeat("0123456789", 100_000)
	info := f.put(n, text)
	for _, at := range []int{0, 1, 9, 262_144, 999_999, 1_000_000} {
		f.wantText(n, "", int64(at), text[at:])
		f.wantText(n, info.Version, int64(at), text[at:])
	}
	_, err := f.s.Open(f.ctx, n, "", -1)
	f.wantKind("Open at -1", err, fault.Invalid)
}

func versions(f *fixture) {
	n := name("list.csv")
	same := f.put(n, "text")
	if again := f.put(n, "text"); again.Version == same.Version {
		f.Errorf("two puts of one text have one version %q", again.Version)
	}
	_, err := f.read(n, "no-such-version", 0)
	f.wantKind("Open at a version that never was", err, fault.Broken)
}

func holdOutlivesPut(f *fixture) {
	n := name("list.csv")
	put := f.put(n, "first")
	held := f.hold(n, "job-1")
	if held.Version != put.Version || held.Size != put.Size || held.ETag != put.ETag || held.Name != n {
		f.Errorf("Hold = %+v, want what Put said: %+v", held, put)
	}
	for i := range 3 {
		f.put(n, fmt.Sprintf("later %d", i))
		f.wantText(n, held.Version, 0, "first")
		f.wantText(n, held.Version, 2, "rst")
	}
	f.wantText(n, "", 0, "later 2")
	f.release("job-1")
	f.wantGone(n, held.Version, "first")
	f.wantText(n, "", 0, "later 2")
}

func holdOutlivesDelete(f *fixture) {
	n := name("list.csv")
	f.put(n, "first")
	held := f.hold(n, "job-1")
	f.delete(n)
	f.wantText(n, held.Version, 0, "first")
	_, err := f.read(n, "", 0)
	f.wantKind("Open of the deleted name", err, fault.NotFound)
	f.release("job-1")
	f.wantGone(n, held.Version, "first")
}

func holdMoves(f *fixture) {
	one, two := name("one"), name("two")
	f.put(one, "first")
	f.put(two, "second")
	first := f.hold(one, "job")
	if again := f.hold(one, "job"); again.Version != first.Version {
		f.Errorf("Hold again = version %q, want %q", again.Version, first.Version)
	}
	f.wantText(one, first.Version, 0, "first")
	second := f.hold(two, "job")
	f.delete(one)
	f.delete(two)
	f.wantText(two, second.Version, 0, "second")
	f.wantGone(one, first.Version, "first")
	f.release("job") // one release ends it, however often it was held
	f.wantGone(two, second.Version, "second")
}

func holdersAreSeparate(f *fixture) {
	n := name("list.csv")
	f.put(n, "first")
	held := f.hold(n, "job-1")
	f.hold(n, "job-2")
	f.hold(n, "account/with spaces/ключ")
	f.put(n, "second")
	for _, holder := range []string{"job-1", "job-2"} {
		f.release(holder)
		f.wantText(n, held.Version, 0, "first")
	}
	f.release("account/with spaces/ключ")
	f.wantGone(n, held.Version, "first")
	f.wantText(n, "", 0, "second")
}

func holdOutlivesReopen(f *fixture) {
	r, ok := f.s.(Reopener)
	if !ok {
		f.Skip("the store cannot be opened again")
	}
	kept, gone := name("kept"), name("gone")
	f.put(kept, "kept text")
	f.put(gone, "held text")
	held := f.hold(gone, "job")
	f.put(gone, "later")
	f.delete(gone)
	f.s = r.Reopen(f.T)
	f.wantText(kept, "", 0, "kept text")
	f.wantText(gone, held.Version, 0, "held text")
	_, err := f.s.Stat(f.ctx, gone)
	f.wantKind("Stat of the deleted name", err, fault.NotFound)
	f.release("job")
	f.wantGone(gone, held.Version, "held text")
}

func releaseOfNothing(f *fixture) {
	f.release("nobody")
	n := name("list.csv")
	f.put(n, "text")
	f.hold(n, "job")
	f.release("job")
	f.release("job")
	f.wantText(n, "", 0, "text") // it is an object still
}

// readerOutlivesPut: a reader of a held version that is read on after all is gone.
func readerOutlivesPut(f *fixture) {
	n := name("list.csv")
	text := strings.Repeat("0123456789", 300_000)
	f.put(n, text)
	held := f.hold(n, "job")
	r, err := f.s.Open(f.ctx, n, held.Version, 0)
	if err != nil {
		f.Fatalf("Open: %v", err)
	}
	head := make([]byte, 10)
	if _, err := io.ReadFull(r, head); err != nil {
		f.Fatalf("read the head: %v", err)
	}
	f.put(n, "other")
	f.delete(n)
	rest, err := io.ReadAll(r)
	if err != nil || string(head)+string(rest) != text {
		f.Errorf("read after put and delete: %d bytes, %v; want all %d", len(head)+len(rest), err, len(text))
	}
	if err := r.Close(); err != nil {
		f.Errorf("Close: %v", err)
	}
}

func concurrentReads(f *fixture) {
	n := name("list.csv")
	text := strings.Repeat("0123456789", 50_000)
	f.put(n, text)
	held := f.hold(n, "job")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			f.put(name(fmt.Sprint("other-", i)), "noise")
			f.wantText(n, held.Version, int64(i)*1000, text[i*1000:])
		})
	}
	wg.Wait()
}
