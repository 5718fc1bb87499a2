// Package conformance drives the built server from outside, as its users do: with
// AWS's own clients, with requests that were recorded from them, and with kill -9.
// Nothing here imports the server's packages, but for those that support tests.
package conformance

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/testenv"
)

const (
	accessKey = "AKIACONFORMANCETESTS"
	secretKey = "conformance/conformance/conformance/conf"
	region    = "eu-central-1"
)

// binary is the built program; TestMain fills it.
var binary string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sluice-conformance-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "sluice")
	build := exec.Command("go", "build", "-o", binary, "./cmd/sluice")
	build.Dir = ".." // with the versions of the product's go.mod
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// server is one running process of the program.
type server struct {
	URL  string `json:"url"`
	CA   string `json:"ca"` // file of the certificate to trust; empty without TLS
	Data string

	http   *http.Client
	cmd    *exec.Cmd
	log    *buffer
	exited chan error
}

// start runs the program on a data directory of the test's own and stops it at the
// end of the test.
func start(t *testing.T, flags ...string) *server {
	t.Helper()
	return startOn(t, t.TempDir(), flags...)
}

// startOn runs the program on the given data directory.
func startOn(t *testing.T, data string, flags ...string) *server {
	t.Helper()
	return startUntil(t, "/healthz", data, flags...)
}

// startUntil runs the program until it answers 200 at a path.
func startUntil(t *testing.T, path, data string, flags ...string) *server {
	t.Helper()
	s := &server{Data: data, log: &buffer{}, exited: make(chan error, 1)}
	_ = os.Remove(filepath.Join(data, "endpoint.json")) // of a process that was killed
	s.cmd = exec.Command(binary, append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data}, flags...)...)
	s.cmd.Env = append(testenv.Environ(), "SLUICE_ACCESS_KEY_ID="+accessKey, "SLUICE_SECRET_ACCESS_KEY="+secretKey,
		"AWS_ACCESS_KEY_ID="+accessKey, "AWS_SECRET_ACCESS_KEY="+secretKey) // of an S3 that is another server here
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.exited <- s.cmd.Wait() }()
	t.Cleanup(func() {
		s.kill(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.log)
		}
	})
	within(t, 2*time.Minute, "the server is ready", func() bool {
		select {
		case err := <-s.exited:
			s.exited <- err
			t.Fatalf("the server ended: %v\n%s", err, s.log)
		default:
		}
		text, err := os.ReadFile(filepath.Join(data, "endpoint.json"))
		if err != nil || json.Unmarshal(text, s) != nil {
			return false
		}
		if s.http == nil {
			s.trust(t)
		}
		resp, err := s.http.Get(s.URL + path)
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return s
}

// trust makes a client that trusts the server's certificate, where there is one.
func (s *server) trust(t *testing.T) {
	t.Helper()
	s.http = http.DefaultClient
	if s.CA == "" {
		return
	}
	text, err := os.ReadFile(s.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	s.http = &http.Client{Transport: transport}
}

// kill sends sig and waits for the process to end.
func (s *server) kill(sig os.Signal) error {
	if err := s.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	err := <-s.exited
	s.exited <- err
	return err
}

// get asks for one of the paths that anyone may ask for.
func (s *server) get(t *testing.T, path string) (int, string) {
	t.Helper()
	res, err := s.http.Get(s.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// env is what points a client of AWS's at the server.
func (s *server) env() []string {
	return append(os.Environ(),
		"SLUICE_ENDPOINT="+s.URL,
		"AWS_ENDPOINT_URL="+s.URL,
		"AWS_ACCESS_KEY_ID="+accessKey,
		"AWS_SECRET_ACCESS_KEY="+secretKey,
		"AWS_REGION="+region,
		"AWS_DEFAULT_REGION="+region,
		"AWS_CONFIG_FILE="+os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_PAGER=",
	)
}

// within waits for done, asking again and again, and fails the test after the limit.
func within(t *testing.T, limit time.Duration, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited %v in vain until %s", limit, what)
		case <-tick.C:
		}
	}
}

// client runs a command that uses one of AWS's clients and returns what it printed.
func (s *server) client(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, s.env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// buffer is a log that the process writes and the test reads.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
