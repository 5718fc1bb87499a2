package conformance

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/testenv"
)

// planted is in every secret of this test, and may be in no output.
const planted = "pl4nted"

// wrongStores and wrongObjects are values of --store and --objects, most of which cannot be
// meant. The others lead nowhere.
var wrongStores = []string{
	"host=db user=sluice password=pl4nted",
	"host=db user=sluice password='pl4nted x'",
	"user=sluice password = pl4nted",
	"postgres://u:pl4nted@127.0.0.1:1/d",
	"postgres://u:pl4nted%2Fx@127.0.0.1:1/d",
	"postgres://u:%70l4nted@127.0.0.1:1/d",
	"postgres://127.0.0.1:1/d?user=u&password=pl4nted",
	"postgres://u:pl4nted%zz@h/d",
	"postgres://u:pl4nted/x@h/d",
	"postgres://u:x/pl4nted@h/d",
	"postgres://u:123/pl4nted@127.0.0.1/d",
	"postgres://u:pl4nted#x@h/d",
	"postgres://u:123#pl4nted@h/d",
	"postgres://u:pl4nted?x@h/d",
	"postgres://u:123?pl4nted@h/d",
	"postgres://u:pl4nted x@h/d",
	"postgres://u:pl4nted@h:port/d",
	"postgres://u:pl4nted@[::1/d",
	"postgres://u:pl4nted@h/d?sslmode=none",
	"postgres://u:pl4nted@h/d?sslmode=verify-full&sslrootcert=/nowhere",
	"postgres://u:pl4nted@h/d?pool_max_conns=many",
	"postgres://u:pl4nted@h/d?connect_timeout=%zz",
	"postgres://h/d?password=pl4nted&sslmode=none",
	"Postgres://u:pl4nted@h/d",
	" postgres://u:pl4nted@h/d",
	"'postgres://u:pl4nted@h/d'",
	"mysql://u:pl4nted@h/d",
	"postgresql+psycopg://u:pl4nted@h/d",
	"u:pl4nted@h",
}

var wrongObjects = []string{
	"s3://AKIA:pl4nted@bucket",
	"s3://AKIA:pl4nted/x@bucket",
	"s3://AKIA:%zzpl4nted@bucket",
	"s3://bucket?endpoint=https://AKIA:pl4nted@h",
	"s3://bucket?endpoint=https://AKIA:pl4nted/x@h",
	"s3://bucket?https://AKIA:pl4nted@h",
	"s3://bucket?secret=pl4nted",
	"s3://bucket?secret=pl4nted&%zz",
	"s3://bucket#pl4nted",
	"https://AKIA:pl4nted@h/bucket",
	"AKIA:pl4nted@h",
}

// attempt is one start of the program.
type attempt struct {
	args []string
	env  []string
	file string // of settings
}

// TestNoSecretIsPrinted starts the program with every kind of wrong setting, and with some
// that work, and searches all that it prints and logs for the secrets in them.
func TestNoSecretIsPrinted(t *testing.T) {
	t.Parallel()
	key := []string{"SLUICE_ACCESS_KEY_ID=AKIA", "SLUICE_SECRET_ACCESS_KEY=pl4nted-and-long-enough"}
	var attempts []attempt
	everyWay := func(flag, value string) {
		variable := "SLUICE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
		attempts = append(
			attempts,
			attempt{args: []string{"--" + flag, value}, env: key},
			attempt{env: append([]string{variable + "=" + value}, key...)},
			attempt{file: flag + " = " + value, env: key},
		)
	}
	for _, value := range wrongStores {
		everyWay("store", value)
	}
	for _, value := range wrongObjects {
		everyWay("objects", value)
	}
	// A secret that came to the wrong setting.
	for _, flag := range []string{
		"account", "config", "data", "jobs", "lease", "limits", "listen", "log-format", "log-level", "min-free", "roles",
		"shutdown-timeout", "tls-cert", "trust-proxy", "accept-loss", "single-node",
	} {
		everyWay(flag, "postgres://u:pl4nted@h/d")
		everyWay(flag, "host=db password=pl4nted")
	}
	for _, name := range []string{"SLUICE_SECRET_ACCESS_KEY", "SLUICE_ACCESS_KEY_ID", "SLUICE_STORE", "AWS_SECRET_ACCESS_KEY"} {
		attempts = append(
			attempts,
			attempt{env: []string{name + "_FILE=pl4nted/and/no/file"}},
			attempt{env: []string{name + "_FILE=" + os.DevNull, "X=" + planted}},
			attempt{env: []string{name + "=pl4nted", name + "_FILE=pl4nted"}},
		)
	}
	attempts = append(
		attempts,
		attempt{env: []string{"SLUICE_SECRET_ACCESS_KEY=pl4nted"}},
		attempt{env: []string{"SLUICE_ACCESS_KEY_ID=pl4nted/with/slashes", "SLUICE_SECRET_ACCESS_KEY=pl4nted"}},
		attempt{env: []string{"SLUICE_ACCESS_KEY_ID=AKIA", "SLUICE_SECRET_ACCESS_KEY=pl4nted with blanks"}},
		attempt{env: []string{"SLUICE_ACCESS_KEY_ID=AKIA", "SLUICE_SECRET_ACCESS_KEY=pl4nted"}, args: []string{"--listen", ":0"}},
		attempt{env: []string{"SLUICE_PASSWORD=pl4nted", "SLUICE_STROE=postgres://u:pl4nted@h/d"}},
		attempt{args: []string{"postgres://u:pl4nted@h/d"}},
		attempt{args: []string{"--stroe=postgres://u:pl4nted@h/d"}},
		attempt{args: []string{"--store"}, env: []string{"SLUICE_STORE=postgres://u:pl4nted@h/d"}},
		attempt{file: "store postgres://u:pl4nted@h/d"},
		attempt{file: "postgres://u:pl4nted@h/d?a=b"},
		attempt{file: "password = pl4nted"},
		attempt{file: "store = postgres://u:pl4nted@h/d\nstore = host=db password=pl4nted"},
		attempt{args: []string{"--objects", "s3://bucket?endpoint=http://127.0.0.1:1"}, env: []string{"AWS_ACCESS_KEY_ID=AKIA", "AWS_SECRET_ACCESS_KEY=pl4nted"}},
	)
	for _, a := range attempts {
		if out := a.run(t, "serve"); strings.Contains(strings.ToLower(out), planted) {
			t.Errorf("serve %q with %q and the settings %q prints the secret:\n%s", a.args, a.env, a.file, out)
		}
	}
	for _, a := range []attempt{
		{args: []string{"postgres://u:pl4nted@h/d"}},
		{args: []string{"jobs"}, env: []string{"AWS_ENDPOINT_URL=http://u:pl4nted@127.0.0.1:1", "AWS_ACCESS_KEY_ID=AKIA", "AWS_SECRET_ACCESS_KEY=pl4nted"}},
		{args: []string{"jobs"}, env: []string{"AWS_ENDPOINT_URL=http://u:pl4nted%zz@h", "AWS_ACCESS_KEY_ID=AKIA", "AWS_SECRET_ACCESS_KEY=pl4nted"}},
		{args: []string{"backup", "s3://AKIA:pl4nted@bucket", "--data", t.TempDir()}},
		{args: []string{"backup", "list", "s3://AKIA:pl4nted@bucket"}},
	} {
		if out := a.run(t); strings.Contains(out, planted) {
			t.Errorf("%q with %q prints the secret:\n%s", a.args, a.env, out)
		}
	}
}

// run starts the program and returns all that it prints, until it ends, or serves, or says
// that it waits for something.
func (a attempt) run(t *testing.T, command ...string) string {
	t.Helper()
	dir := t.TempDir()
	args := append(command, a.args...)
	if command != nil {
		args = append(args, "--log-level", "debug")
		env := strings.Join(append(a.args, a.env...), " ") + a.file
		if !strings.Contains(env, "listen") && !strings.Contains(env, "LISTEN") {
			args = append(args, "--listen", "127.0.0.1:0")
		}
	}
	if a.file != "" {
		name := filepath.Join(dir, "sluice.conf")
		if err := os.WriteFile(name, []byte(a.file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", name)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out := &buffer{}
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
	cmd.Env = append([]string{"HOME=" + dir}, a.env...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			if ctx.Err() != nil {
				t.Errorf("%q neither ends nor waits nor serves:\n%s", args, out)
			}
			return out.String()
		case <-tick.C:
			if text := out.String(); strings.Contains(text, "msg=waiting") || strings.Contains(text, "msg=listening") {
				cancel()
				<-ended
				return text
			}
		}
	}
}

// TestSecretsFromFiles: the server reads its key from files, warns of one that others can
// read, prints nothing of it, and so do the commands that call it.
func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	dir, data := t.TempDir(), t.TempDir()
	id, secret := filepath.Join(dir, "id"), filepath.Join(dir, "secret")
	const value = "pl4nted-pl4nted-pl4nted"
	for name, text := range map[string]string{id: "AKIAFILES\n", secret: value + "\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(secret, 0o644); err != nil {
		t.Fatal(err)
	}
	env := append(testenv.Environ(), "SLUICE_ACCESS_KEY_ID_FILE="+id, "SLUICE_SECRET_ACCESS_KEY_FILE="+secret)
	log := &buffer{}
	cmd := exec.Command(binary, "serve", "--data", data, "--listen", "127.0.0.1:0", "--log-level", "debug")
	cmd.Env, cmd.Stdout, cmd.Stderr = env, log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	within(t, time.Minute, "the server listens", func() bool { return strings.Contains(log.String(), "msg=listening") })
	run := func(args ...string) string {
		cmd := exec.Command(binary, append(args, "--data", data)...)
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	if out := run("env"); !strings.Contains(out, "AKIAFILES") || !strings.Contains(out, value) {
		t.Errorf("sluice env prints %s, want the key of the files", out)
	}
	run("jobs")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	within(t, time.Minute, "the server stops", func() bool { return strings.Contains(log.String(), "msg=stopped") })
	if text := log.String(); strings.Contains(text, planted) || !strings.Contains(text, "SLUICE_SECRET_ACCESS_KEY_FILE") || strings.Contains(text, "variable=SLUICE_ACCESS_KEY_ID_FILE") {
		t.Errorf("the log, want a warning of the one file that others can read, and no secret:\n%s", text)
	}
}

// TestSIGHUP: the signal reloads the log level of the settings file, names what a restart
// is needed for, and survives settings that are wrong; it never ends the server.
func TestSIGHUP(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "sluice.conf")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("log-level = error\njobs = 1\n")
	s := start(t, "--config", file)
	hup := func(text, want string) {
		t.Helper()
		write(text)
		from := len(s.log.String())
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		within(t, time.Minute, fmt.Sprintf("the log has %q", want), func() bool { return strings.Contains(s.log.String()[from:], want) })
	}
	hup("log-level = debug\njobs = 2\n", `msg="settings reloaded" log_level=debug after_restart=jobs`)
	from := len(s.log.String())
	if status, _ := s.get(t, "/livez"); status != http.StatusOK {
		t.Errorf("GET /livez after SIGHUP: %d, want 200", status)
	}
	within(t, time.Minute, "the log has a line at DEBUG", func() bool { return strings.Contains(s.log.String()[from:], "operation=Live") })
	hup("log-level = loud\n", `msg="settings not reloaded"`)
	hup("log-level = warn\nlog-level = info\n", `msg="settings not reloaded"`)
	hup("log-level = info\njobs = 1\n", `msg="settings reloaded" log_level=info`+"\n")
	if status, _ := s.get(t, "/livez"); status != http.StatusOK {
		t.Errorf("GET /livez after five SIGHUPs: %d, want 200", status)
	}
	if err := s.kill(syscall.SIGTERM); err != nil {
		t.Errorf("after SIGHUPs SIGTERM ended the server with %v, want exit code 0", err)
	}
}
