// Package maintenance repairs what operations of two steps can leave behind, and deletes
// what is older than its retention.
//
// In come a store, an object store and the retentions; out go metrics and a log line for
// each duty that removed something. Every server runs Run; of several that share a store
// one does the work, the one with the lease of the task. There is a file for each duty:
//
//	holds.go      holds of jobs that are final or gone are released
//	reports.go    reports that no job names are removed
//	uploads.go    multipart uploads that nobody completed are aborted, and files that were
//	              uploaded for a job that never was, or is gone, are removed
//	files.go      objects of the server's own bucket are removed some time after the last
//	              job that read them, or whose report they are, has ended
//	retention.go  jobs are deleted some time after they ended, see DeleteJob
//
// Objects are removed in the server's own bucket only, and only if they are what a duty
// has judged: an object that was replaced meanwhile stays. What a caller keeps there under
// a name that Sluice does not use, and no job has read, stays too.
//
// Each step of a duty is complete in itself and may be repeated, by another server at the
// same time too: a crash between two of them leaves work for the next round, no more.
package maintenance

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicehq/sluice/internal/guard"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/store"
)

// Store is what maintenance needs of a store.
type Store interface {
	store.Upkeep
	Job(ctx context.Context, o job.Owner, id job.ID) (job.Job, error)
	DeleteJob(ctx context.Context, o job.Owner, id job.ID) error
}

// Objects is what maintenance needs of an object store.
type Objects interface {
	object.Upkeep
	Stat(ctx context.Context, n object.Name) (object.Info, error)
	Delete(ctx context.Context, n object.Name) error
	Release(ctx context.Context, holder string) error
}

// Options of maintenance. Bucket and Holder are needed.
type Options struct {
	Bucket string // the server's own, in each account
	Holder string // names the server in the lease

	// How long is kept, 0 is for ever: uploads that are not complete or were made for no
	// job, jobs after their end, and files after the end of the last job that read them.
	KeepUploads, KeepJobs, KeepFiles time.Duration

	Interval time.Duration // between two rounds; 0 is an hour, or the shortest retention if that is shorter
	Lease    time.Duration // after which another server takes over; 0 is half a minute
	// Grace is how old a report without a job must be, and a hold a sixtieth of it, before
	// they are taken for left behind; 0 is an hour.
	Grace time.Duration

	Logger   *slog.Logger          // nil logs nothing
	Registry prometheus.Registerer // of the metrics; nil registers none
	Guard    *guard.Guard          // recovers panics; nil without a log line
	Now      func() time.Time      // nil is time.Now
}

const (
	defaultInterval = time.Hour
	minInterval     = time.Second
	defaultLease    = 30 * time.Second
	defaultGrace    = time.Hour
)

func (o Options) withDefaults() Options {
	if o.Interval == 0 {
		o.Interval = defaultInterval
		for _, keep := range []time.Duration{o.KeepUploads, o.KeepJobs, o.KeepFiles} {
			if keep > 0 {
				o.Interval = max(minInterval, min(o.Interval, keep))
			}
		}
	}
	if o.Lease == 0 {
		o.Lease = defaultLease
	}
	if o.Grace == 0 {
		o.Grace = defaultGrace
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Maintenance does the duties. New makes one.
type Maintenance struct {
	store   Store
	objects Objects
	o       Options
	log     *slog.Logger
	duties  []duty
	metrics *metrics
	clock   *clock
	most    int // removals of a duty in a round
}

// duty is one thing to do in a round. It adds what it removed to the tally as it goes. It
// does a bounded amount; more reports that there is more to do.
type duty struct {
	name  string
	byAge bool // removes what is well for its age alone
	do    func(ctx context.Context, t *tally) (more bool, err error)
}

// maxRemovals is how much a duty removes in a round, before the others have their turn.
const maxRemovals = 10_000

// New returns the maintenance of a store and its objects.
func New(s Store, objects Objects, o Options) *Maintenance {
	o = o.withDefaults()
	m := &Maintenance{store: s, objects: objects, o: o, log: o.Logger, clock: newClock(o.Now()), most: maxRemovals}
	m.duties = []duty{
		{"holds", false, m.releaseHolds},
		{"reports", false, m.removeReports},
		{"uploads", true, m.removeUploads},
		{"files", true, m.removeFiles},
		{"jobs", true, m.deleteJobs},
	}
	m.metrics = newMetrics(o.Registry, m.duties)
	return m
}

// task is the name of the lease.
const task = "maintenance"

// Run does all duties at once and then every Interval, while this server has the lease,
// until ctx is done. It returns nil.
func (m *Maintenance) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		asked := time.Now()
		term, ok, err := m.store.Lead(ctx, task, m.o.Holder, m.o.Lease)
		switch {
		case err != nil:
			m.log.DebugContext(ctx, "maintenance lease not acquired", "error", err)
		case ok:
			m.log.DebugContext(ctx, "maintenance lease acquired", "term", term)
			m.lead(ctx, asked)
		}
		pause(ctx, m.o.Lease/2)
	}
	return nil
}

// lead does rounds until ctx is done or the lease, which was asked for at asked, is lost.
func (m *Maintenance) lead(ctx context.Context, asked time.Time) {
	leading, stop := context.WithCancel(ctx)
	var heartbeat sync.WaitGroup
	heartbeat.Go(func() {
		defer stop()
		m.renew(leading, asked)
	})
	for leading.Err() == nil {
		next := m.o.Interval
		if m.Round(leading) {
			next = min(next, minInterval)
		}
		pause(leading, next)
	}
	stop()
	heartbeat.Wait()
	giveUp, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_, _, _ = m.store.Lead(giveUp, task, m.o.Holder, 0) // or it runs out
}

// renew prolongs the lease until ctx is done, and returns when it is lost.
func (m *Maintenance) renew(ctx context.Context, asked time.Time) {
	for {
		pause(ctx, m.o.Lease/3)
		if ctx.Err() != nil {
			return
		}
		now := time.Now()
		_, ok, err := m.store.Lead(ctx, task, m.o.Holder, m.o.Lease)
		if err == nil && ok {
			asked = now
			continue
		}
		if err == nil || time.Since(asked) >= m.o.Lease*2/3 {
			m.log.InfoContext(ctx, "maintenance lease lost")
			return
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// Round does every duty once, and reports whether one of them has more to do. The error
// of a duty is logged and does not keep the others from their turn. Duties that go by age
// are left out for a while after the clock was set forward.
func (m *Maintenance) Round(ctx context.Context) (more bool) {
	if d := m.clock.setForward(m.o.Now()); d > 0 {
		m.log.WarnContext(ctx, "clock set forward, nothing is removed for its age for a while",
			"forward_seconds", d.Seconds(), "wait_seconds", m.o.Grace.Seconds())
	}
	settled := m.clock.settled(m.o.Grace)
	for _, d := range m.duties {
		if ctx.Err() != nil {
			return false
		}
		if d.byAge && !settled {
			continue
		}
		more = m.round(ctx, d) || more
	}
	return more
}

func (m *Maintenance) round(ctx context.Context, d duty) (more bool) {
	t := tally{removed: m.metrics.removing(d.name)}
	more, err := m.guarded(ctx, d, &t)
	switch {
	case ctx.Err() != nil: // what could not be done for that is no failure
		more, err = false, nil
	case err == nil:
		err = t.failure()
	default:
		more = false
	}
	m.metrics.done(d.name, err, m.o.Now())
	if t.count > 0 {
		m.log.InfoContext(ctx, "maintenance removed", "duty", d.name, "count", t.count, "bytes", t.bytes)
	}
	if err != nil {
		m.log.WarnContext(ctx, "maintenance failed, will retry", "duty", d.name, "retry_seconds", m.o.Interval.Seconds(), "error", err)
	}
	return more
}

func (m *Maintenance) guarded(ctx context.Context, d duty, t *tally) (more bool, err error) {
	defer m.o.Guard.Recover(guard.Maintenance, &err)
	return d.do(ctx, t)
}
