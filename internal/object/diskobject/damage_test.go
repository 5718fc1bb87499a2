package diskobject

import (
	"bytes"
	"crypto/md5" // S3's ETag is one
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/testenv"
)

// stored is an object whose blobs a test damages.
type stored struct {
	dir  string
	s    *Store
	key  string
	text []byte
}

// putRandom stores random bytes whose length is near the end of a block, in one piece or
// in parts.
func putRandom(t *testing.T, rng *rand.Rand, dir string, s *Store, key string) stored {
	t.Helper()
	near := func() int { return max(1, rng.IntN(3)*blockSize+rng.IntN(5)-2) }
	texts := []string{random(rng, near())}
	if rng.IntN(2) == 0 {
		put(t, s, key, texts[0])
	} else {
		texts = []string{random(rng, MinPartSize+near()), random(rng, MinPartSize+rng.IntN(3)), random(rng, near())}
		u, refs := uploadOf(t, s, key, Checksum{}, texts...)
		if _, err := s.Complete(t.Context(), at(key), u.ID, Completion{Parts: refs}); err != nil {
			t.Fatalf("Complete: %v", err)
		}
	}
	return stored{dir, s, key, []byte(strings.Join(texts, ""))}
}

func random(rng *rand.Rand, size int) string {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return string(b)
}

// find returns the blob that has the object's byte at offset, where in the blob that is,
// and where the blob starts.
func (o stored) find(t *testing.T, offset int64) (path string, within, start int64) {
	t.Helper()
	r, err := o.s.Get(t.Context(), at(o.key))
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	defer func() { _ = r.Close() }()
	for _, seg := range r.parts {
		if offset < start+seg.Size {
			return filepath.Join(o.dir, "blobs", seg.Blob), offset - start, start
		}
		start += seg.Size
	}
	t.Fatalf("the object has no byte %d", offset)
	return "", 0, 0
}

// flip changes one byte of a file; to do so again undoes it.
func flip(t *testing.T, path string, offset int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	_, err = f.ReadAt(b[:], offset)
	b[0] ^= 0x55
	if err == nil {
		_, err = f.WriteAt(b[:], offset)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedBlocks flips a byte of an object: every read that touches the byte's block
// fails and says where the block is, every other read is right.
func TestDamagedBlocks(t *testing.T) {
	t.Parallel()
	for name, whole := range map[string]int{"whole blocks": wholeBlocks, "chunks": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testDamagedBlocks(t, whole)
		})
	}
}

func testDamagedBlocks(t *testing.T, whole int) {
	rng := testenv.Rand(t)
	dir := t.TempDir()
	s := openIn(t, dir).Store
	s.buffers = newReadBuffers(whole)
	put(t, s, "first", "makes the bucket")
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	for i := range rounds {
		o := putRandom(t, rng, dir, s, fmt.Sprintf("k%d", i))
		o.wantReads(t, rng, -1, -1)
		offset := rng.Int64N(int64(len(o.text)))
		path, within, start := o.find(t, offset)
		flip(t, path, within)
		from := start + within/blockSize*blockSize
		size, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		o.wantReads(t, rng, from, min(from+blockSize, start+size.Size()))
		flip(t, path, within)
		o.wantReads(t, rng, -1, -1)
	}
}

// wantReads reads the object at random places with one reader; the bytes from badFrom to
// badTo cannot be read.
func (o stored) wantReads(t *testing.T, rng *rand.Rand, badFrom, badTo int64) {
	t.Helper()
	r, err := o.s.Get(t.Context(), at(o.key))
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	defer func() { _ = r.Close() }()
	size := int64(len(o.text))
	for range 30 {
		from := rng.Int64N(size)
		if rng.IntN(3) == 0 {
			from = rng.Int64N(size/blockSize+1) * blockSize % size
		}
		to := from + 1 + rng.Int64N(size-from)
		if rng.IntN(2) == 0 {
			to = min(to, from+1+rng.Int64N(64))
		}
		if badFrom >= 0 && rng.IntN(3) == 0 { // end where the damage begins, or begin where it ends
			if from < badFrom {
				to = badFrom
			} else if badTo < size {
				from, to = badTo, max(to, badTo+1)
			}
		}
		if _, err := r.Seek(from, io.SeekStart); err != nil {
			t.Fatalf("Seek: %v", err)
		}
		var got bytes.Buffer
		_, err := io.CopyBuffer(struct{ io.Writer }{&got}, io.LimitReader(r, to-from), make([]byte, 1+rng.IntN(300<<10)))
		end := to
		if from < badTo && to > badFrom {
			end = max(from, badFrom)
			want := fmt.Sprintf("stored object is damaged at byte %d", badFrom)
			if !fault.Is(err, fault.Damaged) || fault.Message(err) != want {
				t.Errorf("read of %d to %d of %d: %v, want %s", from, to, size, err, want)
			}
		} else if err != nil {
			t.Errorf("read of %d to %d of %d: %v, want nil", from, to, size, err)
		}
		if !bytes.Equal(got.Bytes(), o.text[from:end]) {
			t.Errorf("read of %d to %d of %d gives %d bytes, want the %d that are not damaged", from, to, size, got.Len(), end-from)
		}
	}
}

// TestReadBuffersAreBounded opens more readers than may hold a whole block.
func TestReadBuffersAreBounded(t *testing.T) {
	t.Parallel()
	s := openIn(t, t.TempDir()).Store
	put(t, s, "k", strings.Repeat("0123456789abcdef", 3*blockSize/32))
	var readers []*Reader
	read := func() int {
		t.Helper()
		r, err := s.Get(t.Context(), at("k"))
		if err != nil {
			t.Fatalf("Get: %v", err)
		}
		readers = append(readers, r)
		if err := r.Verify(); err != nil {
			t.Fatalf("Verify: %v", err)
		}
		return len(*r.buf)
	}
	for i := range wholeBlocks + 3 {
		want := blockSize
		if i >= wholeBlocks {
			want = chunkSize
		}
		if got := read(); got != want {
			t.Errorf("reader %d holds %d bytes, want %d", i, got, want)
		}
	}
	for _, r := range readers {
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if got := read(); got != blockSize {
		t.Errorf("a reader after the others have closed holds %d bytes, want %d", got, blockSize)
	}
	if err := readers[len(readers)-1].Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// TestDamagedFiles damages a blob of two blocks and a half in other ways than by a byte.
func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		damage func(path string) error
		at     int64 // -1: not at all
	}{
		{"missing", os.Remove, 0},
		{"empty", func(path string) error { return os.Truncate(path, 0) }, 0},
		{"cut within a block", func(path string) error { return os.Truncate(path, blockSize+1) }, blockSize},
		{"cut between blocks", func(path string) error { return os.Truncate(path, 2*blockSize) }, 2 * blockSize},
		{"one byte short", func(path string) error { return os.Truncate(path, 2*blockSize+blockSize/2-1) }, 2 * blockSize},
		{"longer", func(path string) error { return os.Truncate(path, 4*blockSize) }, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			dir, registry := t.TempDir(), prometheus.NewRegistry()
			s, err := Open(dir, Options{Logger: slog.New(slog.NewTextHandler(&log, nil)), Registry: registry})
			if err != nil {
				t.Fatalf("Open: %v", err)
			}
			defer func() { _ = s.Close() }()
			text := strings.Repeat("somebody\n", (2*blockSize+blockSize/2)/9+1)[:2*blockSize+blockSize/2]
			put(t, s, "key-of-the-object", text)
			path, _, _ := stored{dir: dir, s: s, key: "key-of-the-object"}.find(t, 0)
			if err := tt.damage(path); err != nil {
				t.Fatal(err)
			}
			r, err := s.Open(t.Context(), at("key-of-the-object"), "", 0)
			if err != nil {
				t.Fatalf("Open: %v", err)
			}
			got, err := io.ReadAll(r)
			wantErr, wantBytes, wantLines := "<nil>", len(text), 0
			if tt.at >= 0 {
				wantErr, wantBytes, wantLines = fmt.Sprintf("stored object is damaged at byte %d", tt.at), int(tt.at), 1
			}
			if fmt.Sprint(err) != wantErr || len(got) != wantBytes {
				t.Errorf("ReadAll = %d bytes, %v; want %d, %s", len(got), err, wantBytes, wantErr)
			}
			if _, again := r.Read(make([]byte, 10)); err != nil && !errors.Is(again, err) {
				t.Errorf("the next Read = %v, want the same error", again)
			}
			if err := r.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			if n := strings.Count(log.String(), "level=ERROR"); n != wantLines || strings.Contains(log.String(), "key-of") {
				t.Errorf("%d lines at ERROR, want %d, without the key:\n%s", n, wantLines, &log)
			}
			metrics, err := registry.Gather()
			if err != nil || len(metrics) != 1 || metrics[0].GetName() != "sluice_damaged_blocks_total" ||
				metrics[0].GetMetric()[0].GetCounter().GetValue() != float64(wantLines) {
				t.Errorf("metrics are %v, %v; want sluice_damaged_blocks_total = %d", metrics, err, wantLines)
			}
		})
	}
}

// TestReaderOutlivesItsObject reads parts of an object, which is deleted meanwhile, and
// verifies them.
func TestReaderOutlivesItsObject(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir).Store
	put(t, s, "first", "makes the bucket")
	one, two := strings.Repeat("1", MinPartSize), strings.Repeat("2", 10)
	u, refs := uploadOf(t, s, "k", Checksum{}, one, two)
	if _, err := s.Complete(t.Context(), at("k"), u.ID, Completion{Parts: refs}); err != nil {
		t.Fatalf("Complete: %v", err)
	}
	path, _, _ := stored{dir: dir, s: s, key: "k"}.find(t, MinPartSize)
	r, err := s.Get(t.Context(), at("k"))
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	defer func() { _ = r.Close() }()
	if err := s.Delete(t.Context(), at("k")); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	flip(t, path, 9)
	got, err := io.ReadAll(r)
	if want := fmt.Sprintf("stored object is damaged at byte %d", MinPartSize); len(got) != MinPartSize || fmt.Sprint(err) != want {
		t.Errorf("ReadAll = %d bytes, %v; want %d, %s", len(got), err, MinPartSize, want)
	}
	flip(t, path, 9)
	if _, err := r.Seek(MinPartSize, io.SeekStart); err != nil {
		t.Fatalf("Seek: %v", err)
	}
	if got, err := io.ReadAll(r); string(got) != two || err != nil {
		t.Errorf("ReadAll of the second part = %q, %v; want %q", got, err, two)
	}
}

// overwriting is a disk whose files change what they are given to write, as vfs.File
// allows.
type overwriting struct{ vfs.FS }

type overwritingFile struct{ vfs.File }

func (d overwriting) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(name, c)
	return overwritingFile{f}, err
}

func (f overwritingFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	clear(p)
	return n, err
}

// TestFilesThatOverwrite writes to a disk that changes the writer's buffers.
func TestFilesThatOverwrite(t *testing.T) {
	t.Parallel()
	rng := testenv.Rand(t)
	s, err := Open("data", Options{FS: overwriting{vfs.NewMem()}})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer func() { _ = s.Close() }()
	for _, size := range []int{1, copyBuffer - 1, copyBuffer, copyBuffer + 1, 2 * copyBuffer, 3*copyBuffer + 7} {
		want := random(rng, size)
		info := put(t, s, "k", want)
		wantText(t, s, "k", want)
		if etag := fmt.Sprintf("%x", md5.Sum([]byte(want))); info.ETag != etag { // S3's ETag is one
			t.Errorf("the ETag of %d bytes is %s, want %s", size, info.ETag, etag)
		}
	}
}
