// Package engine does the jobs: it claims them from the store, reads their sources,
// and commits what the records do, until every job has ended.
//
// In come jobs that are ready; out go members, rejects, counts, a report and a final
// state, all of it in the store and the object store. One job runs like this:
//
//	              reader                 up to GOMAXPROCS at once           in file order
//	object ─> record ─> rule ─> batch ══> Prepare ══╗
//	  ^                  ^       batch ══> Prepare ══╬══> Commit ─> … ─> report ─> Finish
//	  │ from the         │       batch ══> Prepare ══╝      │
//	  │ checkpoint       └── free batches <── as prepared   │ counts, checkpoint
//	  └─────────────────────── claimed again after a crash ─┘
//
// A commit is one atomic step in the store, so a job may break off anywhere: whoever
// claims it next starts at the checkpoint, and counts, members and report come out as
// if nothing had happened. Every step is fenced by the lease: a worker that has lost
// it, to another worker or because the caller stopped the job, changes nothing more.
//
// Memory is bounded: each slot owns one batch, all retries together own a few (retry.go), as
// many again as there are cores are shared by all, and the bytes in all of them are bounded
// together (memory.go).
//
// The files follow a job's way: slots.go claims it for a slot, attempt.go makes one
// attempt at it beside a heartbeat (heartbeat.go), in which reader.go and pipeline.go
// take the records from the source to the store, report.go writes the report, and
// outcome.go ends the attempt.
package engine

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/guard"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/store"
)

// Store is what the engine needs of a store.
type Store interface {
	store.Work
	Job(ctx context.Context, o job.Owner, id job.ID) (job.Job, error)
	List(ctx context.Context, r store.ListRef) (store.List, error)
}

// Objects is what the engine needs of an object store.
type Objects interface {
	Hold(ctx context.Context, n object.Name, holder string) (object.Info, error)
	Release(ctx context.Context, holder string) error
	Open(ctx context.Context, n object.Name, version string, offset int64) (io.ReadCloser, error)
	Put(ctx context.Context, n object.Name, contentType string, r io.Reader) (object.Info, error)
	Delete(ctx context.Context, n object.Name) error
}

// Options are what New takes beyond the stores. The zero value works.
type Options struct {
	Holder   string                    // names this engine in leases; a random word by default
	Jobs     int                       // jobs worked on at once, beside a small one; the number of cores by default
	Lease    time.Duration             // how long a silent engine keeps its jobs; 15 s by default
	Poll     time.Duration             // how often jobs of other nodes are looked for; 1 s by default
	Slice    time.Duration             // how long a job is worked on while others wait; 10 s by default
	Grace    time.Duration             // how long work in flight may take once Run is told to end; 10 s by default
	Logger   *slog.Logger              // logs nothing by default
	Registry prometheus.Registerer     // of the metrics; registers nothing by default
	Limits   Limits                    // none by default
	Reports  func(job.Job) object.Name // where a job's report goes; by default <job id>.csv in the bucket "reports"

	// Guard recovers panics of goroutines that run on callers' bytes. Nil recovers without
	// a log line and a metric.
	Guard *guard.Guard

	// Waits returns why no job is worked on at the moment, such as a full disk; empty if
	// nothing is in the way. While it gives a reason the engine claims nothing, and lets
	// go of the jobs that it has at the end of the batch in hand. Nil is never in the way.
	Waits func() string

	// Shared says that other engines claim from the same store. One that has a job then
	// leaves the next to those that have none, for as long as they need to see it.
	Shared bool

	// PingObjects reports whether the object storage answers for the server's own bucket. An
	// engine that shares a store asks it when a source was not available: only if its own
	// bucket is not available either, it leaves new jobs to other engines. Nil means that no
	// source is available if one is not.
	PingObjects func(context.Context) error

	wrapRule func(destination.Rule) destination.Rule // of tests; nil leaves rules as they are

	// MaxRejections is how many records of a job may be refused; beyond it the job fails.
	// 0 is no limit.
	MaxRejections int64
	// MaxUnpack is how many bytes a compressed source may unpack to for each byte that it
	// has, beyond the first GiB; beyond it the job fails. 0 is no limit.
	MaxUnpack int64

	// BatchRecords, if more than 0, bounds a batch to fewer records than it could hold.
	BatchRecords int
}

// Limits bound what jobs may do. A limit of 0 is none.
type Limits interface {
	Records(d job.Destination) int64 // records that a source for d may hold
	Members(k destination.Kind) int  // members that a list of kind k may have
}

type noLimits struct{}

func (noLimits) Records(job.Destination) int64 { return 0 }
func (noLimits) Members(destination.Kind) int  { return 0 }

// Engine works on jobs while Run runs.
type Engine struct {
	store   Store
	objects Objects
	options Options
	log     *slog.Logger
	metrics *metrics

	wake       chan struct{}
	slots      chan *slot // free ones, for any job
	smallSlots chan *slot // the free one for small jobs
	retries    *retries
	cutOff     atomic.Bool // the object storage did not answer when it was asked last
	objectsUp  objectsCheck
	memory     *memory
	batches    chan *buffer  // free batches, shared by all slots
	preparing  chan struct{} // holds a token for each batch being prepared
}

// New returns an engine that claims jobs from s and reads their sources from o. It
// does nothing until Run is called.
func New(s Store, o Objects, opts Options) *Engine {
	opts = opts.withDefaults()
	cores := runtime.GOMAXPROCS(0)
	m := newMemory()
	e := &Engine{
		memory: m,
		store:  s, objects: o, options: opts,
		log:        opts.Logger,
		metrics:    newMetrics(opts.Registry),
		wake:       make(chan struct{}, 1),
		slots:      make(chan *slot, opts.Jobs),
		smallSlots: make(chan *slot, 1),
		retries:    newRetries(m),
		batches:    make(chan *buffer, cores),
		preparing:  make(chan struct{}, cores),
	}
	for range opts.Jobs {
		e.slots <- newSlot(e.slots, 0, opts.Slice, m)
	}
	e.smallSlots <- newSlot(e.smallSlots, smallSource, min(smallSlice, opts.Slice), m)
	for range cores {
		e.batches <- newBuffer(e.batches, m)
	}
	return e
}

func (o Options) withDefaults() Options {
	if o.Limits == nil {
		o.Limits = noLimits{}
	}
	if o.Holder == "" {
		o.Holder = rand.Text()
	}
	if o.Jobs <= 0 {
		o.Jobs = runtime.GOMAXPROCS(0)
	}
	for _, d := range []struct {
		v    *time.Duration
		zero time.Duration
	}{{&o.Lease, 15 * time.Second}, {&o.Poll, time.Second}, {&o.Slice, 10 * time.Second}, {&o.Grace, 10 * time.Second}} {
		if *d.v <= 0 {
			*d.v = d.zero
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Waits == nil {
		o.Waits = func() string { return "" }
	}
	if o.Reports == nil {
		o.Reports = func(j job.Job) object.Name {
			return object.Name{Account: j.Owner.Account, Bucket: "reports", Key: string(j.ID) + ".csv"}
		}
	}
	return o
}

// Wake tells the engine that a job became ready. It never blocks.
func (e *Engine) Wake() {
	select {
	case e.wake <- struct{}{}:
	default: // it is going to look anyway
	}
}

// Run works on jobs until ctx is cancelled. Then it reads no more, commits what is in
// flight, gives its leases up, so that others or the next start go on at once, and
// returns nil when all is quiet. It is called once.
func (e *Engine) Run(ctx context.Context) error {
	var working sync.WaitGroup
	defer working.Wait()
	poll := time.NewTicker(e.options.Poll)
	defer poll.Stop()
	failing := false
	var fair fairness
	for ctx.Err() == nil {
		err := e.claimJobs(ctx, &working, fair.myTurn)
		if err != nil && !failing && ctx.Err() == nil { // once, not every second while a database is away
			e.log.WarnContext(ctx, "claim failed", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
		case <-e.wake:
			fair.myTurn = false
		case <-poll.C:
			fair.poll(ctx, e, &working)
		}
	}
	return nil
}
