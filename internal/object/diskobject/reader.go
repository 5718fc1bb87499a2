package diskobject

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
)

// Reader reads one version of an object, which stays whole until Close, whatever
// happens to the name. It returns verified bytes only: blocks are read whole and
// compared with their checksums, and a block that differs is fault.Damaged with its
// offset in the object. It is for one goroutine at a time.
type Reader struct {
	Object Object // as it was when the reader was opened

	s       *Store
	content string
	parts   []segment
	size    int64
	pos     int64

	file  vfs.File // of the segment that was read last
	sums  blockSums
	index int   // of that segment
	start int64 // where that segment starts

	buf    *[]byte   // from the store's buffers
	chunks chunkSums // of the block that is read in chunks
	block  []byte    // the block, or chunk of one, that was verified last
	from   int64     // where it starts
	err    error     // of a damaged block, until a seek
	done   bool
}

// Get opens the object n.
func (s *Store) Get(_ context.Context, n object.Name) (*Reader, error) {
	return s.reader(func() (entry, error) { return lookup(s, n) }, n)
}

// Open implements object.Store.
func (s *Store) Open(_ context.Context, n object.Name, version string, offset int64) (io.ReadCloser, error) {
	if offset < 0 {
		return nil, fault.New(fault.Invalid, "an offset is not negative")
	}
	r, err := s.reader(func() (entry, error) {
		if version == "" {
			return lookup(s, n)
		}
		return entry{Content: version}, nil
	}, n)
	if err != nil {
		return nil, err
	}
	r.pos = offset
	return r, nil
}

// reader opens the content that find names, and pins it in the same step.
func (s *Store) reader(find func() (entry, error), n object.Name) (*Reader, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.life.RUnlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := find()
	if err != nil {
		return nil, err
	}
	var c content
	ok, err := s.get(contentKey(e.Content), &c)
	if err != nil {
		return nil, err
	}
	if !ok || c.Account != n.Account {
		return nil, fault.New(fault.Broken, "the object %s has changed since it was started from", n.URL())
	}
	r := &Reader{Object: e.object(n), s: s, content: e.Content, parts: c.Segments}
	for _, seg := range c.Segments {
		r.size += seg.Size
	}
	s.pin(e.Content)
	return r, nil
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := r.Next(len(p))
	return copy(p, b), err
}

// Next returns the next bytes, at most limit and at least one, or io.EOF at the end.
// They are valid until the next call of a method of r.
func (r *Reader) Next(limit int) ([]byte, error) {
	if r.pos >= r.size {
		return nil, io.EOF
	}
	if err := r.Verify(); err != nil {
		return nil, err
	}
	b := r.block[r.pos-r.from:]
	b = b[:min(limit, len(b))]
	r.pos += int64(len(b))
	return b, nil
}

// Verify reads the block that the next byte is in, so that Next cannot fail there. At
// the end there is nothing to verify.
func (r *Reader) Verify() error {
	if r.pos >= r.size || r.pos >= r.from && r.pos < r.from+int64(len(r.block)) {
		return nil
	}
	if r.err != nil {
		return r.err
	}
	err := r.load()
	if fault.Is(err, fault.Damaged) {
		r.err = err // logged and counted once
	}
	return err
}

// load reads and verifies the block that pos is in, or its chunk if the buffer is no
// larger.
func (r *Reader) load() error {
	r.block = nil
	if err := r.seekSegment(); err != nil {
		return err
	}
	if r.buf == nil {
		r.buf = r.s.buffers.get()
	}
	if len(*r.buf) < blockSize {
		return r.loadChunk()
	}
	number := (r.pos - r.start) / blockSize
	offset := number * blockSize
	text := (*r.buf)[:min(blockSize, r.parts[r.index].Size-offset)]
	if err := r.readAt(text, offset); err != nil {
		return err
	}
	if !r.sums.verify(number, text) {
		return r.damaged(offset, "checksum mismatch")
	}
	r.block, r.from = text, r.start+offset
	return nil
}

// readAt fills text from the current file at offset.
func (r *Reader) readAt(text []byte, offset int64) error {
	switch n, err := r.file.ReadAt(text, offset); {
	case n == len(text):
		return nil
	case err == io.EOF: // files return io.EOF itself
		return r.damaged(offset, "the file is too short")
	default:
		return fmt.Errorf("read blob %s: %w", r.parts[r.index].Blob, toFault(err))
	}
}

// seekSegment opens the segment that pos is in. Positions move forward but for seeks.
func (r *Reader) seekSegment() error {
	i, start := r.index, r.start
	if r.pos < start {
		i, start = 0, 0
	}
	for r.pos >= start+r.parts[i].Size {
		start += r.parts[i].Size
		i++
	}
	if r.file != nil && i == r.index {
		return nil
	}
	if err := r.closeFile(); err != nil {
		return err
	}
	r.index, r.start, r.chunks.known = i, start, false
	seg := r.parts[i]
	sums, err := r.s.checksums(seg.Blob)
	if err != nil {
		return err
	}
	offset := (r.pos - start) / blockSize * blockSize
	if !sums.fit(seg.Size) {
		return r.damaged(offset, "the index has no checksums of the blob")
	}
	f, err := openBlob(r.s.fs, r.s.path(seg.Blob))
	if errors.Is(err, fs.ErrNotExist) {
		return r.damaged(offset, "the file is missing")
	}
	if err != nil {
		return fmt.Errorf("open blob %s: %w", seg.Blob, toFault(err))
	}
	r.file, r.sums = f, sums
	return nil
}

// damaged logs and counts that the block at or around offset of the current segment is
// damaged.
func (r *Reader) damaged(offset int64, problem string) error {
	offset -= offset % blockSize
	at := r.start + offset
	r.s.damaged.Inc()
	r.s.log.Error("stored object is damaged",
		"blob", r.parts[r.index].Blob, "offset", offset, "object_offset", at, "problem", problem)
	return fault.New(fault.Damaged, "stored object is damaged at byte %d", at)
}

// Seek implements io.Seeker.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.pos
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the start")
	}
	r.pos, r.err = offset, nil
	return offset, nil
}

// Part returns where the part with the number, from 1, starts and how long it is; false
// if the object was not put in parts, or has no such part.
func (r *Reader) Part(number int) (start, size int64, ok bool) {
	if number < 1 || number > r.Object.Parts || number > len(r.parts) {
		return 0, 0, false
	}
	for _, seg := range r.parts[:number-1] {
		start += seg.Size
	}
	return start, r.parts[number-1].Size, true
}

// Close releases the version.
func (r *Reader) Close() error {
	if r.done {
		return nil
	}
	r.done = true
	r.block = nil
	if r.buf != nil {
		r.s.buffers.put(r.buf)
		r.buf = nil
	}
	err := r.closeFile()
	r.s.unpin(r.content)
	return err
}

func (r *Reader) closeFile() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}
