package s3object_test

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/internal/testenv"
)

// A real S3 that is not ours, as a process: versitygw on a folder. It is started by the
// first test that needs it.
const (
	foreignKey    = "foreign-key"
	foreignSecret = "foreign-secret-of-the-tests"
)

type process struct {
	endpoint string
	cmd      *exec.Cmd
	dir      string
	ended    chan error
	buildErr error
	err      error
	out      bytes.Buffer
}

var foreign = sync.OnceValue(startForeign)

var started bool // by foreign; read when all tests are over

func TestMain(m *testing.M) {
	code := m.Run()
	if started {
		foreign().stop()
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// endpoint returns the address of the foreign S3. Where it cannot be built the test is
// skipped, see testenv.Missing.
func endpoint(t testing.TB) string {
	t.Helper()
	p := foreign()
	if p.buildErr != nil {
		t.Log(p.buildErr)
		testenv.Missing(t, "versitygw")
	}
	if p.err != nil {
		t.Fatalf("start versitygw: %v", p.err)
	}
	return p.endpoint
}

func startForeign() *process {
	started = true
	p := &process{}
	// The go command keeps what it builds of the tools module, so this is slow only once.
	build := exec.Command("go", "tool", "-n", "github.com/versity/versitygw/cmd/versitygw")
	build.Dir = filepath.Join("..", "..", "..", "tools")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	var trouble strings.Builder
	build.Stderr = &trouble
	binary, err := build.Output()
	if err != nil {
		p.buildErr = fmt.Errorf("build versitygw: %w\n%s", err, trouble.String())
		return p
	}
	if p.dir, p.err = os.MkdirTemp("", "foreign-s3-"); p.err != nil {
		return p
	}
	p.err = p.start(strings.TrimSpace(string(binary)))
	return p
}

func (p *process) start(binary string) error {
	port, err := testenv.Port()
	if err != nil {
		return err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	root, versions := filepath.Join(p.dir, "root"), filepath.Join(p.dir, "versions")
	if err := cmp.Or(os.Mkdir(root, 0o700), os.Mkdir(versions, 0o700)); err != nil {
		return err
	}
	p.cmd = exec.Command(binary, "--port", address, "--access", foreignKey, "--secret", foreignSecret,
		"--keep-alive", "--quiet", "posix", "--versioning-dir", versions, root)
	p.cmd.Dir = p.dir
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.ended = make(chan error, 1)
	go func() { p.ended <- p.cmd.Wait() }()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			if c, err := net.Dial("tcp", address); err == nil {
				p.endpoint = "http://" + address
				return c.Close()
			}
		case err := <-p.ended:
			return fmt.Errorf("versitygw ended: %w\n%s", err, p.out.String())
		}
	}
}

func (p *process) stop() {
	if p.endpoint != "" {
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	if p.dir != "" {
		_ = os.RemoveAll(p.dir)
	}
}
