// Package diskobject keeps objects under a directory of the machine it runs on.
//
// In come names and streams, out go streams. Bytes lie in blobs: files that are
// written once, under random names, so that no key ever becomes a path. What is
// known about them is in an index, a small Pebble store beside them:
//
//	DIR/blobs/<32 hex digits>        bytes; an object is a list of such segments
//	DIR/blobs/<32 hex digits>.tmp    the same, unfinished or not renamed yet
//	DIR/index/                       bucket, object, content, segment, hold, upload, part
//	DIR/unreferenced/                blobs that Open did not find in the index
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
// A blob is written as .tmp. It and its folder are synced before one atomic, synced step
// of the index says that it exists; then it is renamed. When nothing refers to it any
// more, a step of the index leaves a tombstone in its stead, which stays until the last
// reader has closed and the file is gone. So after a crash at any moment an acknowledged
// object is whole, any other is absent, and Open can tell what the crash left (.tmp, or a
// tombstone: removed) from blobs that the index should know and does not: these are set
// aside and never removed.
//
// The index has a CRC32C of each block of 1 MiB of a blob. Readers verify whole blocks:
// what they return is what was written.
//
// Store is what object.Store asks for, and the wider set that S3 needs: buckets,
// conditions, checksums, listing, multipart uploads. A stream that comes in has two
// buffers of copyBuffer bytes, one that goes out has one block, or 64 KiB beyond the first
// wholeBlocks.
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
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/guard"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/pebbledb"
)

// Options of a Store; the zero value works.
type Options struct {
	FS       vfs.FS                // nil means that of the machine
	Now      func() time.Time      // nil means time.Now
	Logger   *slog.Logger          // nil means silence
	Registry prometheus.Registerer // of the metrics; nil registers none
	Guard    *guard.Guard          // recovers panics of goroutines; nil without a log line
	Space    Space                 // nil means that there is always some
	Exit     func(code int)        // ends the process when Pebble cannot continue; nil means os.Exit

	Create func() error // asked before an index is created, see pebbledb; may be nil
	// Bind is asked when the index is open and has a format, before any blob is moved or removed. Its error
	// ends the start; only ID and SetID may be called. It may be nil.
	Bind func(*Store) error

	// AcceptLoss lets Open go on when acknowledged data is missing, see pebbledb, and when
	// the index has lost the blobs, which are then set aside. Otherwise it refuses to.
	AcceptLoss bool
}

// Space says whether there is room on the disk. Its errors are the caller's.
type Space interface {
	// Upload is asked before a blob is written and again for every syncEvery bytes of it.
	// The size is always -1: not known. Who knows it asks before the store is called.
	Upload(size int64) error
	// Write is asked before every change of the index, but for those that Delete is asked
	// before: they release blobs.
	Write() error
	Delete() error
}

const unknownSize = -1

type endless struct{}

func (endless) Upload(int64) error { return nil }
func (endless) Write() error       { return nil }
func (endless) Delete() error      { return nil }

// The index holds little and is asked rarely: it gets little memory.
const (
	indexCache    = 2 << 20
	indexMemTable = 2 << 20
)

// Store keeps objects under a directory, which belongs to it alone while it is open.
// Its methods may be called by many goroutines at a time.
type Store struct {
	fs       vfs.FS
	now      func() time.Time
	log      *slog.Logger
	guard    *guard.Guard
	space    Space
	damaged  prometheus.Counter
	dir      string
	blobs    string
	blobsDir vfs.File // the open folder of blobs, to sync it
	db       *pebbledb.DB
	bufs     sync.Pool // *[]byte of copyBuffer
	buffers  *readBuffers

	// life is held, for reading, by all that use the index, so that Close can wait.
	life   sync.RWMutex
	closed bool

	// mu makes a step of the index one step: it is held from the first read of a step
	// until the step is applied, and never while bytes move.
	mu     sync.RWMutex
	pins   map[string]int       // readers of a content that are open
	doomed map[string][]segment // contents that are gone but for their readers

	kept       kept // has its own lock, taken last
	tombstones removals
}

var _ object.Store = (*Store)(nil)

// Open opens the store in dir, making it if there is none, and removes what a crash
// has left over. A directory that another process has open is refused, and so is one
// whose index knows none of the blobs.
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
	if o.Space == nil {
		o.Space = endless{}
	}
	s := &Store{
		fs: o.FS, now: o.Now, log: o.Logger, guard: o.Guard, space: o.Space, dir: dir, blobs: o.FS.PathJoin(dir, "blobs"),
		damaged: promauto.With(o.Registry).NewCounter(prometheus.CounterOpts{
			Name: "sluice_damaged_blocks_total", Help: "Reads of a stored object that failed because its bytes are damaged or missing.",
		}),
		pins: map[string]int{}, doomed: map[string][]segment{},
	}
	s.bufs.New = func() any { b := make([]byte, copyBuffer); return &b }
	s.buffers = newReadBuffers(wholeBlocks)
	if err := s.open(dir, o); err != nil {
		return nil, fmt.Errorf("open objects in %s: %w", dir, pebbledb.Explain(s.fs, s.fs.PathJoin(dir, "index"), nil, err))
	}
	return s, nil
}

func (s *Store) open(dir string, o Options) error {
	if err := pebbledb.CheckLinks(s.fs, s.blobs); err != nil {
		return err
	}
	if err := s.checkIndexExists(o.AcceptLoss); err != nil {
		return err
	}
	cache := pebble.NewCache(indexCache)
	defer cache.Unref()
	var err error
	s.db, err = pebbledb.Open(s.fs.PathJoin(dir, "index"), &pebble.Options{
		FS: s.fs, Cache: cache, MemTableSize: indexMemTable,
		FormatMajorVersion: pebble.FormatValueSeparation,
	}, pebbledb.Options{Name: "object index", Logger: o.Logger, Exit: o.Exit, AcceptLoss: o.AcceptLoss, Create: o.Create})
	if err != nil {
		return fmt.Errorf("open index: %w", err)
	}
	if err := s.makeFolders(dir); err != nil {
		return errors.Join(err, s.db.Close())
	}
	if s.blobsDir, err = s.fs.OpenDir(s.blobs); err != nil {
		return errors.Join(err, s.db.Close())
	}
	if err := s.recover(o); err != nil {
		return errors.Join(err, s.blobsDir.Close(), s.db.Close())
	}
	return nil
}

// makeFolders makes sure that the folders outlive a crash as their blobs will.
func (s *Store) makeFolders(dir string) error {
	if err := s.fs.MkdirAll(s.blobs, 0o700); err != nil {
		return err
	}
	return s.syncFolders(dir, filepath.Dir(filepath.Clean(dir)))
}

// Close closes the store. Readers that are open fail with fault.Unavailable where they
// would go on to another segment.
func (s *Store) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	err := s.blobsDir.Sync()
	if err == nil {
		err = s.dropTombstones(s.tombstones.take())
	}
	return errors.Join(err, s.db.Close(), s.blobsDir.Close())
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
