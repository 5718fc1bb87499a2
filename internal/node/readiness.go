package node

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
)

// readiness tests whether everything works that the server is made of. It is asked by
// /readyz, and anybody may ask that as often as he likes: probes that come at the same
// time share one test, and one that comes right after a test gets its result.
type readiness struct {
	tests []*test
	log   *slog.Logger
	all   sync.WaitGroup // tests that run

	mu       sync.Mutex
	failures string // as they were last logged
}

const (
	// testWithin is how long a test may take. Probes give up after a second or more.
	testWithin = 2 * time.Second
	// testAgain is how old the result of a test may be.
	testAgain = 250 * time.Millisecond
)

// test is the test of one part of the server.
type test struct {
	part string // what the part is, for who operates the server
	run  func(context.Context) error

	mu   sync.Mutex
	last *result
}

// result is a test that runs or has ended.
type result struct {
	done  chan struct{} // closed when err and ended are set
	err   error
	ended time.Time
}

func newReadiness(log *slog.Logger) *readiness { return &readiness{log: log} }

func (r *readiness) add(part string, run func(context.Context) error) {
	r.tests = append(r.tests, &test{part: part, run: run})
}

// check returns nil if all parts work, and otherwise fault.Unavailable with a line for
// each part that does not. It takes no longer than ctx and testWithin.
func (r *readiness) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, testWithin)
	defer cancel()
	running := make([]*result, len(r.tests))
	for i, t := range r.tests {
		running[i] = t.start(&r.all)
	}
	var lines, causes []string
	for i, t := range r.tests {
		err := running[i].wait(ctx)
		if err == nil {
			continue
		}
		reason := "does not work; the server's log says why" // an error of ours may hold anything
		if fault.KindOf(err) != fault.Internal {
			reason = fault.Message(err)
		}
		lines = append(lines, t.part+": "+reason)
		causes = append(causes, t.part+": "+err.Error())
	}
	r.report(lines, causes)
	if len(lines) == 0 {
		return nil
	}
	return fault.New(fault.Unavailable, "%s", strings.Join(lines, "\n"))
}

// report logs which parts do not work when that changes.
func (r *readiness) report(lines, causes []string) {
	parts := make([]string, len(lines))
	for i, l := range lines {
		parts[i], _, _ = strings.Cut(l, ":")
	}
	slices.Sort(parts)
	now := strings.Join(parts, ", ")
	r.mu.Lock()
	defer r.mu.Unlock()
	if now == r.failures {
		return
	}
	r.failures = now
	if now == "" {
		r.log.Info("ready")
		return
	}
	r.log.Warn("not ready", slog.String("parts", now), slog.String("error", strings.Join(causes, "; ")))
}

// start returns the test that runs, or has just ended, or else begins one.
func (t *test) start(all *sync.WaitGroup) *result {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last != nil && !t.last.old() {
		return t.last
	}
	res := &result{done: make(chan struct{})}
	t.last = res
	all.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), testWithin)
		defer cancel()
		res.err = t.run(ctx)
		res.ended = time.Now()
		close(res.done)
	})
	return res
}

func (r *result) old() bool {
	select {
	case <-r.done:
		return time.Since(r.ended) > testAgain
	default:
		return false // one that hangs is not joined by another
	}
}

func (r *result) wait(ctx context.Context) error {
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
	}
	select { // another part's test may have used up the time
	case <-r.done:
		return r.err
	default:
		return fault.New(fault.Unavailable, "no answer within %s", testWithin)
	}
}

// close waits for the tests that run: they use what is closed next.
func (r *readiness) close() error {
	r.all.Wait()
	return nil
}

// ready is what /readyz asks.
func (n *Node) ready(ctx context.Context) error {
	if n.stopping.Load() {
		return fault.New(fault.Unavailable, "the server is stopping")
	}
	return n.readiness.check(ctx)
}

// watchReadiness collects what /readyz tests.
func (n *Node) watchReadiness() {
	r := newReadiness(n.o.Logger)
	if n.space != nil {
		r.add("disk", func(context.Context) error {
			if reason := n.space.Reason(); reason != "" {
				return fault.New(fault.StorageFull, "%s", strings.TrimPrefix(reason, "disk "))
			}
			return nil
		})
	}
	part := "store"
	if n.o.shared() {
		part = "database"
	}
	r.add(part, n.store.Ping)
	r.add("objects", n.objects.ping)
	n.readiness = r
	n.closers = append(n.closers, r.close)
}
