package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"github.com/sluicehq/sluice/internal/testenv"
)

// process is the program as it runs, or as it ran.
type process struct {
	t    *testing.T
	name string
	args []string
	env  []string
	log  *journal

	mu     sync.Mutex
	url    string
	cmd    *exec.Cmd
	exited chan struct{}
}

// newProcess describes a process; start runs it.
func newProcess(t *testing.T, name string, env []string, flags ...string) *process {
	p := &process{t: t, name: name, env: append(testenv.Environ(), env...), log: &journal{works: map[string]bool{}, lost: map[string]int{}, attempts: map[string]int{}}}
	p.args = append([]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--log-format", "json"}, flags...)
	t.Cleanup(func() {
		p.kill()
		if what := p.log.indiscretion(); what != "" {
			t.Errorf("%s's log holds %s", name, what)
		}
		if t.Failed() {
			t.Logf("the last of %s's log:\n%s", name, p.log.tail())
		}
	})
	return p
}

// start runs the process and waits until it is ready.
func (p *process) start() {
	p.t.Helper()
	p.launch()
	within(p.t, soon, p.name+" is ready", func() bool { return p.listens() && p.healthy() })
}

// launch runs the process.
func (p *process) launch() {
	p.t.Helper()
	cmd := exec.Command(binary, p.args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = p.env, p.log, p.log
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	p.mu.Lock()
	p.cmd, p.exited, p.url = cmd, exited, ""
	p.mu.Unlock()
}

// listens reports whether the process has said where it listens.
func (p *process) listens() bool {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.exited:
		p.t.Fatalf("%s ended at its start:\n%s", p.name, p.log.tail())
	default:
	}
	p.url = p.log.listensAt()
	return p.url != ""
}

func (p *process) address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.url
}

func (p *process) healthy() bool {
	ok, _ := p.get("/healthz")
	return ok
}

// get asks for a path that anyone may ask for, and reports whether the answer is 200.
func (p *process) get(path string) (ok bool, text string) {
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get(p.address() + path)
	if err != nil {
		return false, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return err == nil && resp.StatusCode == http.StatusOK, string(body)
}

// signal sends sig to the process, if it runs.
func (p *process) signal(sig os.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("signal %s: %v", p.name, err)
	}
}

// kill ends the process with -9 and waits for its end.
func (p *process) kill() { p.end(syscall.SIGKILL) }

// terminate asks the process to end and waits for its end.
func (p *process) terminate() { p.end(syscall.SIGTERM) }

func (p *process) end(sig os.Signal) {
	p.signal(sig)
	p.mu.Lock()
	exited := p.exited
	p.mu.Unlock()
	if exited != nil {
		<-exited
	}
	p.log.forget()
}

// freshConnections has a connection for each call, so that none breaks for what came before.
var freshConnections = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// mail returns a client of SES for a region, which tries nothing twice.
func (p *process) mail(region string) *sesv2.Client {
	url := p.address()
	return sesv2.New(sesv2.Options{
		BaseEndpoint: &url, Region: region, RetryMaxAttempts: 1, HTTPClient: freshConnections,
		Credentials: credentials.NewStaticCredentialsProvider(rootKey, rootSecret, ""),
	})
}

// journal is a process's log. It knows from it on which jobs the process works.
type journal struct {
	mu    sync.Mutex
	all   bytes.Buffer
	line  []byte
	url   string          // where the process listens
	works map[string]bool // by the job's id; false: no longer
	lost  map[string]int  // how often it noticed that a job is another's, by the job's id

	attempts map[string]int // at a job, by its id; repeated ones only if the log is at debug
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.all.Write(b)
	j.line = append(j.line, b...)
	for {
		line, rest, ok := bytes.Cut(j.line, []byte("\n"))
		if !ok {
			return len(b), nil
		}
		j.line = rest
		var said struct{ Msg, Job, URL string }
		if json.Unmarshal(line, &said) != nil {
			continue
		}
		if said.Msg == "listening" {
			j.url = said.URL
		}
		if said.Job == "" {
			continue
		}
		switch said.Msg {
		case "job started", "job resumed":
			j.works[said.Job] = true
			j.attempts[said.Job]++
		case "job completed", "job failed", "job stopped", "job released", "job lost", "job waits", "job attempt failed":
			j.works[said.Job] = false
		}
		if said.Msg == "job lost" {
			j.lost[said.Job]++
		}
	}
}

// listensAt returns the URL of the process, empty as long as it does not listen.
func (j *journal) listensAt() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.url
}

// jobs returns those that the process works on.
func (j *journal) jobs() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	works := maps.Clone(j.works)
	maps.DeleteFunc(works, func(_ string, now bool) bool { return !now })
	return slices.Sorted(maps.Keys(works))
}

// losses returns how often the process noticed that a job is not its own any more.
func (j *journal) losses(id string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lost[id]
}

// attemptsAt returns how often the process began to work on a job.
func (j *journal) attemptsAt(id string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.attempts[id]
}

// forget is for the log of a process that is no more.
func (j *journal) forget() {
	j.mu.Lock()
	defer j.mu.Unlock()
	clear(j.works)
	j.url = ""
}

// indiscretion names what a log never holds, if this one does.
func (j *journal) indiscretion() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	for text, what := range map[string]string{
		rootSecret: "the root key's secret", s3Secret: "the S3's secret", "@writer": "an address", "@file": "an address",
	} {
		if bytes.Contains(j.all.Bytes(), []byte(text)) {
			return what
		}
	}
	return ""
}

// tail returns the last lines, without those of single requests.
func (j *journal) tail() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	lines := slices.DeleteFunc(bytes.SplitAfter(j.all.Bytes(), []byte("\n")), func(line []byte) bool {
		return bytes.Contains(line, []byte(`"msg":"request"`))
	})
	return string(bytes.Join(lines[max(0, len(lines)-60):], nil))
}
