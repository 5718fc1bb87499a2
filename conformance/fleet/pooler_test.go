package fleet

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
	"github.com/sluicehq/sluice/internal/testenv"
)

// TestPooler starts two nodes at once through a PgBouncer with two connections, and imports.
func TestPooler(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"transaction", "session"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			server := pgtest.New(t)
			database := startPooler(t, server.Address(), mode, 2)
			f := &fleet{t: t, random: testenv.Rand(t), server: server, database: directly(database, server.Address())}
			endpoint := startS3(t)
			f.files = fileClient(endpoint)
			f.makeSources()
			for i := range 2 {
				n := newNode(t, fmt.Sprint("node ", i+1), database+"&default_query_exec_mode=exec", endpoint)
				f.nodes = append(f.nodes, n)
				n.launch()
			}
			for _, n := range f.nodes {
				within(t, soon, n.name+" listens", n.listens)
			}
			if mode == "session" { // each has one of the two connections, and keeps it
				return
			}
			f.healthy()
			tr := f.begin("eu-test-1", 3_000)
			tr.end()
		})
	}
}

// TestPoolerThatLosesStatements starts a node without the setting that a pool in transaction
// mode needs.
func TestPoolerThatLosesStatements(t *testing.T) {
	t.Parallel()
	server := pgtest.New(t)
	database := startPooler(t, server.Address(), "transaction", 8)
	cmd := exec.Command(binary, "serve", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--store", database, "--objects", "s3://work?endpoint="+startS3(t))
	cmd.Env = append(testenv.Environ(), "SLUICE_ACCESS_KEY_ID="+rootKey, "SLUICE_SECRET_ACCESS_KEY="+rootSecret,
		"AWS_ACCESS_KEY_ID="+s3Key, "AWS_SECRET_ACCESS_KEY="+s3Secret)
	said, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if want := "default_query_exec_mode=exec"; !errors.As(err, &exit) || exit.ExitCode() != exitConfig || !strings.Contains(string(said), want) {
		t.Errorf("the server ended with %v, want exit code %d and %q:\n%s", err, exitConfig, want, said)
	}
}

// startPooler starts a PgBouncer and returns the URL of a database through it.
func startPooler(t *testing.T, server, mode string, connections int) string {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		testenv.Missing(t, "PgBouncer")
	}
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		t.Fatal(err)
	}
	at, err := testenv.Port()
	if err != nil {
		t.Fatal(err)
	}
	dir := openDir(t)
	config := filepath.Join(dir, "pgbouncer.ini")
	text := fmt.Sprintf(`[databases]
* = host=%s port=%s user=sluice
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = %s
default_pool_size = %d
`, host, port, at, mode, connections)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	runUnprivileged(t, "PgBouncer", dir, nil, program, config)
	database := fmt.Sprintf("postgres://sluice@127.0.0.1:%d/postgres?sslmode=disable", at)
	within(t, soon, "PgBouncer answers", func() bool {
		c, err := pgx.Connect(t.Context(), database+"&default_query_exec_mode=exec")
		if err != nil {
			return false
		}
		return c.Close(t.Context()) == nil
	})
	return database
}

// directly returns the URL of a database without what is between.
func directly(database, server string) string {
	u, err := url.Parse(database)
	if err != nil {
		panic(err) // it is ours
	}
	u.Host = server
	return u.String()
}

// openDir is a directory that is the test's, and that others may write to.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sluice-fleet-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if c := unprivileged(t); c != nil {
		if err := os.Chown(dir, int(c.Uid), int(c.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// unprivileged is a user who is not root, as whom databases want to run; nil if we are
// one.
func unprivileged(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.ParseUint(u.Uid, 10, 32) // they are numbers
			gid, _ := strconv.ParseUint(u.Gid, 10, 32)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	t.Fatal("there is no user but root")
	return nil
}

// daemon is a program of another maker that runs.
type daemon struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// runUnprivileged runs a program until the test ends.
func runUnprivileged(t *testing.T, name, dir string, env []string, program string, args ...string) *daemon {
	t.Helper()
	// A file, and not a pipe, which the processes of a program that was killed may keep open.
	said, err := os.CreateTemp("", "sluice-fleet-")
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	t.Cleanup(func() { _ = os.Remove(said.Name()) })
	d := &daemon{cmd: exec.Command(program, args...), exited: make(chan struct{})}
	d.cmd.Dir, d.cmd.Env, d.cmd.Stdout, d.cmd.Stderr = dir, append(testenv.Environ(), env...), said, said
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: unprivileged(t), Setpgid: true}
	if err := d.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		_ = d.cmd.Wait()
		close(d.exited)
	}()
	t.Cleanup(func() {
		d.kill()
		if t.Failed() {
			text, _ := os.ReadFile(said.Name())
			t.Logf("the last of %s:\n%s", name, text[max(0, len(text)-4000):])
		}
	})
	return d
}

// kill ends the program with -9, and the processes of its group.
func (d *daemon) kill() {
	_ = syscall.Kill(-d.cmd.Process.Pid, syscall.SIGKILL)
	<-d.exited
}
