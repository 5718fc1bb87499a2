package node

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/gateway"
	"github.com/sluicehq/sluice/internal/gateway/snapshots"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
)

// snapshotsDir is the directory below a data directory in which snapshots are made. They
// hold links to the files of the store, so it has to be on the same file system.
const snapshotsDir = "snapshots"

// snapshotter takes snapshots of a data directory, one at a time.
type snapshotter struct {
	dir     string // the data directory
	fs      vfs.FS
	store   *pebblestore.Store
	objects *diskobject.Store // nil if files are kept elsewhere
	bucket  string            // in which they are kept elsewhere, if known
	version string
	log     *slog.Logger

	one  chan struct{} // has an element while there is a snapshot
	wait time.Duration // for the end of another one
	stop chan struct{}
	once sync.Once
}

// snapshotWait is how long a snapshot waits for another one to end. A backup that has
// ended closes its connection, and the server releases its snapshot a moment later:
// the command that follows must not fail for that.
const snapshotWait = 5 * time.Second

// newSnapshotter removes what a former process left in the directory of snapshots.
func newSnapshotter(s *snapshotter) (*snapshotter, error) {
	s.stop, s.one, s.wait = make(chan struct{}), make(chan struct{}, 1), snapshotWait
	if err := s.fs.RemoveAll(s.fs.PathJoin(s.dir, snapshotsDir)); err != nil {
		return nil, fmt.Errorf("remove old snapshots: %w", err)
	}
	return s, nil
}

// run ends the snapshot that there may be when ctx ends.
func (s *snapshotter) run(ctx context.Context) error {
	<-ctx.Done()
	s.end()
	return nil
}

func (s *snapshotter) end() { s.once.Do(func() { close(s.stop) }) }

// stopping reports whether end was called.
func (s *snapshotter) stopping() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// take takes a snapshot that exists until release is called: see package snapshots for
// what it holds. Writes wait while it is taken, for some ten milliseconds.
func (s *snapshotter) take(ctx context.Context) (snapshots.Snapshot, func(), error) {
	if s.stopping() {
		return snapshots.Snapshot{}, nil, fault.New(fault.Unavailable, "the server is stopping")
	}
	if err := s.enter(ctx); err != nil {
		return snapshots.Snapshot{}, nil, err
	}
	snap, release, err := s.takeAlone(ctx)
	if err != nil {
		<-s.one
		return snap, nil, err
	}
	return snap, func() { release(); <-s.one }, nil
}

// enter waits until there is no other snapshot, for a moment.
func (s *snapshotter) enter(ctx context.Context) error {
	select {
	case s.one <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(s.wait)
	defer timer.Stop()
	select {
	case s.one <- struct{}{}:
		return nil
	case <-timer.C:
		return fault.New(fault.Conflict, "there is a snapshot already: another backup or check is running, wait for its end")
	case <-s.stop:
		return fault.New(fault.Unavailable, "the server is stopping")
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *snapshotter) takeAlone(ctx context.Context) (snap snapshots.Snapshot, release func(), err error) {
	id, err := s.storeID(ctx)
	if err != nil {
		return snap, nil, err
	}
	dir := s.fs.PathJoin(s.dir, snapshotsDir, rand.Text())
	if err := s.fs.MkdirAll(dir, 0o700); err != nil {
		return snap, nil, fmt.Errorf("make directory of the snapshot: %w", err)
	}
	remove := func() {
		if err := s.fs.RemoveAll(dir); err != nil {
			s.log.Error("snapshot not removed", slog.String("dir", dir), slog.Any("error", err))
		}
	}
	snap = snapshots.Snapshot{
		Path: dir, Data: s.dir, Store: id, Blobs: s.objects != nil, Version: s.version, Bucket: s.bucket,
	}
	var took time.Duration
	free, err := s.freeze(ctx, dir, func(at time.Time, d time.Duration) { snap.Taken, took = at.UTC(), d })
	if err != nil {
		remove()
		return snap, nil, fmt.Errorf("take snapshot: %w", err)
	}
	s.log.Info("snapshot taken", slog.String("dir", dir), slog.Float64("writes_waited_seconds", took.Seconds()))
	return snap, func() {
		free()
		remove()
		s.log.Info("snapshot removed", slog.String("dir", dir))
	}, nil
}

// freeze copies store and index while neither can change, and calls taken with the
// moment and with how long that was.
func (s *snapshotter) freeze(ctx context.Context, dir string, taken func(time.Time, time.Duration)) (func(), error) {
	if err := s.store.Flush(ctx); err != nil { // while nobody waits
		return nil, err
	}
	began := time.Now()
	store := func() error {
		began = time.Now()
		return s.store.Checkpoint(ctx, s.fs.PathJoin(dir, "store"))
	}
	if s.objects == nil {
		if err := store(); err != nil {
			return nil, err
		}
		taken(began, time.Since(began))
		return func() {}, nil
	}
	free, err := s.objects.Snapshot(ctx, s.fs.PathJoin(dir, "index"), store)
	taken(began, time.Since(began))
	return free, err
}

// storeID names the store without giving away the secret that it is made of.
func (s *snapshotter) storeID(ctx context.Context) (string, error) {
	secret, err := s.store.Secret(ctx, "store id")
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(secret)
	return hex.EncodeToString(sum[:16]), nil
}

// snapshots returns the handler for snapshots of this node.
func (n *Node) snapshots() (*snapshots.Handler, error) {
	o := snapshots.Options{Take: n.noSnapshot, Observe: gateway.Observe}
	store, ok := n.store.(*pebblestore.Store)
	if ok && !n.o.Memory {
		objects, _ := n.objects.Store.(*diskobject.Store)
		dir, err := filepath.Abs(n.o.Dir)
		if err != nil {
			return nil, err
		}
		s, err := newSnapshotter(&snapshotter{
			dir: dir, fs: n.fs, store: store, objects: objects, version: n.o.Version, log: n.o.Logger,
			bucket: n.objects.bucket,
		})
		if err != nil {
			return nil, err
		}
		n.snapshotter = s
		n.run = append(n.run, s.run)
		o.Take, o.Stopping = s.take, s.stop
	}
	return snapshots.New(o), nil
}

func (n *Node) noSnapshot(context.Context) (snapshots.Snapshot, func(), error) {
	text := "this server keeps everything in memory: there is nothing to take a snapshot of"
	if n.o.shared() {
		text = "this server's jobs, lists and members are in PostgreSQL: back them up with pg_dump or base backups, then the bucket, and check them with pg_amcheck; see \"Backup and restore\" in docs/operating.md"
	}
	return snapshots.Snapshot{}, nil, fault.New(fault.Invalid, "%s", text)
}
