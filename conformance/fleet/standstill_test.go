package fleet

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/testenv"
)

// TestFaultsOfPatroni strikes a cluster of Patroni while imports and writes go on, and
// prints for how long each stood still. Every acknowledged write, count, report and member
// is checked.
func TestFaultsOfPatroni(t *testing.T) {
	if os.Getenv(forSoLong) == "" {
		t.Skip("it is for make test-faults: " + forSoLong + " says for how long")
	}
	c := newCluster(t)
	f := &fleet{t: t, random: testenv.Rand(t), database: "postgres://sluice@" + c.way.address + "/postgres?sslmode=disable"}
	endpoint := startS3(t)
	f.files = fileClient(endpoint)
	f.makeSources()
	for i := range 2 {
		f.nodes = append(f.nodes, newNode(t, fmt.Sprint("node ", i+1), f.database, endpoint))
		f.nodes[i].start()
	}
	table := []string{fmt.Sprintf("%-40s %14s %14s %9s %10s", "event", "writes stood", "imports stood", "refused", "checked")}
	for i, event := range []struct {
		name   string
		strike func(*trial)
	}{
		{"none", func(tr *trial) {
			within(t, soon, "an import is over", func() bool { return f.progress(tr.imports[0].id).final() })
		}},
		{"the primary and its Patroni are killed", func(*trial) { c.failOver() }},
		{"switchover", func(*trial) { c.switchOver() }},
		{"etcd is away for 20 s", func(*trial) { c.loseEtcd() }},
	} {
		tr := f.begin(fmt.Sprint("eu-test-", i+1), 30_000)
		tr.worker() // imports are under way
		w := tr.watch()
		event.strike(tr)
		writes, imports := w.end()
		tr.end()
		table = append(table, fmt.Sprintf("%-40s %14v %14v %9d %10d", event.name,
			writes.Round(100*time.Millisecond), imports.Round(100*time.Millisecond), tr.writers.unheard, len(tr.writers.certain)))
		if t.Failed() {
			break
		}
	}
	t.Logf("how long nothing was acknowledged or committed:\n%s", strings.Join(table, "\n"))
}

// standstill watches for how long writes are not acknowledged, and imports do not commit.
type standstill struct {
	tr   *trial
	stop context.CancelFunc
	all  sync.WaitGroup

	imports longest
}

// longest is the longest time between two events.
type longest struct {
	mu   sync.Mutex
	last time.Time
	most time.Duration
}

func (l *longest) event() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if !l.last.IsZero() {
		l.most = max(l.most, now.Sub(l.last))
	}
	l.last = now
}

// reset forgets what was.
func (l *longest) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last, l.most = time.Now(), 0
}

func (l *longest) length() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.most
}

// watch begins to watch a trial.
func (tr *trial) watch() *standstill {
	ctx, cancel := context.WithCancel(tr.f.t.Context())
	w := &standstill{tr: tr, stop: cancel}
	tr.writers.acknowledged.reset()
	w.imports.reset()
	w.all.Go(func() { w.watchImports(ctx) })
	return w
}

// watchImports counts as an event what commits, and that there is nothing left to do.
func (w *standstill) watchImports(ctx context.Context) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var c *pgx.Conn
	last := int64(-1)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		asking, cancel := context.WithTimeout(ctx, time.Second)
		var records, open int64
		var err error
		if c == nil {
			c, err = pgx.Connect(asking, w.tr.f.database)
		}
		if err == nil {
			err = c.QueryRow(asking, `SELECT coalesce(sum(imported + rejected), 0), count(*) FILTER (WHERE state IN ('created', 'processing'))
				FROM jobs`).Scan(&records, &open)
		}
		switch {
		case err != nil:
			if c != nil {
				_ = c.Close(asking)
			}
			c = nil
		case records != last || open == 0:
			w.imports.event()
			last = records
		}
		cancel()
	}
}

// end returns how long writes and imports stood still at most, when both go on.
func (w *standstill) end() (writes, imports time.Duration) {
	w.tr.f.t.Helper()
	struck := time.Now()
	goesOn := func(l *longest) func() bool {
		return func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.last.After(struck)
		}
	}
	within(w.tr.f.t, soon, "writes go on", goesOn(&w.tr.writers.acknowledged))
	within(w.tr.f.t, soon, "imports go on", goesOn(&w.imports))
	w.stop()
	w.all.Wait()
	return w.tr.writers.acknowledged.length(), w.imports.length()
}
