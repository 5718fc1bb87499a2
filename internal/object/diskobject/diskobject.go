// Package diskobject keeps objects under a directory of the machine it runs on.
//
// In come names and streams, out go streams. Bytes lie in blobs: files that are
// written once, under random names, so that no key ever becomes a path. What is
// known about them lies in an index, a small Pebble store beside them:
//
//	DIR/blobs/<32 hex digits>    bytes; an object is a list of such segments
//	DIR/index/                   bucket, object, content, segment, hold, upload, part
//
//	object ─┐
//	object ─┼─> content (counts who refers to it) ─> segment, segment, ...
//	hold   ─┘
//	part of an upload ──────────────────────────────> segment
//
// A content is an immutable sequence of bytes, and its id is the object's version.
// Copying and holding add a reference to it, completing a multipart upload lists the
// segments of its parts: neither touches a byte.
//
// A blob and its folder are synced before one atomic, synced step of the index says
// that it exists. So after a crash at any moment an acknowledged object is whole, and
// any other is absent; blobs that the index does not know are removed by Open. A blob
// that nothing refers to any more is removed when the last reader has closed.
//
// Store is what object.Store asks for, and the wider set that S3 needs: buckets,
// conditions, checksums, listing, multipart uploads. A stream that comes in has two
// buffers of copyBuffer bytes, one that goes out has its reader's.
package diskobject

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/pebbledb"
)

// Options of a Store; the zero value works.
type Options struct {
	FS     vfs.FS           // nil means that of the machine
	Now    func() time.Time // nil means time.Now
	Logger *slog.Logger     // nil means silence

	Exit       func(code int) // ends the process when Pebble cannot continue; nil means os.Exit
	AcceptLoss bool           // open even if acknowledged data is missing, see pebbledb
}

// The index holds little and is asked rarely: it gets little memory.
const (
	indexCache    = 2 << 20
	indexMemTable = 2 << 20
)

// Store keeps objects under a directory, which belongs to it alone while it is open.
// Its methods may be called by many goroutines at a time.
type Store struct {
	fs     vfs.FS
	now    func() time.Time
	log    *slog.Logger
	blobs  string
	folder vfs.File // the open folder of blobs, to sync it
	db     *pebbledb.DB
	bufs   sync.Pool // *[]byte of copyBuffer

	// life is held, for reading, by whoever uses the index, so that Close can wait.
	life   sync.RWMutex
	closed bool

	// mu makes a step of the index one step: it is held from the first read of a step
	// until the step is applied, and never while bytes move.
	mu     sync.RWMutex
	pins   map[string]int       // readers of a content that are open
	doomed map[string][]segment // contents that are gone but for their readers

	kept kept // has its own lock, taken last
}

var _ object.Store = (*Store)(nil)

// Open opens the store in dir, making it if there is none, and removes what a crash
// has left over. A directory that another process has open is refused.
func Open(dir string, o Options) (*Store, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{
		fs: o.FS, now: o.Now, log: o.Logger, blobs: o.FS.PathJoin(dir, "blobs"),
		pins: map[string]int{}, doomed: map[string][]segment{},
	}
	s.bufs.New = func() any { b := make([]byte, copyBuffer); return &b }
	if err := s.open(dir, o); err != nil {
		return nil, fmt.Errorf("open objects in %s: %w", dir, err)
	}
	return s, nil
}

func (s *Store) open(dir string, o Options) error {
	if err := s.makeFolders(dir); err != nil {
		return err
	}
	cache := pebble.NewCache(indexCache)
	defer cache.Unref()
	var err error
	s.db, err = pebbledb.Open(s.fs.PathJoin(dir, "index"), &pebble.Options{
		FS: s.fs, Cache: cache, MemTableSize: indexMemTable,
		FormatMajorVersion: pebble.FormatValueSeparation,
	}, pebbledb.Options{Name: "object index", Logger: o.Logger, Exit: o.Exit, AcceptLoss: o.AcceptLoss})
	if err != nil {
		return fmt.Errorf("open index: %w", err)
	}
	if s.folder, err = s.fs.OpenDir(s.blobs); err != nil {
		return errors.Join(err, s.db.Close())
	}
	if err := s.sweep(); err != nil {
		return errors.Join(err, s.folder.Close(), s.db.Close())
	}
	return nil
}

// makeFolders makes sure that the folders outlive a crash as their blobs will.
func (s *Store) makeFolders(dir string) error {
	if err := s.fs.MkdirAll(s.blobs, 0o700); err != nil {
		return err
	}
	for _, d := range []string{dir, filepath.Dir(filepath.Clean(dir))} {
		f, err := s.fs.OpenDir(d)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("sync %s: %w", d, err)
		}
	}
	return nil
}

// sweep removes the blobs that the index does not know: those that were being
// written, or whose removal was due, when the process ended.
func (s *Store) sweep() error {
	names, err := s.fs.List(s.blobs)
	if err != nil {
		return fmt.Errorf("list blobs: %w", err)
	}
	removed := 0
	for _, name := range names {
		known, err := s.has(segmentKey(name))
		if err != nil {
			return err
		}
		if known {
			continue
		}
		if err := s.fs.Remove(s.fs.PathJoin(s.blobs, name)); err != nil {
			return fmt.Errorf("remove orphan: %w", err)
		}
		removed++
	}
	if removed > 0 {
		s.log.Info("orphaned blobs removed", "blobs", removed)
	}
	return nil
}

// Close closes the store. Readers that are open may read on.
func (s *Store) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return errors.Join(s.db.Close(), s.folder.Close())
}

// enter keeps the index open until s.life is unlocked again, unless it is closed.
func (s *Store) enter() error {
	s.life.RLock()
	if s.closed {
		s.life.RUnlock()
		return errClosed
	}
	return nil
}

var errClosed = fault.New(fault.Unavailable, "the server is shutting down")

// newID returns a name that was never used before.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b[:])
}
