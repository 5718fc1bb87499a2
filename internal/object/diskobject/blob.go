package diskobject

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/diskspace"
	"github.com/sluicehq/sluice/internal/guard"
)

const (
	// copyBuffer is half the memory of a stream that comes in.
	copyBuffer = 256 << 10
	// syncEvery is how many bytes may wait in the page cache: writing back early lets
	// disk and network work at the same time, and keeps the last sync short.
	syncEvery = 8 << 20
)

// unfinished ends the name of a blob's file until the index knows the blob.
const unfinished = ".tmp"

// written is a synced blob that the index does not know yet.
type written struct {
	segments []segment // one, or none for no bytes
	blocks   blockSums
	digest   Digest
}

// write stores what r gives in a new blob and syncs it. On an error nothing is left.
func (s *Store) write(ctx context.Context, r io.Reader, algorithms ...Algorithm) (written, error) {
	if err := s.space.Upload(unknownSize); err != nil {
		return written{}, err
	}
	id := newID()
	path := s.path(id) + unfinished
	f, err := s.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return written{}, fmt.Errorf("create blob: %w", toFault(err))
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
	if err := s.syncDir(); err != nil {
		return written{}, errors.Join(fmt.Errorf("sync blobs: %w", err), s.fs.Remove(path))
	}
	return written{[]segment{{id, size}}, sums.blocks.finish(), sums.digest(size)}, nil
}

// fill copies r to f and hashes it. MD5 is slower than disk and network, so it has a
// goroutine of its own, which always has a buffer to hash: it goes on with the next one
// while this goroutine writes the one before, reads into it again and computes the other
// checksums. A buffer is written last, since files may change what they are given.
func (s *Store) fill(ctx context.Context, f vfs.File, r io.Reader, sums *sums) (int64, error) {
	out := sink{f: f, space: s.space}
	hasher := md5Queue{sums: sums, guard: s.guard}
	var bufs [2]*[]byte // the second is taken when a stream is longer than one
	defer func() {
		hasher.close()
		for _, p := range bufs {
			if p != nil {
				s.bufs.Put(p)
			}
		}
	}()
	var before []byte // handed to the hasher, and not written yet
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
		if err == io.EOF && before == nil { // short: another goroutine is not worth its start
			sums.writeMD5(text)
			sums.writeOthers(text)
			err = out.write(text)
			return out.size, err
		}
		hasher.add(text)
		sums.writeOthers(text)
		if before != nil {
			if err := cmp.Or(hasher.await(), out.write(before)); err != nil {
				return out.size, err
			}
		}
		if err == io.EOF {
			return out.size, cmp.Or(hasher.await(), out.write(text))
		}
		before = text
	}
}

// md5Queue computes the MD5 of a stream in another goroutine, which the first buffer
// starts. At most two buffers are added and not awaited: one is hashed, and one waits so
// that the goroutine need not.
type md5Queue struct {
	sums    *sums
	added   chan []byte // nil before the first
	guard   *guard.Guard
	hashed  chan error
	running sync.WaitGroup
}

func (q *md5Queue) add(text []byte) {
	if q.added == nil {
		q.added, q.hashed = make(chan []byte, 1), make(chan error, 2)
		q.running.Go(q.run)
	}
	q.added <- text
}

func (q *md5Queue) run() {
	for text := range q.added {
		q.hashed <- q.hash(text)
	}
}

func (q *md5Queue) hash(text []byte) (err error) {
	defer q.guard.Recover(guard.Hash, &err)
	q.sums.writeMD5(text)
	return nil
}

// await waits for the oldest buffer that was not awaited.
func (q *md5Queue) await() error { return <-q.hashed }

// close waits until no buffer is used any more.
func (q *md5Queue) close() {
	if q.added != nil {
		close(q.added)
		q.running.Wait()
	}
}

// sink writes a blob, and starts to write it back before its end.
type sink struct {
	f            vfs.File
	space        Space
	size, synced int64
}

func (s *sink) write(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if _, err := s.f.Write(p); err != nil {
		return fmt.Errorf("write blob: %w", diskspace.ToFault(err))
	}
	s.size += int64(len(p))
	if s.size-s.synced < syncEvery {
		return nil
	}
	s.synced = s.size
	if _, err := s.f.SyncTo(s.size); err != nil {
		return fmt.Errorf("write blob back: %w", diskspace.ToFault(err))
	}
	return s.space.Upload(unknownSize)
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

// discard removes a blob that the index does not know, because of err. If it may know
// the blob, the file stays unfinished, and the next Open decides.
func (s *Store) discard(w written, err error) {
	if errors.Is(err, errUnsynced) {
		return
	}
	for _, seg := range w.segments {
		if err := s.fs.Remove(s.path(seg.Blob) + unfinished); err != nil {
			s.log.Warn("unfinished blob not removed", "blob", seg.Blob, "error", err)
		}
	}
}

// finish gives blobs that the index knows their final names. One that keeps the other
// name is found all the same, and renamed by the next Open.
func (s *Store) finish(blobs []string) {
	for _, id := range blobs {
		err := s.fs.Rename(s.path(id)+unfinished, s.path(id))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // else it was deleted meanwhile
			s.log.Warn("blob not renamed", "blob", id, "error", err)
		}
	}
}

func (s *Store) path(blob string) string { return s.fs.PathJoin(s.blobs, blob) }

// findBlob calls try with the path of a blob's file in the folder of blobs. The file may
// be renamed meanwhile, once: so each path is tried before and after the other.
func findBlob(path string, try func(path string) error) (err error) {
	for _, p := range []string{path, path + unfinished, path} {
		if err = try(p); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return err
}

// openBlob opens the file of a blob that the index knows.
func openBlob(disk vfs.FS, path string) (f vfs.File, err error) {
	err = findBlob(path, func(path string) (err error) {
		f, err = disk.Open(path, vfs.SequentialReadsOption)
		return err
	})
	return f, err
}
