package fleet

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/testenv"
)

// startForeignS3 starts versitygw, an S3 that is not ours, on a folder, and returns its
// endpoint. Where it cannot be built the test is skipped, see testenv.Missing.
func startForeignS3(t *testing.T) string {
	t.Helper()
	// The go command keeps what it builds of the tools module, so this is slow only once.
	build := exec.Command("go", "tool", "-n", "github.com/versity/versitygw/cmd/versitygw")
	build.Dir = filepath.Join("..", "..", "tools")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.Output()
	if err != nil {
		t.Logf("build versitygw: %v", err)
		testenv.Missing(t, "versitygw")
	}
	port, err := testenv.Port()
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	cmd := exec.Command(strings.TrimSpace(string(out)), "--port", address, "--access", s3Key, "--secret", s3Secret,
		"--keep-alive", "--quiet", "posix", t.TempDir())
	cmd.Dir = t.TempDir()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	within(t, soon, "versitygw listens", func() bool {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
	return "http://" + address
}
