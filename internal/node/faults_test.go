package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/sluicehq/sluice/internal/pebbledb"
	"github.com/sluicehq/sluice/internal/sigv4"
	"github.com/sluicehq/sluice/internal/testenv"
)

// fullDisk is a disk that is full for a moment, or from a moment on.
type fullDisk struct {
	armed  atomic.Bool
	writes atomic.Int64 // that would change the disk, since it was armed
	from   int64        // the first that fails
	until  int64        // the first that does not fail any more
}

func (*fullDisk) String() string { return "full disk" }

func (d *fullDisk) MaybeError(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpRemove, errorfs.OpRemoveAll, errorfs.OpFileClose, errorfs.OpLock, errorfs.OpFilePreallocate:
		return nil // they need no space, or nothing follows from them
	}
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite || !d.armed.Load() {
		return nil
	}
	if n := d.writes.Add(1) - 1; n >= d.from && n < d.until {
		return &os.PathError{Op: "write", Path: op.Path, Err: syscall.ENOSPC}
	}
	return nil
}

// process is a server on a disk of its own, as a process would be.
type process struct {
	*caller
	node   *Node
	log    *lockedBuffer
	exited chan struct{} // closed when it asked for the end of the process
	code   atomic.Int64
	gone   context.CancelFunc // ends requests that no process answers
	stop   func() error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

var testKey = sigv4.Credentials{AccessKey: "AKIDTEST", Secret: "secret", Account: "000000000000"}

func startProcess(t *testing.T, fs vfs.FS, change ...func(*Options)) *process {
	t.Helper()
	p := &process{log: &lockedBuffer{}, exited: make(chan struct{})}
	var once sync.Once
	options := Options{
		Dir: "data", FS: fs, Logger: slog.New(slog.NewTextHandler(p.log, nil)), Grace: time.Second,
		Key: func() (sigv4.Credentials, error) { return testKey, nil },
		Exit: func(code int) {
			once.Do(func() {
				p.code.Store(int64(code))
				close(p.exited)
			})
			select {} // as after the end of a process, nothing goes on
		},
	}
	for _, c := range change {
		c(&options)
	}
	n, err := Open(t.Context(), options)
	if err != nil {
		t.Fatalf("open the server: %v\n%s", err, p.log)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	requests, gone := context.WithCancel(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx, l) }()
	p.node, p.gone = n, gone
	p.caller = newCaller(requests, "http://"+l.Addr().String())
	go func() {
		select {
		case <-p.exited:
			gone()
		case <-requests.Done():
		}
	}()
	p.stop = sync.OnceValue(func() error {
		defer gone()
		cancel()
		p.client.CloseIdleConnections()
		if err := <-ended; err != nil {
			return err
		}
		return n.Close()
	})
	return p
}

func (p *process) dead() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// TestFullDisk lets writes fail for want of space, at every step that changes the disk,
// under a whole server that is in use. After it either the server goes on, and answers
// as if what it refused had never been asked for; or it has asked for the end of the
// process, with one line in the log. A start on the same disk, also after a power cut,
// has exactly what was acknowledged.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	rnd := testenv.Rand(t)
	dry := &fullDisk{from: 1 << 60}
	oneFullDisk(t, rnd, dry)
	steps := dry.writes.Load()
	if steps < 50 {
		t.Fatalf("only %d steps change the disk, want the writes of all operations", steps)
	}
	rounds := 60
	if testing.Short() {
		rounds = 12
	}
	ends, goesOn := 0, 0
	for i := range rounds {
		// Spread over all steps, so that each kind of write is met.
		from := (int64(i)*steps + rnd.Int64N(steps)) / int64(rounds)
		d := &fullDisk{from: from, until: from + []int64{1, 5, 1 << 60}[rnd.IntN(3)]}
		if oneFullDisk(t, rnd, d) {
			ends++
		} else {
			goesOn++
		}
		if t.Failed() {
			t.Fatalf("round %d: writes %d to %d of %d failed", i, d.from, d.until, steps)
		}
	}
	t.Logf("%d rounds over %d steps: the process ended in %d, and went on in %d", rounds, steps, ends, goesOn)
	if !testing.Short() && (ends == 0 || goesOn == 0) { // of a few rounds all may end
		t.Errorf("the process ended in %d rounds and went on in %d, want some of each", ends, goesOn)
	}
}

// oneFullDisk is one round. It reports whether the process ended.
func oneFullDisk(t *testing.T, rnd *rand.Rand, d *fullDisk) (ended bool) {
	t.Helper()
	disk := testenv.NewCrashDisk()
	p := startProcess(t, errorfs.Wrap(disk, d))
	defer p.gone()
	m := newModel(p.caller)
	m.setUp(t)
	d.armed.Store(true)
	m.play(rand.New(rand.NewPCG(rnd.Uint64(), 0)), 40, p.dead)
	d.armed.Store(false)
	asked := maps.Clone(m.facts)
	err := m.waitForJobs()
	if err == nil {
		err = m.verify()
	}
	if err == nil {
		if status, text := p.get("/readyz"); status != 200 {
			err = fmt.Errorf("/readyz with space again: %d %q, want 200", status, text)
		}
	}
	// A write that failed may end the process a moment later, also while it is read from.
	if ended = p.dead(); ended {
		m.facts = asked // what it answered at its end may not be on the disk
		if code := p.code.Load(); code != pebbledb.ExitCode {
			t.Errorf("the process ended with %d, want %d", code, pebbledb.ExitCode)
		}
		// Both databases may be at it at the same time.
		store, index := countLines(p.log.String(), "cannot continue", "database=store"), countLines(p.log.String(), "cannot continue", "object index")
		if store > 1 || index > 1 || store+index == 0 {
			t.Errorf("%d and %d lines of the log say why store and index end the process, want one:\n%s", store, index, p.log)
		}
	} else if err != nil {
		t.Errorf("after the disk was full: %v\nlog:\n%s", err, p.log)
	}
	percent := []int{0, 50, 100}[rnd.IntN(3)]
	image := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(rnd.Uint64(), 1))})
	if !ended {
		if err := p.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	}
	again := startProcess(t, image)
	m.caller = again.caller
	if err := errors.Join(m.waitForJobs(), m.verify()); err != nil {
		t.Errorf("after a restart, with %d %% of what was not synced: %v", percent, err)
	}
	if err := again.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if t.Failed() {
		t.Logf("the process ended: %t; changes:\n%s\nlog:\n%s", ended, strings.Join(m.trace, "\n"), p.log)
	}
	return ended
}

func countLines(log, with, and string) (n int) {
	for line := range strings.Lines(log) {
		if strings.Contains(line, with) && strings.Contains(line, and) {
			n++
		}
	}
	return n
}

// TestHangingDiskDoesNotKeepTheServer: what waits for a disk that does not answer is
// left behind when the time to stop is over.
func TestHangingDiskDoesNotKeepTheServer(t *testing.T) {
	t.Parallel()
	var hangs atomic.Bool
	for name, hanging := range map[string]func(errorfs.Op) bool{
		"log":   func(op errorfs.Op) bool { return strings.HasSuffix(op.Path, ".log") && op.Kind != errorfs.OpFileClose },
		"blobs": func(op errorfs.Op) bool { return strings.Contains(op.Path, "blobs") },
	} {
		t.Run(name, func(t *testing.T) {
			release := make(chan struct{})
			defer close(release)
			hangs.Store(false)
			p := startProcess(t, errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
				if hangs.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && hanging(op) {
					<-release
				}
				return nil
			})))
			p.node.leaveWithin = 0
			m := newModel(p.caller)
			m.setUp(t)
			hangs.Store(true)
			answered := make(chan struct{})
			go func() {
				m.putObject("hangs", "text")
				close(answered)
			}()
			for status := 200; status == 200; {
				status, _ = p.get("/readyz")
			}
			if status, text := p.get("/livez"); status != 200 {
				t.Errorf("/livez while the disk hangs: %d %q, want 200", status, text)
			}
			err := p.stop()
			if err == nil || !strings.Contains(err.Error(), "left behind") {
				t.Errorf("stop while the disk hangs: %v, want an error that says what was left", err)
			}
			if err := p.node.Close(); err != nil {
				t.Errorf("Close after that: %v, want nil at once", err)
			}
			<-answered
		})
	}
}
