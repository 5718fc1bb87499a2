package diskobject

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// copyBuffer is half the memory of a stream that comes in.
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

// fill copies r to f and hashes it. MD5 is slower than disk and network: one buffer is
// hashed while the next is read and written.
func (s *Store) fill(ctx context.Context, f vfs.File, r io.Reader, sums *sums) (int64, error) {
	out := sink{f: f}
	var hashing sync.WaitGroup
	var bufs [2]*[]byte // the second is taken when a stream is longer than one
	defer func() {
		hashing.Wait()
		for _, p := range bufs {
			if p != nil {
				s.bufs.Put(p)
			}
		}
	}()
	for i := 0; ; i ^= 1 {
		if err := context.Cause(ctx); err != nil {
			return out.size, err
		}
		if bufs[i] == nil {
			bufs[i] = s.bufs.Get().(*[]byte)
		}
		n, err := readFull(r, *bufs[i])
		if err != nil && err != io.EOF {
			return out.size, err
		}
		text := (*bufs[i])[:n]
		if err := out.write(text); err != nil {
			return out.size, err
		}
		hashing.Wait()
		if err == io.EOF {
			sums.write(text)
			return out.size, nil
		}
		hashing.Go(func() { sums.write(text) })
	}
}

// sink writes a blob, and starts to write it back before its end.
type sink struct {
	f            vfs.File
	size, synced int64
}

func (s *sink) write(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if _, err := s.f.Write(p); err != nil {
		return fmt.Errorf("write blob: %w", err)
	}
	s.size += int64(len(p))
	if s.size-s.synced < syncEvery {
		return nil
	}
	s.synced = s.size
	if _, err := s.f.SyncTo(s.size); err != nil {
		return fmt.Errorf("write blob back: %w", err)
	}
	return nil
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
	if s.kept.keep(segments) {
		return
	}
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
