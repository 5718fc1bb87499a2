package diskobject

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/objecttest"
	"github.com/sluicehq/sluice/internal/testenv"
)

// reopenable is a store that the suite may close and open again.
type reopenable struct {
	*Store
	dir string
}

func (r reopenable) Reopen(t *testing.T) object.Store {
	if err := r.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	return openIn(t, r.dir)
}

func openIn(t testing.TB, dir string) reopenable {
	t.Helper()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return reopenable{s, dir}
}

func TestSuite(t *testing.T) {
	t.Parallel()
	objecttest.Run(t, func(t *testing.T) object.Store { return openIn(t, t.TempDir()) })
}

func at(key string) object.Name { return object.Name{Account: "1", Bucket: "work", Key: key} }

func put(t *testing.T, s *Store, key, text string) object.Info {
	t.Helper()
	info, err := s.Put(t.Context(), at(key), "", strings.NewReader(text))
	if err != nil {
		t.Fatalf("Put %s: %v", key, err)
	}
	return info
}

func wantBlobs(t *testing.T, dir string, want int, when string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatalf("ReadDir: %v", err)
	}
	if len(files) != want {
		t.Errorf("%s: %d blobs lie on disk, want %d", when, len(files), want)
	}
}

func TestBlobsGoWhenNobodyWantsThem(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir).Store
	ctx := t.Context()
	put(t, s, "a", "first")
	put(t, s, "a", "second")
	wantBlobs(t, dir, 1, "after a replacing put")
	if _, err := s.Copy(ctx, at("a"), at("b"), Copying{}); err != nil {
		t.Fatalf("Copy: %v", err)
	}
	wantBlobs(t, dir, 1, "after a copy")
	if _, err := s.Copy(ctx, at("a"), at("a"), Copying{Meta: &Meta{ContentType: "text/csv"}}); err != nil {
		t.Fatalf("Copy onto itself: %v", err)
	}
	if err := s.Delete(ctx, at("a")); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	wantBlobs(t, dir, 1, "with the copy alone")
	r, err := s.Get(ctx, at("b"))
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	if err := s.Delete(ctx, at("b")); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	wantBlobs(t, dir, 1, "while a reader is open")
	if text, err := io.ReadAll(r); err != nil || string(text) != "second" {
		t.Errorf("read after Delete = %q, %v, want the copied text", text, err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	wantBlobs(t, dir, 0, "after the reader has closed")
}

func TestFailedPutLeavesNoBlob(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir).Store
	refuse := Write{Check: func(Digest) error { return fault.New(fault.BodyMismatch, "no") }}
	if _, err := s.Write(t.Context(), at("k"), refuse, strings.NewReader("x")); err == nil {
		t.Error("Write that Check refuses succeeds")
	}
	if _, err := s.Write(t.Context(), at("k"), Write{}, strings.NewReader("x")); err != ErrNoBucket {
		t.Errorf("Write without a bucket: %v, want ErrNoBucket", err)
	}
	wantBlobs(t, dir, 0, "after failed writes")
}

func TestClosedStoreSaysSo(t *testing.T) {
	t.Parallel()
	s := openIn(t, t.TempDir()).Store
	put(t, s, "a", "text")
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	_, err := s.Stat(t.Context(), at("a"))
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("Stat after Close: %v, want Unavailable", err)
	}
	if _, err = s.Put(t.Context(), at("b"), "", strings.NewReader("x")); err == nil {
		t.Error("Put after Close succeeds")
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	s := openIn(t, t.TempDir()).Store
	first := put(t, s, "a", "text")
	for _, c := range []struct {
		name, key string
		cond      Condition
		want      fault.Kind
		ok        bool
	}{
		{"absent, there", "a", Condition{Absent: true}, fault.PreconditionFailed, false},
		{"absent, not there", "new", Condition{Absent: true}, 0, true},
		{"other ETag", "a", Condition{ETag: "0123"}, fault.PreconditionFailed, false},
		{"ETag of nothing", "never", Condition{ETag: "0123"}, fault.NotFound, false},
		{"any", "a", Condition{ETag: "*"}, 0, true},
		{"its ETag", "a", Condition{ETag: first.ETag}, 0, true},
	} {
		_, err := s.Write(t.Context(), at(c.key), Write{If: c.cond}, strings.NewReader("text"))
		if (err == nil) != c.ok || !c.ok && !fault.Is(err, c.want) {
			t.Errorf("%s: %v, want ok %t or kind %v", c.name, err, c.ok, c.want)
		}
	}
}

func TestOneOfManyWins(t *testing.T) {
	t.Parallel()
	s := openIn(t, t.TempDir()).Store
	put(t, s, "other", "makes the bucket")
	won := make(chan error, 8)
	for range cap(won) {
		go func() {
			_, err := s.Write(t.Context(), at("k"), Write{If: Condition{Absent: true}}, strings.NewReader("x"))
			won <- err
		}()
	}
	wins := 0
	for range cap(won) {
		if err := <-won; err == nil {
			wins++
		} else if !fault.Is(err, fault.PreconditionFailed) {
			t.Errorf("a loser got %v, want PreconditionFailed", err)
		}
	}
	if wins != 1 {
		t.Errorf("%d writers won, want 1", wins)
	}
}

func TestBuckets(t *testing.T) {
	t.Parallel()
	s := openIn(t, t.TempDir()).Store
	ctx := t.Context()
	for _, b := range []struct{ account, name string }{{"1", "work"}, {"2", "work"}, {"1", "data"}, {"11", "more"}} {
		if err := s.CreateBucket(ctx, b.account, b.name, "eu-west-1"); err != nil {
			t.Fatalf("CreateBucket %v: %v", b, err)
		}
	}
	if err := s.CreateBucket(ctx, "1", "work", ""); !fault.Is(err, fault.AlreadyExists) {
		t.Errorf("CreateBucket twice: %v, want AlreadyExists", err)
	}
	all, err := s.Buckets(ctx, "1")
	if err != nil || len(all) != 2 || all[0].Name != "data" || all[1].Name != "work" || all[1].Region != "eu-west-1" {
		t.Errorf("Buckets = %v, %v, want data and work", all, err)
	}
	put(t, s, "k", "x")
	if err := s.DeleteBucket(ctx, "1", "work"); !fault.Is(err, fault.Conflict) {
		t.Errorf("DeleteBucket with an object: %v, want Conflict", err)
	}
	if err := s.Delete(ctx, at("k")); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	if err := s.DeleteBucket(ctx, "1", "work"); err != nil {
		t.Errorf("DeleteBucket: %v", err)
	}
	if _, err := s.Bucket(ctx, "1", "work"); err != ErrNoBucket {
		t.Errorf("Bucket after delete: %v, want ErrNoBucket", err)
	}
	if _, err := s.Bucket(ctx, "2", "work"); err != nil {
		t.Errorf("Bucket of another account: %v", err)
	}
}

// TestListAgainstModel compares pages of every size with a listing made the slow way.
func TestListAgainstModel(t *testing.T) {
	t.Parallel()
	s := openIn(t, t.TempDir()).Store
	keys := []string{"a", "a/", "a/b", "a/b/c", "a/z", "a0", "b", "b//c", "b/c", "c/ключ", "c/é", "c/\U0001f600", "c/\uffff", "z/1", "z/2"}
	for _, k := range keys {
		put(t, s, k, k)
	}
	slices.Sort(keys)
	for _, prefix := range []string{"", "a", "a/", "b/", "c/", "none"} {
		for _, delimiter := range []string{"", "/", "b"} {
			want := model(keys, prefix, delimiter)
			for size := 1; size <= len(keys)+1; size++ {
				got, err := pages(t.Context(), s, Query{Prefix: prefix, Delimiter: delimiter, Max: size})
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("List prefix %q delimiter %q by %d = %q, %v, want %q", prefix, delimiter, size, got, err, want)
				}
			}
		}
	}
}

func model(keys []string, prefix, delimiter string) (out []string) {
	for _, k := range keys {
		if !strings.HasPrefix(k, prefix) {
			continue
		}
		if i := strings.Index(k[len(prefix):], delimiter); delimiter != "" && i >= 0 {
			k = "group " + k[:len(prefix)+i+len(delimiter)]
		}
		if !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, byName)
	return out
}

func byName(a, b string) int {
	return strings.Compare(strings.TrimPrefix(a, "group "), strings.TrimPrefix(b, "group "))
}

func pages(ctx context.Context, s *Store, q Query) (out []string, err error) {
	for {
		p, err := s.List(ctx, "1", "work", q)
		if err != nil {
			return nil, err
		}
		if n := len(p.Objects) + len(p.Groups); n > q.Max || p.Next != "" && n != q.Max {
			return nil, fmt.Errorf("a page of %d at most has %d", q.Max, n)
		}
		var page []string
		for _, o := range p.Objects {
			page = append(page, o.Name.Key)
		}
		for _, g := range p.Groups {
			page = append(page, "group "+g)
		}
		slices.SortFunc(page, byName)
		out = append(out, page...)
		if p.Next == "" {
			return out, nil
		}
		q.After = p.Next
	}
}

// TestJoinedChecksums compares the checksum of a whole, computed from its parts, with
// that of the bytes.
func TestJoinedChecksums(t *testing.T) {
	t.Parallel()
	rng := testenv.Rand(t)
	for _, a := range []Algorithm{CRC32, CRC32C, CRC64NVME} {
		for range 20 {
			j, whole := newJoiner(a), a.New()
			var sizes []int
			for range 1 + rng.IntN(5) {
				part := make([]byte, rng.IntN(5000))
				for i := range part {
					part[i] = byte(rng.Uint32())
				}
				h := a.New()
				h.Write(part)
				whole.Write(part)
				j.add(h.Sum(nil), int64(len(part)))
				sizes = append(sizes, len(part))
			}
			if got, want := j.sum(), whole.Sum(nil); !bytes.Equal(got, want) {
				t.Errorf("%s of parts of %v bytes = %x, want %x", a, sizes, got, want)
			}
		}
	}
}

func TestChecksumIsKept(t *testing.T) {
	t.Parallel()
	s := openIn(t, t.TempDir()).Store
	put(t, s, "other", "makes the bucket")
	sum := sha256.Sum256([]byte("text"))
	want := base64.StdEncoding.EncodeToString(sum[:])
	o, err := s.Write(t.Context(), at("k"), Write{Checksum: SHA256}, strings.NewReader("text"))
	if err != nil || o.Checksum != (Checksum{SHA256, want, false}) {
		t.Errorf("Write = %+v, %v, want SHA256 %s", o.Checksum, err, want)
	}
}
