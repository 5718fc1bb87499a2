package diskobject

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
)

// Reader reads one version of an object, which stays whole until Close, whatever
// happens to the name. It is for one goroutine at a time.
type Reader struct {
	Object Object // as it was when the reader was opened

	s       *Store
	content string
	parts   []segment
	size    int64
	pos     int64

	file  vfs.File // of the segment that was read last
	index int      // of that segment
	start int64    // where that segment starts
	done  bool
}

// Get opens what lies at n now.
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

// reader opens the content that find names, and pins it in the same breath.
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
	if r.pos >= r.size || len(p) == 0 {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	if err := r.seekSegment(); err != nil {
		return 0, err
	}
	seg := r.parts[r.index]
	within := r.pos - r.start
	p = p[:min(int64(len(p)), seg.Size-within)]
	n, err := r.file.ReadAt(p, within)
	r.pos += int64(n)
	if n > 0 {
		return n, nil // an error comes back with the next Read
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return 0, fmt.Errorf("read blob %s of %s: %w", seg.Blob, r.Object.Name.URL(), err)
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
	f, err := r.s.fs.Open(r.s.fs.PathJoin(r.s.blobs, r.parts[i].Blob), vfs.SequentialReadsOption)
	if err != nil {
		return fmt.Errorf("open blob of %s: %w", r.Object.Name.URL(), err)
	}
	r.file, r.index, r.start = f, i, start
	return nil
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
	r.pos = offset
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

// Close lets go of the version.
func (r *Reader) Close() error {
	if r.done {
		return nil
	}
	r.done = true
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
