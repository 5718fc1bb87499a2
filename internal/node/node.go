// Package node puts the parts of one running server together: the store, the place
// where files lie, the services, the engine, and the gateway in front of them.
//
//	            ┌─ gateway ─ services ─┐
//	listener ─> │                      ├─> store, objects
//	            └────────── engine ────┘
//
// In comes what a server is set up with, checked by the caller; out goes a
// Node that runs until it is told to stop. Nothing is decided here but what belongs to
// what: the program and the servers of tests share it, so that tests meet the server
// that is released. Flags, environment and files are the business of cmd/sluice.
package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/sluicehq/sluice/internal/diskspace"
	"github.com/sluicehq/sluice/internal/gateway"
	"github.com/sluicehq/sluice/internal/guard"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/sigv4"
	"github.com/sluicehq/sluice/internal/store"
)

// Options are what a node is set up with. Key is needed, and so is Dir unless all is
// kept elsewhere or in memory; the rest has a zero value that works.
type Options struct {
	Dir    string // where the embedded store and the files of the embedded S3 lie
	Memory bool   // keep them in memory instead, gone with the node

	// Store opens a database that nodes share; nil is the embedded store. Objects opens an
	// S3 elsewhere for the files; nil is the embedded S3. They are functions, so that a
	// server that keeps all in itself, as in a test, does not link their clients.
	Store   func(context.Context, *slog.Logger) (SharedStore, error)
	Objects func(context.Context, *slog.Logger, *guard.Guard) (RemoteObjects, error)

	// Key returns the root key. It is called when the store is open: an embedded one is
	// what keeps a second server off Dir, so Key may make a key and leave it there.
	Key func() (sigv4.Credentials, error)

	Limits  limits.Profile       // none by default
	Roles   []Role               // all by default
	Jobs    int                  // imports that run at once; the number of cores by default
	Lease   time.Duration        // after which the jobs of a silent node are taken over; 15 s by default
	Grace   time.Duration        // that running requests and batches have to end; 30 s by default
	TLS     *gateway.Certificate // nil serves plain HTTP
	Proxy   bool                 // trust X-Forwarded-Proto
	Version string               // what the node says of itself
	Logger  *slog.Logger         // nil logs nothing

	// MinFree is how many bytes of the file system of Dir are kept free, see package
	// diskspace. 0 is its default, less than 0 keeps nothing free.
	MinFree int64

	// MaxRejections is how many records of a job may be refused, and MaxUnpack how many
	// bytes a compressed source may unpack to for each of its own, beyond 1 GiB. 0 is no
	// limit.
	MaxRejections, MaxUnpack int64

	// How long unused uploads are kept, jobs after their end, and files of the server's own
	// bucket after their jobs' end, see package maintenance. 0 keeps them for ever.
	KeepUploads, KeepJobs, KeepFiles time.Duration

	// Bounds of what callers may take, see gateway.Server, gateway.Options and s3.Options. 0
	// is no limit.
	MaxConnections                int
	MaxUploads, MaxUploadsPerLink int   // of an account, and by one link, at once
	MaxUpload                     int64 // bytes of an upload by a link
	MinUploadRate                 int64 // bytes a second

	FS         vfs.FS // where Dir is; nil is the disk of this machine, or memory
	AcceptLoss bool   // open embedded databases even if acknowledged data is missing, see pebbledb

	Exit func(code int) // ends the process when an embedded database cannot go on; nil is os.Exit
}

// Role is what a node of several does.
type Role string

// The roles.
const (
	API    Role = "api"    // answers requests
	Worker Role = "worker" // runs imports
)

func (o Options) withDefaults() Options {
	if len(o.Roles) == 0 {
		o.Roles = []Role{API, Worker}
	}
	if o.Lease == 0 {
		o.Lease = 15 * time.Second
	}
	if o.Grace == 0 {
		o.Grace = 30 * time.Second
	}
	if o.Version == "" {
		o.Version = "unknown"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.FS != nil:
	case o.Memory:
		o.FS = vfs.NewMem()
	default:
		o.FS = vfs.Default
	}
	return o
}

func (o Options) has(r Role) bool { return slices.Contains(o.Roles, r) }

// shared reports whether other nodes may work on the same jobs.
func (o Options) shared() bool { return o.Store != nil }

// Node is a server, put together. Open makes one.
type Node struct {
	o          Options
	fs         vfs.FS
	space      *diskspace.Watcher // of the file system of Dir; nil has no limits
	registry   *prometheus.Registry
	binder     *binder // of an embedded store to the objects
	guard      *guard.Guard
	store      store.Store
	storeBytes func(context.Context) (int64, error)
	counted    store.Store // counts the jobs that end
	objects    objects
	gateway    *gateway.Gateway
	stopping   atomic.Bool

	readiness   *readiness
	snapshotter *snapshotter // nil if there is nothing to take snapshots of

	left        bool // something did not end, and may still use what Close closes
	leaveWithin time.Duration

	run     []func(context.Context) error // what goes on until the node ends
	closers []func() error
}

// Open puts a node together. What is elsewhere may be out of reach for a moment, while
// a whole installation starts: it is waited for.
func Open(ctx context.Context, o Options) (*Node, error) {
	n := &Node{o: o.withDefaults(), leaveWithin: leaveWithin}
	n.fs, n.registry = n.o.FS, newRegistry(n.o.Version)
	n.guard = guard.New(n.o.Logger, n.registry)
	if err := n.open(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// Bounds of the bodies of all APIs but S3. The largest call that the APIs allow, one with
// 200 tags, stays below 100 KiB.
const (
	maxBody    = 1 << 20
	maxLoading = 32 << 20 // of all that are read before their signature is verified
)

func (n *Node) open(ctx context.Context) error {
	if !n.o.Memory {
		if err := MakeDir(n.fs, n.o.Dir); err != nil {
			return err
		}
	}
	if err := n.watchSpace(n.registry); err != nil {
		return err
	}
	if err := n.openStore(ctx); err != nil {
		return err
	}
	key, err := n.o.Key()
	if err != nil {
		return err
	}
	verifier := sigv4.NewVerifier(func(id string) (sigv4.Credentials, bool) {
		return key, id == key.AccessKey
	}, sigv4.Options{MaxBody: maxBody, MaxLoading: maxLoading})
	if err := n.openObjects(ctx, key, verifier); err != nil {
		return err
	}
	n.watchReadiness()
	n.watchInventory()
	return n.connect(ctx, verifier)
}

// What hangs must not keep the process from ending: a disk or a database that does not
// answer blocks every goroutine that uses it.
const (
	leaveWithin = 8 * time.Second  // after Options.Grace; requests and jobs that were cut off end by then
	closeWithin = 10 * time.Second // a merge of files may be running
)

// Run serves on l and works on jobs until ctx is done, and returns when all is quiet.
// It closes l. It is called once. What does not end some seconds after Options.Grace is
// left behind, and Run returns an error; the process should end then.
func (n *Node) Run(ctx context.Context, l net.Listener) error {
	server := &gateway.Server{Handler: n.gateway, Listener: l, TLS: n.o.TLS, Grace: n.o.Grace, Log: n.o.Logger, MaxConnections: n.o.MaxConnections}
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Run(running) })
	for _, run := range n.run {
		group.Go(func() error { return run(running) })
	}
	group.Go(func() error {
		<-running.Done()
		n.stopping.Store(true)
		n.o.Logger.Info("stopping", slog.Float64("within_seconds", n.o.Grace.Seconds()))
		return nil
	})
	ended := make(chan error, 1)
	go func() { ended <- group.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-running.Done():
	}
	late := time.NewTimer(n.o.Grace + n.leaveWithin)
	defer late.Stop()
	select {
	case err := <-ended:
		return err
	case <-late.C:
		n.left = true
		err := fmt.Errorf("stop: not everything ended within %s; what hangs was left behind", n.o.Grace+n.leaveWithin)
		if ctx.Err() == nil { // it was not told to stop: one of its parts failed
			err = errors.Join(context.Cause(running), err)
		}
		return err
	}
}

// Close gives everything up, last opened first. Run must have returned by now. If Run
// left something behind, or a part does not close, the rest is left to the end of the
// process, which loses nothing that was acknowledged.
func (n *Node) Close() error {
	if n.left {
		return nil
	}
	closed := make(chan error, 1)
	go func() {
		var errs []error
		for _, c := range slices.Backward(n.closers) {
			errs = append(errs, c())
		}
		closed <- errors.Join(errs...)
	}()
	late := time.NewTimer(closeWithin)
	defer late.Stop()
	select {
	case err := <-closed:
		return err
	case <-late.C:
		return fmt.Errorf("close: not everything was closed within %s", closeWithin)
	}
}

// holder names this node in leases, for who looks into the store: its host, and a word
// that is another after every start.
func holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return host + "-" + rand.Text()[:8]
}
