package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"

	"golang.org/x/time/rate"
)

const (
	// inMemory is the size up to which a file is read once, into memory. It is more than
	// a sorted file has. Larger files are read twice: their name in the target is known
	// after the first time.
	inMemory   = 40 << 20
	bufferSize = 256 << 10
)

// copyAll copies what the target does not have, and fills the manifest.
func (r *run) copyAll(ctx context.Context) error {
	files, err := r.snapshot.files()
	if err != nil {
		return err
	}
	for _, f := range files {
		r.done.TotalFiles++
		r.done.TotalBytes += f.size
	}
	for _, f := range files {
		e, err := r.copyFile(ctx, f)
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if err != nil {
			return fmt.Errorf("back up %s: %w", f.path, err)
		}
		r.manifest.Entries = append(r.manifest.Entries, e)
		r.done.Files++
		r.progress(0)
	}
	return nil
}

func (r *run) progress(bytes int64) {
	r.done.Bytes += bytes
	if r.o.Progress != nil {
		r.o.Progress(r.done)
	}
}

// copyFile copies one file, unless the target has it.
func (r *run) copyFile(ctx context.Context, f file) (Entry, error) {
	src, err := f.open()
	if err != nil {
		return Entry{}, err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Path: f.path, Size: info.Size()}
	if immutable(f.path) {
		e.Mtime, e.Inode = info.ModTime().UnixNano(), inode(info)
	}
	if previous, ok := r.previous[f.path]; ok && r.unchanged(previous, e) {
		r.progress(e.Size)
		return previous, nil
	}
	if e.Size <= inMemory {
		return r.copySmall(ctx, src, e)
	}
	return r.copyLarge(ctx, src, e)
}

// unchanged reports whether the target has the file as it was in the backup before.
func (r *run) unchanged(previous, now Entry) bool {
	size, stored := r.stored[previous.SHA256]
	previous.SHA256 = ""
	return stored && size == now.Size && previous == now && now.Inode != 0
}

func (r *run) copySmall(ctx context.Context, src io.Reader, e Entry) (Entry, error) {
	if r.buf == nil {
		r.buf = make([]byte, 0, inMemory)
	}
	text := r.buf[:e.Size]
	if _, err := io.ReadFull(r.reader(ctx, src), text); err != nil {
		return e, err
	}
	if err := atEnd(src); err != nil {
		return e, err
	}
	sum := sha256.Sum256(text)
	e.SHA256 = hex.EncodeToString(sum[:])
	if r.has(e) {
		return e, nil
	}
	if err := r.target.PutFrom(ctx, fileName(e.SHA256), bytes.NewReader(text)); err != nil {
		return e, err
	}
	r.stored[e.SHA256] = e.Size
	r.copied += e.Size
	return e, nil
}

func (r *run) copyLarge(ctx context.Context, src *os.File, e Entry) (Entry, error) {
	sum := sha256.New()
	if n, err := io.CopyBuffer(sum, r.reader(ctx, src), make([]byte, bufferSize)); err != nil || n != e.Size {
		return e, errors.Join(err, sizeError(n, e.Size))
	}
	e.SHA256 = hex.EncodeToString(sum.Sum(nil))
	if r.has(e) {
		return e, nil
	}
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return e, err
	}
	again := r.reader(ctx, src)
	again.progress = nil
	if err := r.target.PutFrom(ctx, fileName(e.SHA256), verified(again, e)); err != nil {
		return e, err
	}
	r.stored[e.SHA256] = e.Size
	r.copied += e.Size
	return e, nil
}

func (r *run) has(e Entry) bool {
	size, ok := r.stored[e.SHA256]
	return ok && size == e.Size
}

// atEnd checks that a file has not grown.
func atEnd(src io.Reader) error {
	var one [1]byte
	if n, err := src.Read(one[:]); n > 0 || !errors.Is(err, io.EOF) {
		return errors.Join(errors.New("the file changed while it was read"), ignoreEOF(err))
	}
	return nil
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// errMismatch means that the bytes of a file are not those that were expected.
var errMismatch = errors.New("the contents differ")

func sizeError(got, want int64) error {
	if got == want {
		return nil
	}
	return fmt.Errorf("%w: it has %d bytes, not %d", errMismatch, got, want)
}

// reader reads a source file no faster than allowed, until ctx ends.
type reader struct {
	ctx      context.Context
	src      io.Reader
	limit    *rate.Limiter
	progress func(bytes int64) // may be nil
}

func (r *run) reader(ctx context.Context, src io.Reader) *reader {
	return &reader{ctx, src, r.limit, r.progress}
}

func (r *reader) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	n, err := r.src.Read(p[:min(len(p), bufferSize)])
	if r.progress != nil {
		r.progress(int64(n))
	}
	if r.limit != nil && n > 0 {
		if waitErr := r.limit.WaitN(r.ctx, n); waitErr != nil {
			return n, waitErr
		}
	}
	return n, err
}

// verifier fails at the end of a stream that is not what its entry says.
type verifier struct {
	src  io.Reader
	want Entry
	sum  hash.Hash
	n    int64
}

func verified(src io.Reader, want Entry) *verifier {
	return &verifier{src: src, want: want, sum: sha256.New()}
}

func (v *verifier) Read(p []byte) (int, error) {
	n, err := v.src.Read(p)
	v.n += int64(n)
	v.sum.Write(p[:n])
	switch {
	case v.n > v.want.Size, errors.Is(err, io.EOF) && v.n < v.want.Size:
		return n, sizeError(v.n, v.want.Size)
	case errors.Is(err, io.EOF) && hex.EncodeToString(v.sum.Sum(nil)) != v.want.SHA256:
		return n, fmt.Errorf("%w: its checksum does not match", errMismatch)
	}
	return n, err
}

// openRetrying opens one of several names. A blob gets its final name in the moment in
// which the index commits it, so the first name is tried again.
func openRetrying(names ...string) (*os.File, error) {
	for _, name := range append(names, names...) {
		f, err := os.Open(name)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return nil, fmt.Errorf("%s: %w", names[0], fs.ErrNotExist)
}
