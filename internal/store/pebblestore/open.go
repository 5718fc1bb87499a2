// Package pebblestore is the store in one directory of this machine, on Pebble.
//
// What comes in and goes out is the contract of package store; keys.go draws how it
// lies on disk. One process has the directory at a time, so leases live in its
// memory: those of a former process are void, and only terms are remembered.
//
// The bulk path is what the package is for. Prepare sorts a batch, keeps the last
// change to each member and writes the rest as a sorted file, with as many batches
// at once as are asked for; Commit ingests that file together with a small one that
// carries the checkpoint, which is one atomic step and moves no member again. Small
// batches and single writes go through Pebble's log as usual.
package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/pebbledb"
	"github.com/sluicehq/sluice/internal/store"
)

var _ store.Store = (*Store)(nil)

// Options are what Open may be told. The zero value is good for a server.
type Options struct {
	FS         vfs.FS       // where the directory is; nil is the machine's own disk
	Logger     *slog.Logger // nil discards
	CacheBytes int64        // for blocks read from disk; 0 is 64 MiB
	Space      Space        // asked before every write; nil has no limit

	Exit       func(code int) // ends the process when Pebble cannot continue; nil is os.Exit
	AcceptLoss bool           // open even if acknowledged data is missing, see pebbledb
	Create     func() error   // asked before a store is created, see pebbledb; may be nil
}

const defaultCacheBytes = 64 << 20

// Store is a store.Store. Open makes one.
type Store struct {
	db      *pebbledb.DB
	opts    *pebble.Options
	fs      vfs.FS
	scratch string        // directory of files that are not ingested yet
	files   atomic.Uint64 // names them
	closed  atomic.Bool
	bulk    int    // see defaultBulk
	cut     uint64 // see cutFrom
	log     *slog.Logger
	space   Space

	sweeping sync.Mutex // by one at a time
	tidying  atomic.Bool
	behind   background

	numbers sequence
	queue   queue
	damaged sync.Map // jobKey of jobs whose damage is logged
	leads   leads
	lists   listCache
	counts  memberCounts
	writers sync.Pool // of *batchWriter

	writes gate // innermost: nobody waits for another lock inside

	owners  locks[ownerKey]
	jobs    locks[jobKey]
	listsIn locks[store.ListRef] // shared by those who change single members of it
	members locks[memberKey]
}

// ownerKey names what must be unique or counted within an owner: jobs of a wire,
// lists of a kind.
type ownerKey struct {
	account, region string
	what, kind      string
}

type memberKey struct {
	list uint64
	key  string
}

// Open opens the store in a directory, which is made if it is not there. It fails if
// another process has it.
func Open(dir string, o Options) (*Store, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = defaultCacheBytes
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	opts := pebbleOptions(o)
	db, err := pebbledb.Open(dir, opts, pebbledb.Options{
		Name: "store", Logger: o.Logger, Exit: o.Exit, AcceptLoss: o.AcceptLoss, Create: o.Create,
	})
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", dir, pebbledb.Explain(o.FS, dir, memberMerger, err))
	}
	s := &Store{
		db: db, opts: opts, fs: o.FS, scratch: o.FS.PathJoin(dir, "scratch"),
		bulk: defaultBulk, cut: cutFrom, log: o.Logger, space: o.Space, writes: newGate(),
	}
	s.writers.New = func() any { return new(batchWriter) }
	s.behind.start()
	for _, step := range []func() error{s.clearScratch, s.openSequence, s.indexJobs, s.openQueue} {
		if err := step(); err != nil {
			s.behind.stop()
			err = errors.Join(err, db.Close())
			return nil, fmt.Errorf("open store %s: %w", dir, pebbledb.Explain(o.FS, dir, memberMerger, err))
		}
	}
	s.behind.run(s.sweep) // what a former process noted
	return s, nil
}

// pebbleOptions tunes Pebble for few, large, sorted files that arrive faster than
// they need to be merged, within bounded memory.
func pebbleOptions(o Options) *pebble.Options {
	p := &pebble.Options{
		FS:                 o.FS,
		CacheSize:          o.CacheBytes,
		Merger:             memberMerger,
		FormatMajorVersion: pebble.FormatTableFormatV6,
		MemTableSize:       memTableBytes,
		// An import leaves one file a batch in level 0, all over the same keys. Merging
		// them a few at a time writes every member many times over, a reader looks
		// into all that are not merged yet: 10 M members cost 0.8 µs of a core each
		// to import at 24, 1.2 µs at 6. Imports never wait for it.
		L0CompactionThreshold:     8,
		L0CompactionFileThreshold: 500,
		L0StopWritesThreshold:     1000,
		LBaseMaxBytes:             64 << 20,
		MaxOpenFiles:              1000,
		CompactionConcurrencyRange: func() (lower, upper int) {
			return 1, max(1, runtime.GOMAXPROCS(0)/2)
		},
	}
	p.FlushSplitBytes = 16 << 20
	for i := range p.TargetFileSizes {
		p.TargetFileSizes[i] = 32 << 20
	}
	for i := range p.Levels {
		p.Levels[i].BlockSize = 8 << 10
		p.Levels[i].IndexBlockSize = 64 << 10
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	p.EnsureDefaults()
	p.EventListener = nil // the default one ends the process when it meets a damaged file
	return p
}

const memTableBytes = 16 << 20

// clearScratch removes what a former process prepared and did not commit.
func (s *Store) clearScratch() error {
	if err := s.fs.RemoveAll(s.scratch); err != nil {
		return fmt.Errorf("clear scratch files: %w", err)
	}
	if err := s.fs.MkdirAll(s.scratch, 0o755); err != nil {
		return fmt.Errorf("make scratch directory: %w", err)
	}
	return nil
}

// Close gives the directory up. Nothing may use the store meanwhile or later; a
// Prepared may still be discarded.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.behind.stop()
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

// background is work that nobody waits for, but for Close, which ends it.
type background struct {
	all  sync.WaitGroup
	run  func(do func(context.Context))
	stop func()
}

func (g *background) start() {
	ctx, cancel := context.WithCancel(context.Background())
	g.run = func(do func(context.Context)) { g.all.Go(func() { do(ctx) }) }
	g.stop = func() { cancel(); g.all.Wait() }
}

// get returns a copy of what is at a key, nil if nothing is.
func (s *Store) get(key []byte) ([]byte, error) { return getFrom(s.db, key) }

func getFrom(r pebble.Reader, key []byte) ([]byte, error) {
	v, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read from store: %w", err)
	}
	c := append(make([]byte, 0, len(v)), v...)
	return c, closer.Close()
}

// apply writes a batch, in one step and for good.
func (s *Store) apply(b *pebble.Batch) error {
	if err := s.mayWrite(); err != nil {
		return err
	}
	defer s.writes.enter()()
	if err := b.Commit(pebble.Sync); err != nil {
		return fmt.Errorf("write to store: %w", err)
	}
	return nil
}
