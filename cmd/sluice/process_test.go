package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/testenv"
)

// binDir returns a directory that has the program as "sluice".
func binDir(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(exe, filepath.Join(dir, "sluice")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// output collects what a process prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// process is the program, or a shell that runs it, in a process of its own.
type process struct {
	*exec.Cmd
	out, errs output
	ended     chan struct{}
}

// start runs a command line with HOME and PATH of a test, and more variables.
func start(t *testing.T, home, bin string, env []string, args ...string) *process {
	t.Helper()
	path := args[0]
	if path == "sluice" {
		path = filepath.Join(bin, path)
	}
	p := &process{Cmd: exec.Command(path, args[1:]...), ended: make(chan struct{})}
	p.Args[0] = args[0]
	p.Dir = home
	p.Env = append(testenv.Environ(), append([]string{
		"HOME=" + home, "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "XDG_DATA_HOME=", "SLUICE_DATA=",
		"AWS_ENDPOINT_URL=", "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_CA_BUNDLE=", "AWS_REGION=",
	}, env...)...)
	p.Stdout, p.Stderr = &p.out, &p.errs
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.Wait(); close(p.ended) }()
	t.Cleanup(func() { _ = p.Process.Kill(); <-p.ended })
	return p
}

// code waits for the end of the process and returns its exit code.
func (p *process) code(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(2 * time.Minute):
		t.Fatalf("%v still runs; it printed %q and %q", p.Args, p.out.String(), p.errs.String())
	}
	return p.ProcessState.ExitCode()
}

// awaitOutput waits until the process has printed a text.
func (p *process) awaitOutput(t *testing.T, o *output, text string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(2 * time.Minute); !strings.Contains(o.String(), text); {
		select {
		case <-tick.C:
		case <-p.ended:
			if !strings.Contains(o.String(), text) {
				t.Fatalf("%v ended with %d; it printed %q and %q, want %q", p.Args, p.ProcessState.ExitCode(), p.out.String(), p.errs.String(), text)
			}
		case <-limit:
			t.Fatalf("%v printed %q and %q, want %q", p.Args, p.out.String(), p.errs.String(), text)
		}
	}
}

// TestBannerCommandWorks runs what the banner of a server prints, in a shell that has none
// of the server's settings, and then a command that needs the variables.
func TestBannerCommandWorks(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sh"); err != nil {
		testenv.Missing(t, "sh")
	}
	dir := t.TempDir()
	cert, key := selfSigned(t, dir)
	secret := filepath.Join(dir, "the secret")
	if err := os.WriteFile(secret, []byte("a-secret-of-enough-length\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	keys := []string{"SLUICE_ACCESS_KEY_ID=rootkey", "SLUICE_SECRET_ACCESS_KEY=a-secret-of-enough-length"}
	for _, c := range []struct {
		name  string
		args  []string
		env   []string // of the server
		shell []string // variables of the shell, where the banner says to set them
		want  string   // in the banner
	}{
		{name: "defaults", want: `CLI at it:  eval "$(sluice env)"`},
		{name: "data with a space", args: []string{"--data", "a 'b' c"}},
		{name: "data by the environment", env: []string{"SLUICE_DATA=d"}},
		{name: "data by XDG", env: []string{"XDG_DATA_HOME=" + dir}},
		{name: "all IPv4 addresses", args: []string{"--listen", "0.0.0.0:0"}},
		{name: "all addresses", args: []string{"--listen", ":0"}},
		{name: "IPv6 wildcard", args: []string{"--listen", "[::]:0"}},
		{name: "localhost", args: []string{"--listen", "localhost:0"}},
		{name: "TLS", args: []string{"--tls-cert", cert, "--tls-key", key}},
		{name: "TLS on all addresses", args: []string{"--listen", ":0", "--tls-cert", cert, "--tls-key", key}},
		{name: "key by the environment", env: keys, shell: keys, want: ", with SLUICE_ACCESS_KEY_ID and SLUICE_SECRET_ACCESS_KEY set as for the server:  "},
		{name: "key by files", env: []string{"SLUICE_ACCESS_KEY_ID_FILE=" + secret, "SLUICE_SECRET_ACCESS_KEY_FILE=" + secret}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			home, bin := t.TempDir(), binDir(t)
			args := append([]string{"sluice", "serve", "--listen", "127.0.0.1:0", "--log-level", "error"}, c.args...)
			s := start(t, home, bin, c.env, args...)
			s.awaitOutput(t, &s.out, ")\"\n")
			banner := s.out.String()
			if !strings.Contains(banner, c.want) {
				t.Errorf("banner %q, want %q in it", banner, c.want)
			}
			_, command, _ := strings.Cut(banner, ":  ")
			p := start(t, t.TempDir(), bin, append([]string{"HOME=" + home}, c.shell...),
				"sh", "-ec", command+"\nunset SLUICE_ACCESS_KEY_ID SLUICE_SECRET_ACCESS_KEY\nsluice jobs --json\necho done")
			if code, out := p.code(t), p.out.String(); code != 0 || out != "done\n" || p.errs.String() != "" {
				t.Errorf("after %q: exit code %d, printed %q and %q; want 0, done", command, code, out, p.errs.String())
			}
			_ = s.Process.Signal(os.Interrupt)
			if code := s.code(t); code != 0 {
				t.Errorf("the server ended with %d: %s", code, s.errs.String())
			}
		})
	}
}

// TestEnvSeesThatTheServerIsGone: what a killed server leaves behind is not printed.
func TestEnvSeesThatTheServerIsGone(t *testing.T) {
	t.Parallel()
	home, bin := t.TempDir(), binDir(t)
	s := start(t, home, bin, nil, "sluice", "serve", "--listen", "127.0.0.1:0", "--data", "d")
	s.awaitOutput(t, &s.out, "sluice env")
	_ = s.Process.Kill()
	s.code(t)
	for command, want := range map[string]string{
		"env":  "no server runs on " + filepath.Join(home, "d") + " any more: nothing listens at http://127.0.0.1:",
		"jobs": "connection refused; no server runs on " + filepath.Join(home, "d") + " any more: start it again with 'sluice serve'",
	} {
		p := start(t, home, bin, nil, "sluice", command, "--data", "d")
		if code := p.code(t); code != 1 || p.out.String() != "" || !strings.Contains(p.errs.String(), want) {
			t.Errorf("%s of a killed server: exit code %d, printed %q and %q, want 1 and %q", command, code, p.out.String(), p.errs.String(), want)
		}
	}

	// Another program, or another server, may have the address now.
	other := launch(t, t.TempDir())
	page := httptest.NewServer(http.NotFoundHandler())
	defer page.Close()
	for at, want := range map[string]string{other.URL: " does not take the key of ", page.URL: " is not Sluice"} {
		if err := (endpoint{URL: at}).write(filepath.Join(home, "d")); err != nil {
			t.Fatal(err)
		}
		p := start(t, home, bin, nil, "sluice", "env", "--data", "d")
		if code := p.code(t); code != 1 || p.out.String() != "" || !strings.Contains(p.errs.String(), want) {
			t.Errorf("env with another program at the address: exit code %d, printed %q and %q, want 1 and %q", code, p.out.String(), p.errs.String(), want)
		}
	}
}

// TestEnvNamesTheKeyThatItLacks: the server has its key from its environment.
func TestEnvNamesTheKeyThatItLacks(t *testing.T) {
	t.Parallel()
	home, bin := t.TempDir(), binDir(t)
	env := []string{"SLUICE_ACCESS_KEY_ID=rootkey", "SLUICE_SECRET_ACCESS_KEY=a-secret-of-enough-length"}
	s := start(t, home, bin, env, "sluice", "serve", "--listen", "127.0.0.1:0")
	s.awaitOutput(t, &s.out, "sluice env")
	p := start(t, home, bin, nil, "sluice", "env")
	if code, want := p.code(t), "has its key rootkey from its environment: set SLUICE_ACCESS_KEY_ID and SLUICE_SECRET_ACCESS_KEY"; code != 1 || !strings.Contains(p.errs.String(), want) {
		t.Errorf("without the key: exit code %d, %q, want 1, %q", code, p.errs.String(), want)
	}
	env[0] = "SLUICE_ACCESS_KEY_ID=another"
	p = start(t, home, bin, env, "sluice", "jobs")
	if code, want := p.code(t), "SLUICE_ACCESS_KEY_ID is another, but the key of the server on "; code != 1 || !strings.Contains(p.errs.String(), want) {
		t.Errorf("with another key: exit code %d, %q, want 1, %q", code, p.errs.String(), want)
	}
}

// proxyOf passes requests on to an address that may change; front sees them first, and
// reports whether it has answered.
func proxyOf(t *testing.T, to *atomic.Pointer[url.URL], front func(r *http.Request)) []string {
	t.Helper()
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to.Load())
		r.Out.Host = r.In.Host
	}, ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		front(r)
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	return []string{"AWS_ENDPOINT_URL=" + proxy.URL}
}

func (s *running) keyVariables() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + s.key.id, "AWS_SECRET_ACCESS_KEY=" + s.key.secret}
}

func address(t *testing.T, text string) *atomic.Pointer[url.URL] {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	p := new(atomic.Pointer[url.URL])
	p.Store(u)
	return p
}

// TestInterruptedProcess: SIGINT and SIGTERM end an import with the exit code of shells,
// during the upload, which removes the job, and later, when it goes on.
func TestInterruptedProcess(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		times  int
		code   int
		at     func(*http.Request) bool
		says   string
		state  string // empty if the job is removed
	}{
		{"SIGINT during the upload", syscall.SIGINT, 1, 130, isUpload, "interrupted before the import began; job job-", ""},
		{"SIGTERM during the upload", syscall.SIGTERM, 1, 143, isUpload, "interrupted before the import began; job job-", ""},
		{"SIGINT to the process and its group", syscall.SIGINT, 2, 130, isUpload, "interrupted before the import began; job job-", ""},
		{"SIGINT during the import", syscall.SIGINT, 1, 130, func(r *http.Request) bool {
			return strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetAddressListImportJob")
		}, " goes on: sluice job job-", "completed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := launch(t, t.TempDir())
			reached := make(chan struct{})
			var once sync.Once
			env := proxyOf(t, address(t, s.URL), func(r *http.Request) {
				if c.at(r) {
					once.Do(func() { close(reached) })
					// The request's end is only seen once its body is read.
					_, _ = new(bytes.Buffer).ReadFrom(r.Body)
					<-r.Context().Done()
					panic(http.ErrAbortHandler)
				}
			})
			home := t.TempDir()
			if err := os.WriteFile(filepath.Join(home, "rows.csv"), []byte("address\nann@example.com\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			p := start(t, home, binDir(t), append(env, s.keyVariables()...), "sluice", "import", "rows.csv", "--to", "address-list/partners", "--create")
			select {
			case <-reached:
			case <-p.ended: // p.code says how
			}
			for range c.times {
				_ = p.Process.Signal(c.signal)
			}
			if code := p.code(t); code != c.code || !strings.Contains(p.errs.String(), c.says) {
				t.Errorf("exit code %d, printed %q; want %d, %q", code, p.errs.String(), c.code, c.says)
			}
			_, id, _ := strings.Cut(p.errs.String(), "job job-")
			id = "job-" + strings.Fields(id)[0]
			if c.state == "" {
				if status := s.call(t, "GET", "/sluice/v1/jobs/"+id, "sluice", "", nil); status != 404 {
					t.Errorf("job %s: status %d, want it removed", id, status)
				}
			} else if j := s.await(t, id); j.State != c.state {
				t.Errorf("job %s is %s, want %s", id, j.State, c.state)
			}
		})
	}
}

// TestWatchOverRestart: job --watch goes on when the server was killed and started again,
// and does not wait for a job that was never started.
func TestWatchOverRestart(t *testing.T) {
	t.Parallel()
	home, bin := t.TempDir(), binDir(t)
	data := filepath.Join(home, "d")
	serve := func() (*process, *running) {
		p := start(t, home, bin, nil, "sluice", "serve", "--listen", "127.0.0.1:0", "--data", data, "--log-level", "error")
		p.awaitOutput(t, &p.out, "sluice env")
		at, err := findClientConfig(data, "", env{}.get)
		if err != nil {
			t.Error(err)
		}
		return p, &running{clientConfig: at, http: http.DefaultClient}
	}
	server, s := serve()
	var rows strings.Builder
	rows.WriteString("address\n")
	for i := range 200_000 {
		fmt.Fprintf(&rows, "a%07d@example.com\n", i)
	}
	_, id := s.upload(t, rows.String())

	never := start(t, home, bin, nil, "sluice", "job", "--watch", id, "--data", data)
	if code, want := never.code(t), "was never started, so there is nothing to watch; to remove it: sluice stop "+id+" --data "+data; code != 1 || !strings.Contains(never.errs.String(), want) {
		t.Errorf("watch of a job that was not started: exit code %d, %q; want 1, %q", code, never.errs.String(), want)
	}

	to := address(t, s.URL)
	var asked atomic.Int32
	variables := proxyOf(t, to, func(r *http.Request) {
		switch asked.Add(1) {
		case 1:
			var none struct{}
			s.mailManager(t, "StartAddressListImportJob", fmt.Sprintf(`{"JobId":%q}`, id), &none)
		case 2: // the import runs
			_ = server.Process.Kill()
			<-server.ended
			_, s = serve()
			u, err := url.Parse(s.URL)
			if err != nil {
				t.Error(err)
			}
			to.Store(u)
			panic(http.ErrAbortHandler)
		}
	})
	// HTTP clients repeat a GET that got no answer: a second one is lost too.
	variables = append(variables, s.keyVariables()...)
	p := start(t, home, bin, variables, "sluice", "job", "--watch", id)
	if code := p.code(t); code != 0 || !strings.Contains(p.out.String(), "200,000 imported, 0 rejected") {
		t.Errorf("watch: exit code %d, printed %q and %q; want 0, 200,000 imported", code, p.out.String(), p.errs.String())
	}
	if asked.Load() < 3 {
		t.Errorf("the watcher asked %d times, want more than 2: once before and once after the restart", asked.Load())
	}
}

// TestStdinIsImported: a pipe is read once, and its upload can be repeated.
func TestStdinIsImported(t *testing.T) {
	t.Parallel()
	f, err := openFile(t.Context(), "-", "", strings.NewReader(`{"address":"ann@example.com"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	for range 2 {
		var b bytes.Buffer
		if _, err := b.ReadFrom(f.open()); err != nil || int64(b.Len()) != f.size || f.format != "JSON" || f.again {
			t.Errorf("read %q of %d, %s, again %v (%v); want all of it, JSON, false", b.String(), f.size, f.format, f.again, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := openFile(ctx, "-", "", r); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted read of a pipe: %v, want an end", err)
	}
}
