// Package node puts the parts of one running server together: the store, the place
// where files lie, the services, the engine, and the gateway in front of them.
//
//	            ┌─ gateway ─ services ─┐
//	listener ─> │                      ├─> store, objects
//	            └────────── engine ────┘
//
// In comes what a server is set up with, checked by whoever asked for it; out goes a
// Node that runs until it is told to stop. Nothing is decided here but what belongs to
// what: the program and the servers of tests share it, so that tests meet the server
// that is released. Flags, environment and files are the business of cmd/sluice.
package node

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/gateway"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/sigv4"
	"github.com/sluicehq/sluice/internal/store"
)

// Options are what a node is set up with. Key is needed, and so is Dir unless all is
// kept elsewhere or in memory; the rest has a zero value that works.
type Options struct {
	Dir    string // where the embedded store and the files of the embedded S3 lie
	Memory bool   // keep them in memory instead, gone with the node

	// Store is the URL of a database that nodes share, postgres://…; empty is the
	// embedded store.
	Store string
	// Objects is the URL of an S3 elsewhere that files lie in, s3://…; empty is an
	// embedded S3.
	Objects string
	Getenv  func(string) string // looks for AWS credentials for Objects; nil finds none

	// Key returns the root key. It is called when the store is open: an embedded one is
	// what keeps a second server off Dir, so Key may make a key and leave it there.
	Key func() (sigv4.Credentials, error)

	Limits  service.Limits       // none by default
	Roles   []Role               // all by default
	Jobs    int                  // imports that run at once; the number of cores by default
	Lease   time.Duration        // after which the jobs of a silent node are taken over; 15 s by default
	Grace   time.Duration        // that running requests and batches have to end; 30 s by default
	TLS     *gateway.Certificate // nil serves plain HTTP
	Proxy   bool                 // trust X-Forwarded-Proto
	Version string               // what the node says of itself
	Logger  *slog.Logger         // nil logs nothing
}

// Role is what a node of several does.
type Role string

// The roles.
const (
	API    Role = "api"    // answers requests
	Worker Role = "worker" // runs imports
)

func (o Options) withDefaults() Options {
	if o.Getenv == nil {
		o.Getenv = func(string) string { return "" }
	}
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
	return o
}

func (o Options) has(r Role) bool { return slices.Contains(o.Roles, r) }

// shared reports whether other nodes may work on the same jobs.
func (o Options) shared() bool { return o.Store != "" }

// Node is a server, put together. Open makes one.
type Node struct {
	o        Options
	store    store.Store
	objects  objects
	gateway  *gateway.Gateway
	registry *prometheus.Registry
	stopping atomic.Bool

	snapshotter *snapshotter // nil if there is nothing to take snapshots of

	run     []func(context.Context) error // what goes on until the node ends
	closers []func() error
}

// Open puts a node together. What is elsewhere may be out of reach for a moment, while
// a whole installation starts: it is waited for.
func Open(ctx context.Context, o Options) (*Node, error) {
	n := &Node{o: o.withDefaults()}
	n.registry = newRegistry(n.o.Version)
	if err := n.open(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Node) open(ctx context.Context) error {
	if err := n.openStore(ctx); err != nil {
		return err
	}
	key, err := n.o.Key()
	if err != nil {
		return err
	}
	verifier := sigv4.NewVerifier(func(id string) (sigv4.Credentials, bool) {
		return key, id == key.AccessKey
	}, sigv4.Options{})
	if err := n.openObjects(ctx, key, verifier); err != nil {
		return err
	}
	return n.connect(ctx, verifier)
}

// Run serves on l and works on jobs until ctx is done, and returns when all is quiet.
// It closes l. It is called once.
func (n *Node) Run(ctx context.Context, l net.Listener) error {
	server := &gateway.Server{Handler: n.gateway, Listener: l, TLS: n.o.TLS, Grace: n.o.Grace, Log: n.o.Logger}
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Run(running) })
	for _, run := range n.run {
		group.Go(func() error { return run(running) })
	}
	group.Go(func() error {
		<-running.Done()
		n.stopping.Store(true)
		n.o.Logger.Info("stopping", slog.Duration("within", n.o.Grace))
		return nil
	})
	return group.Wait()
}

// Close gives everything up, last opened first. Run must have returned by now.
func (n *Node) Close() error {
	var errs []error
	for _, c := range slices.Backward(n.closers) {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// ready is what /healthz asks.
func (n *Node) ready(ctx context.Context) error {
	if n.stopping.Load() {
		return fault.New(fault.Unavailable, "the server is stopping")
	}
	return n.store.Ping(ctx)
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
