package conformance

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
	"github.com/sluicehq/sluice/internal/testenv"
)

// TestJavaScript runs the suites under js with the JavaScript SDK. The clients note what
// they call and are answered; at the end that is compared with the interface tables, for
// every operation and every error that it declares, and with docs/operations.md.
func TestJavaScript(t *testing.T) {
	t.Parallel()
	needJavaScript(t)
	calls := filepath.Join(t.TempDir(), "calls")
	var skipped atomic.Bool
	suite := func(t *testing.T, name string, run func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() {
				if t.Skipped() {
					skipped.Store(true)
				}
			})
			run(t)
		})
	}
	t.Run("suites", func(t *testing.T) {
		suite(t, "pebble", func(t *testing.T) { start(t).javaScript(t, calls) })
		suite(t, "postgres", func(t *testing.T) { start(t, "--single-node", "--store", pgtest.Start(t)).javaScript(t, calls) })
		suite(t, "limits", func(t *testing.T) { runLimits(t, calls) })
	})
	t.Run("coverage", func(t *testing.T) {
		if skipped.Load() {
			t.Skip("not every suite has run")
		}
		seen := readCalls(t, calls)
		checkCoverage(t, seen)
		checkOperationsPage(t, seen)
	})
}

// needJavaScript skips the test where Node.js or the SDK is not installed.
func needJavaScript(t *testing.T) {
	t.Helper()
	_, noNode := exec.LookPath("node")
	_, noModules := os.Stat("js/node_modules/@aws-sdk")
	switch {
	case noNode != nil:
		testenv.Missing(t, "Node.js")
	case noModules != nil:
		testenv.Missing(t, "the JavaScript SDK")
	}
}

// javaScript runs the given files under js, or else every *.test.mjs there, and has the
// clients write their calls into a file.
func (s *server) javaScript(t *testing.T, calls string, files ...string) {
	t.Helper()
	t.Log(s.client(t, "js", "env", append([]string{"SLUICE_CALLS=" + calls, "node", "--test"}, files...)...))
}

// runLimits runs js/limits, for the refusals that only a profile of limits brings forth.
// The profile lets SES's calls through one a second, so what fills the quotas is made
// before, without it; and import jobs stay unfinished on a node that works on none.
func runLimits(t *testing.T, calls string) {
	store, data := pgtest.Start(t), t.TempDir()
	for _, phase := range []struct {
		file  string
		flags []string
	}{
		{"limits/lists.mjs", nil},
		{"limits/jobs.mjs", []string{"--roles", "api"}},
		{"limits/quotas.mjs", []string{"--roles", "api", "--limits", "aws"}},
	} {
		s := startOn(t, data, append([]string{"--single-node", "--store", store}, phase.flags...)...)
		s.javaScript(t, calls, phase.file)
		if err := s.kill(syscall.SIGTERM); err != nil {
			t.Fatalf("after %s the server ended with %v, want exit code 0", phase.file, err)
		}
	}
}

// TestBoto3 runs boto3_test.py, where a boto3 is installed that has all of the services.
func TestBoto3(t *testing.T) {
	t.Parallel()
	if exec.Command("python3", "-c", `import boto3; assert {"mailmanager", "qconnect"} <= set(boto3.Session().get_available_services())`).Run() != nil {
		testenv.MissingOptional(t, "boto3 1.34.75 or later", "pip install boto3")
	}
	s := start(t)
	t.Log(s.client(t, ".", "python3", "boto3_test.py"))
}

// TestAWSCLI runs awscli.sh, where the AWS CLI is installed.
func TestAWSCLI(t *testing.T) {
	t.Parallel()
	if exec.Command("aws", "--version").Run() != nil {
		testenv.MissingOptional(t, "the AWS CLI", "pip install awscli")
	}
	s := start(t)
	t.Log(s.client(t, ".", "bash", "-euo", "pipefail", "awscli.sh", t.TempDir()))
}

// TestClientTokensOutliveTheServer makes things under client tokens, kills the server,
// and makes them again.
func TestClientTokensOutliveTheServer(t *testing.T) {
	t.Parallel()
	needJavaScript(t)
	for name, flags := range map[string]func(t *testing.T) []string{
		"pebble":   func(*testing.T) []string { return nil },
		"postgres": func(t *testing.T) []string { return []string{"--single-node", "--store", pgtest.Start(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, flags := t.TempDir(), flags(t)
			s := startOn(t, data, flags...)
			first := s.client(t, "js", "node", "restart/tokens.mjs")
			var made struct{ UploadID string }
			if err := json.Unmarshal([]byte(first), &made); err != nil {
				t.Fatalf("%s: %v", first, err)
			}
			_ = s.kill(syscall.SIGKILL)
			s = startOn(t, data, flags...)
			if again := s.client(t, "js", "node", "restart/tokens.mjs", made.UploadID); again != first {
				t.Errorf("after a restart the same calls are answered\n%swant\n%s", again, first)
			}
		})
	}
}
