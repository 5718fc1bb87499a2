package fleet

import (
	"context"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sluicehq/sluice/internal/testenv"
)

// TestResets imports from an S3 that resets most connections: before it answers for a source or
// sends it, in the middle of a source, and before and after a report is stored or deleted.
func TestResets(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("TestPassingTrouble is the short form")
	}
	endpoint := startForeignS3(t)
	s := newResettingS3(t, endpoint)
	f := newFleet(t, 0, endpoint)
	for range 2 {
		f.addNode("--log-level", "debug")
	}
	for _, n := range f.nodes {
		n.toObjects.aim(s.URL)
		n.start()
	}
	tr := f.begin("eu-test-1", 3_000)
	for _, n := range f.nodes {
		for range 4 {
			tr.startAt(1_500, n)
		}
	}
	s.resets.Store(true) // not before, because a job is not created if its source does not answer
	close(s.begun)
	within(t, soon, "connections were reset at all stages", func() bool { return s.least() >= 3 })
	s.resets.Store(false)
	tr.end()
	t.Logf("resets: %v", s.count)
	for _, n := range f.nodes {
		n.terminate()
		if code := n.cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("%s ended with exit code %d, want 0", n.name, code)
		}
	}
}

// stages are those that each job comes to once sources are read.
var stages = []string{"GET", "in GET", "PUT", "after PUT"}

// resettingS3 is an S3 that resets connections.
type resettingS3 struct {
	*httptest.Server
	begun  chan struct{} // no source is sent before it is closed
	resets atomic.Bool

	mu     sync.Mutex
	random *rand.Rand
	count  map[string]int // resets by stage
}

type connKey struct{}

func newResettingS3(t *testing.T, endpoint string) *resettingS3 {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // which is signed
	}, ErrorLog: log.New(io.Discard, "", 0)}
	s := &resettingS3{begun: make(chan struct{}), random: testenv.Rand(t), count: map[string]int{}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/"+sources+"/") {
			select {
			case <-s.begun:
			case <-r.Context().Done():
				return
			}
		}
		switch {
		case r.Method == http.MethodGet && s.chance("in GET"):
			w = &cutWriter{w, r, 64 << 10}
		case s.chance(r.Method):
			reset(r)
		case s.chance("after " + r.Method):
			forward.ServeHTTP(httptest.NewRecorder(), r)
			reset(r)
		}
		forward.ServeHTTP(w, r)
	}))
	s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) }
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// chance reports whether the connection is reset at a stage.
func (s *resettingS3) chance(stage string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.resets.Load() || s.random.IntN(10) > 6 {
		return false
	}
	s.count[stage]++
	return true
}

// least returns how many resets there were at the stage with the fewest.
func (s *resettingS3) least() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	least := s.count[stages[0]]
	for _, stage := range stages {
		least = min(least, s.count[stage])
	}
	return least
}

func reset(r *http.Request) {
	c := r.Context().Value(connKey{}).(*net.TCPConn)
	_ = c.SetLinger(0)
	_ = c.Close()
	panic(http.ErrAbortHandler)
}

// cutWriter resets the connection in the middle of an answer.
type cutWriter struct {
	http.ResponseWriter
	r    *http.Request
	left int
}

func (w *cutWriter) Write(b []byte) (int, error) {
	if w.left -= len(b); w.left < 0 {
		if f, ok := w.ResponseWriter.(http.Flusher); ok {
			f.Flush()
		}
		reset(w.r)
	}
	return w.ResponseWriter.Write(b)
}
