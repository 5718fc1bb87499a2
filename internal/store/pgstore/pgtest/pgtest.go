// Package pgtest runs PostgreSQL servers for tests. In come a test and the binaries of
// a PostgreSQL that is installed on the machine; out come the URLs of empty databases.
//
// A server is private to the test binary, listens on a port of the loopback interface
// and lives in a temporary directory. Both go when the last test that uses them ends,
// and also when the test binary dies. It does not wait for the disk unless it is told
// to, so what it keeps does not outlive the machine; it does outlive Crash.
//
// Its text is ordered by the rules of English where the server can, so that a store
// that wants the order of bytes, and forgot to say so, is found out.
package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/testenv"
)

// Server is a running server.
type Server struct {
	bin, dir string
	port     int
	owner    *syscall.Credential // nil: we are no root, and may run it ourselves
	settings []string
	place    string    // where dir is made; empty is the default of temporary directories
	log      string    // of the write-ahead log; empty if that is in the data directory
	keeper   io.Closer // the server stops when it closes
	done     chan error
	schemas  atomic.Int64
}

var shared struct {
	sync.Mutex
	server *Server
	users  int
}

// Start returns the URL of a new, empty schema on a server that all tests of the binary
// share, see Shared.
func Start(tb testing.TB) (url string) {
	tb.Helper()
	return Shared(tb).URL(tb)
}

// Shared returns a server that all tests of the binary share, and which none may crash.
// Where no PostgreSQL is installed the test is skipped, see testenv.Missing.
func Shared(tb testing.TB) *Server {
	tb.Helper()
	bin := Binaries(tb)
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		s, err := run(bin, nil, (*Server).initdb)
		if err != nil {
			tb.Fatalf("start PostgreSQL: %v", err)
		}
		shared.server = s
	}
	shared.users++
	tb.Cleanup(func() {
		shared.Lock()
		defer shared.Unlock()
		if shared.users--; shared.users == 0 {
			shared.server.stop(tb)
			shared.server = nil
		}
	})
	return shared.server
}

// New runs a server of the test's own, with settings such as "fsync=on", which the
// test may crash.
func New(tb testing.TB, settings ...string) *Server {
	tb.Helper()
	s, err := run(Binaries(tb), settings, (*Server).initdb)
	if err != nil {
		tb.Fatalf("start PostgreSQL: %v", err)
	}
	tb.Cleanup(func() { s.stop(tb) })
	return s
}

// NewIn is New, with the data below one directory and the write-ahead log below another,
// which other users must be able to reach. An empty one is that of temporary files.
func NewIn(tb testing.TB, data, log string, settings ...string) *Server {
	tb.Helper()
	s := &Server{bin: Binaries(tb), settings: settings, place: data}
	var err error
	if s.log, err = os.MkdirTemp(log, "pgtest-wal"); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(s.log) })
	if err := s.launch((*Server).initdb); err != nil {
		tb.Fatalf("start PostgreSQL: %v", err)
	}
	tb.Cleanup(func() { s.stop(tb) })
	return s
}

// URL makes an empty schema and returns the URL at which it is the database.
func (s *Server) URL(tb testing.TB) string {
	tb.Helper()
	ctx := context.Background()
	c, err := pgx.Connect(ctx, s.url())
	if err != nil {
		tb.Fatalf("connect to PostgreSQL: %v", err)
	}
	defer c.Close(ctx)
	name := fmt.Sprintf("test%d", s.schemas.Add(1))
	if _, err := c.Exec(ctx, "CREATE SCHEMA "+name); err != nil {
		tb.Fatalf("create schema: %v", err)
	}
	return s.url() + "&search_path=" + name
}

// Address is where the server listens, host:port.
func (s *Server) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Crash stops the server as if its machine had lost power (pg_ctl stop -m immediate).
func (s *Server) Crash(tb testing.TB) {
	tb.Helper()
	s.control(tb, "stop", "-m", "immediate")
}

// Resume starts a crashed server again, on the same port.
func (s *Server) Resume(tb testing.TB) {
	tb.Helper()
	s.control(tb, "start", "-l", filepath.Join(s.dir, "log"), "-o", s.options())
}

// HasEnded reports whether the server has ended by itself, as it does when there is no
// space for its log.
func (s *Server) HasEnded() bool { return s.command("pg_ctl", "status", "-D", s.data()).Run() != nil }

// Restart crashes the server and starts it again.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	s.Crash(tb)
	s.Resume(tb)
}

func (s *Server) url() string {
	return fmt.Sprintf("postgres://sluice@%s/postgres?sslmode=disable", s.Address())
}

func (s *Server) options() string {
	o := fmt.Sprintf("-k %s -p %d -c listen_addresses=127.0.0.1 -c max_connections=300", s.dir, s.port)
	for _, set := range append([]string{"fsync=off"}, s.settings...) {
		o += " -c " + set
	}
	return o
}

func (s *Server) control(tb testing.TB, args ...string) {
	tb.Helper()
	if err := s.command("pg_ctl", append(args, "-w", "-t", patience, "-D", s.data())...).Run(); err != nil {
		tb.Fatalf("pg_ctl %s: %v", args[0], err)
	}
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(s.bin, name), args...)
	c.Dir = s.dir
	c.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner, Setpgid: true}
	return c
}

func (s *Server) stop(tb testing.TB) {
	_ = s.keeper.Close()
	select {
	case err := <-s.done:
		if err != nil {
			tb.Errorf("stop PostgreSQL: %v", err)
		}
	case <-time.After(5 * time.Minute):
		tb.Error("stop PostgreSQL: it does not stop")
	}
}

// Binaries returns the directory of the newest PostgreSQL that is installed.
func Binaries(tb testing.TB) string {
	tb.Helper()
	const initdb = "initdb"
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + initdb); len(found) > 0 {
		return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return release(a) - release(b) }))
	}
	if path, err := exec.LookPath(initdb); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path)
		}
	}
	testenv.Missing(tb, "PostgreSQL")
	return ""
}

func release(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// keep runs the server until its input ends, which it does when we die, too.
const keep = `"$@" >/dev/null || { "$1" stop -s -m immediate -D "$PGDATA"; exit 1; }
echo ready && cat >/dev/null
"$1" stop -s -m immediate -D "$PGDATA"; cd / && rm -rf "$SCRATCH"`

// patience is for how many seconds pg_ctl waits for a server on a busy machine.
const patience = "300"

// run runs a server on a directory that fill fills.
func run(bin string, settings []string, fill func(*Server) error) (*Server, error) {
	s := &Server{bin: bin, settings: settings}
	if err := s.launch(fill); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) launch(fill func(*Server) error) error {
	s.done = make(chan error, 1)
	if err := s.prepare(); err != nil {
		return err
	}
	if err := fill(s); err != nil {
		return errors.Join(err, os.RemoveAll(s.dir))
	}
	var err error
	for range 3 { // another server may have found the same port
		if err = s.start(); err == nil {
			return nil
		}
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// start starts the server on a port that is free.
func (s *Server) start() (err error) {
	if s.port, err = testenv.Port(); err != nil {
		return err
	}
	data := s.data()
	c := s.command("pg_ctl")
	c.Path, c.Args = "/bin/sh", []string{
		"sh", "-c", keep, "sh", filepath.Join(s.bin, "pg_ctl"), "start", "-w", "-t", patience, "-D", data,
		"-l", filepath.Join(s.dir, "log"), "-o", s.options(),
	}
	c.Env = append(c.Env, "PGDATA="+data, "SCRATCH="+s.dir)
	in, err := c.StdinPipe()
	if err != nil {
		return err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	s.keeper = in
	word := make([]byte, len("ready\n"))
	if _, err := io.ReadFull(out, word); err != nil {
		log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		_ = in.Close()
		_ = c.Wait()
		return fmt.Errorf("it does not start: %w\n%s", err, log)
	}
	go func() { s.done <- c.Wait() }()
	return nil
}

// prepare makes the server's directory.
func (s *Server) prepare() (err error) {
	if s.dir, err = os.MkdirTemp(s.place, "pgtest"); err != nil {
		return err
	}
	if os.Geteuid() == 0 { // which PostgreSQL refuses to be
		if s.owner, err = unprivileged(); err != nil {
			return err
		}
		for _, dir := range []string{s.dir, s.log} {
			if dir == "" {
				continue
			}
			if err := os.Chown(dir, int(s.owner.Uid), int(s.owner.Gid)); err != nil {
				return err
			}
		}
	}
	return nil
}

// initdb fills the directory with a new, empty cluster.
func (s *Server) initdb() error {
	initdb := func(args ...string) error {
		if s.log != "" {
			args = append(args, "--waldir", filepath.Join(s.log, "wal"))
		}
		return s.run("initdb", append(args, "-D", s.data(), "-U", "sluice", "-A", "trust", "-E", "UTF8", "--no-sync")...)
	}
	if initdb("--locale-provider=icu", "--icu-locale=en") == nil {
		return nil
	}
	return initdb() // not every build has ICU
}

// run runs a program of PostgreSQL's.
func (s *Server) run(name string, args ...string) error {
	var said bytes.Buffer
	c := s.command(name, args...)
	c.Stderr = &said
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(said.String()))
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func unprivileged() (*syscall.Credential, error) {
	var last error
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			last = err
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, last
}
