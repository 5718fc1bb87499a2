package diskobject

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// copyBuffer is the memory of one stream, in or out.
	copyBuffer = 256 << 10
	// syncEvery is how many bytes may wait in the page cache: writing back early lets
	// disk and network work at the same time, and keeps the last sync short.
	syncEvery = 8 << 20
)

// written is a synced blob that the index does not know yet.
type written struct {
	segments []segment // one, or none for no bytes
	digest   Digest
}

// write stores what r gives in a new blob and syncs it. On an error nothing is left.
func (s *Store) write(ctx context.Context, r io.Reader, algorithms ...Algorithm) (written, error) {
	id := newID()
	path := s.fs.PathJoin(s.blobs, id)
	f, err := s.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return written{}, fmt.Errorf("create blob: %w", err)
	}
	sums := newSums(algorithms)
	size, err := s.fill(ctx, f, r, sums)
	if err == nil && size > 0 {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err != nil || size == 0 {
		return written{digest: sums.digest(0)}, errors.Join(err, s.fs.Remove(path))
	}
	if err := s.folder.Sync(); err != nil {
		return written{}, errors.Join(fmt.Errorf("sync blobs: %w", err), s.fs.Remove(path))
	}
	return written{[]segment{{id, size}}, sums.digest(size)}, nil
}

func (s *Store) fill(ctx context.Context, f vfs.File, r io.Reader, sums *sums) (int64, error) {
	p := s.bufs.Get().(*[]byte)
	defer s.bufs.Put(p)
	buf := *p
	var size, synced int64
	for {
		if err := context.Cause(ctx); err != nil {
			return size, err
		}
		n, err := readFull(r, buf)
		if n > 0 {
			sums.write(buf[:n])
			if _, err := f.Write(buf[:n]); err != nil {
				return size, fmt.Errorf("write blob: %w", err)
			}
			size += int64(n)
		}
		if size-synced >= syncEvery {
			if _, err := f.SyncTo(size); err != nil {
				return size, fmt.Errorf("write blob back: %w", err)
			}
			synced = size
		}
		if err == io.EOF {
			return size, nil
		}
		if err != nil {
			return size, err
		}
	}
}

// readFull fills buf as far as r goes. Unlike io.ReadFull it keeps r's own error: a
// body that broke off must not look like one that ended.
func readFull(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	return n, err
}

// discard removes a blob that the index was not told of, because of err. If it may
// have been told, the blob stays: better an orphan than an object without its bytes.
func (s *Store) discard(w written, err error) {
	if !errors.Is(err, errUnsynced) {
		s.remove(w.segments)
	}
}

// remove removes blobs that nothing refers to. What cannot be removed now is removed by
// the next Open.
func (s *Store) remove(segments []segment) {
	for _, seg := range segments {
		if seg.Blob == "" {
			continue
		}
		if err := s.fs.Remove(s.fs.PathJoin(s.blobs, seg.Blob)); err != nil {
			s.log.Warn("blob not removed", "blob", seg.Blob, "error", err)
		}
	}
}

// pin keeps the blobs of a content while someone reads them. s.mu is held.
func (s *Store) pin(id string) { s.pins[id]++ }

func (s *Store) unpin(id string) {
	s.mu.Lock()
	var free []segment
	if s.pins[id]--; s.pins[id] == 0 {
		delete(s.pins, id)
		free = s.doomed[id]
		delete(s.doomed, id)
	}
	s.mu.Unlock()
	s.remove(free)
}
