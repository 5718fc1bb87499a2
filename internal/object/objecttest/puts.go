package objecttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/testenv"
)

func putReports(f *fixture) {
	n := name("list.csv")
	before := time.Now().Add(-time.Minute)
	info := f.put(n, "a@example.com\n")
	if info.Name != n || info.Size != 14 || info.ETag == "" || info.Version == "" ||
		strings.Contains(info.ETag, `"`) || info.Modified.Before(before) {
		f.Errorf("Put = %+v, want the name, size 14, an unquoted ETag, a version and a time", info)
	}
	got, err := f.s.Stat(f.ctx, n)
	if err != nil {
		f.Fatalf("Stat: %v", err)
	}
	if got.Name != n || got.Size != info.Size || got.ETag != info.ETag || got.Version != info.Version {
		f.Errorf("Stat = %+v, want what Put said: %+v", got, info)
	}
	f.wantText(n, "", 0, "a@example.com\n")
	f.wantText(n, info.Version, 0, "a@example.com\n")
}

func putReplaces(f *fixture) {
	n := name("list.csv")
	first := f.put(n, "a long first text")
	second := f.put(n, "short")
	f.wantText(n, "", 0, "short")
	if first.Version == second.Version {
		f.Errorf("two puts have one version %q", first.Version)
	}
	if got, err := f.s.Stat(f.ctx, n); err != nil || got.Size != 5 || got.Version != second.Version {
		f.Errorf("Stat = %+v, %v, want the second put's %+v", got, err, second)
	}
	f.wantGone(n, first.Version, "a long first text")
}

var errReader = errors.New("the network broke")

// failing gives text and then fails.
func failing(text string) io.Reader {
	return io.MultiReader(strings.NewReader(text), readerFunc(func([]byte) (int, error) { return 0, errReader }))
}

type readerFunc func([]byte) (int, error)

func (r readerFunc) Read(p []byte) (int, error) { return r(p) }

func putOfFailedReader(f *fixture) {
	n := name("list.csv")
	for _, text := range []string{"", "half", strings.Repeat("x", 3<<20)} {
		if _, err := f.s.Put(f.ctx, n, "", failing(text)); !errors.Is(err, errReader) {
			f.Errorf("Put of a reader that fails after %d bytes: %v, want its error", len(text), err)
		}
		_, err := f.s.Stat(f.ctx, n)
		f.wantKind("Stat after a failed first Put", err, fault.NotFound)
	}
	info := f.put(n, "whole")
	if _, err := f.s.Put(f.ctx, n, "", failing("half")); !errors.Is(err, errReader) {
		f.Errorf("Put of a reader that fails: %v, want its error", err)
	}
	if got, err := f.s.Stat(f.ctx, n); err != nil || got.Version != info.Version {
		f.Errorf("Stat after a failed Put = %+v, %v, want the former %+v", got, err, info)
	}
	f.wantText(n, "", 0, "whole")
}

func putCancelled(f *fixture) {
	n := name("list.csv")
	ctx, cancel := context.WithCancel(f.ctx)
	r := io.MultiReader(strings.NewReader("half"), readerFunc(func([]byte) (int, error) {
		cancel()
		return 0, ctx.Err() // as the body of a request does when its caller is gone
	}))
	if _, err := f.s.Put(ctx, n, "", r); err == nil {
		f.Error("Put with a cancelled context succeeds")
	}
	_, err := f.s.Stat(f.ctx, n)
	f.wantKind("Stat after a cancelled Put", err, fault.NotFound)
}

func empty(f *fixture) {
	n := name("empty")
	info := f.put(n, "")
	if info.Size != 0 || info.ETag == "" || info.Version == "" {
		f.Errorf("Put of nothing = %+v, want size 0, an ETag and a version", info)
	}
	f.wantText(n, "", 0, "")
	held := f.hold(n, "job")
	f.put(n, "full")
	f.wantText(n, held.Version, 0, "")
	f.wantText(n, "", 0, "full")
}

// large is more than any buffer, and given in pieces of odd sizes.
func large(f *fixture) {
	n := name("large")
	rng := testenv.Rand(f)
	text := make([]byte, 9<<20+17)
	for i := range text {
		text[i] = byte(rng.Uint32())
	}
	rest := bytes.NewReader(text)
	r := readerFunc(func(p []byte) (int, error) { return rest.Read(p[:1+rng.IntN(len(p))]) })
	if _, err := f.s.Put(f.ctx, n, "", r); err != nil {
		f.Fatalf("Put: %v", err)
	}
	f.wantText(n, "", 0, string(text))
	f.wantText(n, "", 9<<20, string(text[9<<20:]))
}

func oddKeys(f *fixture) {
	keys := []string{
		"a", "a/b", "a/b/", "a//b", "/a", "../x", "../../etc/passwd", ".", "..", "%2F", "a%2Fb", "a b", "a+b",
		"ключ", "鍵/键", "e\u0301", "\u00e9", "A", "con", "a\\b", "a:b", "a?b#c&d=e", "a\nb", "~", "'\"<>&",
		strings.Repeat("k", 1024), strings.Repeat("長", 341),
	}
	for _, k := range keys {
		f.put(name(k), "text of "+k)
	}
	for _, k := range keys {
		f.wantText(name(k), "", 0, "text of "+k)
	}
	for i, k := range keys {
		f.delete(name(k))
		_, err := f.s.Stat(f.ctx, name(k))
		f.wantKind(fmt.Sprintf("Stat of the deleted %q", k), err, fault.NotFound)
		for _, other := range keys[i+1:] {
			f.wantText(name(other), "", 0, "text of "+other)
		}
	}
}

func refusedNames(f *fixture) {
	for _, n := range []object.Name{
		name(""), name(strings.Repeat("k", 1025)), name("\xff"),
		{Account: "000000000000", Bucket: "", Key: "k"},
	} {
		_, err := f.s.Put(f.ctx, n, "", strings.NewReader("x"))
		f.wantKind(fmt.Sprintf("Put of %.20q in %q", n.Key, n.Bucket), err, fault.Invalid)
	}
}

func accounts(f *fixture) {
	one := object.Name{Account: "111111111111", Bucket: "data", Key: "k"}
	two := object.Name{Account: "222222222222", Bucket: "data", Key: "k"}
	info := f.put(one, "of one")
	_, err := f.s.Stat(f.ctx, two)
	f.wantKind("Stat of the same name in another account", err, fault.NotFound)
	f.put(two, "of two")
	f.wantText(one, "", 0, "of one")
	f.wantText(two, "", 0, "of two")
	_, err = f.read(two, info.Version, 0)
	f.wantKind("Open of another account's version", err, fault.Broken)
	f.delete(two)
	f.wantText(one, "", 0, "of one")
}

func concurrentPuts(f *fixture) {
	n := name("contested")
	const writers, rounds, size = 8, 5, 100_000
	text := func(i int) string { return strings.Repeat(string(rune('a'+i)), size) }
	whole := func(got string) bool {
		return len(got) == size && got == strings.Repeat(got[:1], size)
	}
	f.put(n, text(0))
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for range rounds {
				if _, err := f.s.Put(f.ctx, n, "", strings.NewReader(text(i))); err != nil {
					f.Errorf("Put: %v", err)
				}
				if got, err := f.read(n, "", 0); err != nil || !whole(got) {
					f.Errorf("Open amid puts reads %d bytes, %v; want one writer's whole text", len(got), err)
				}
			}
		})
	}
	wg.Wait()
	if got, err := f.read(n, "", 0); err != nil || !whole(got) {
		f.Errorf("Open after all puts reads %d bytes, %v; want one writer's whole text", len(got), err)
	}
}
