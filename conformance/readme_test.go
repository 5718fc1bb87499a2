package conformance

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/testenv"
)

const readmePath = "../README.md"

// TestReadmeQuickStart runs the README's own commands as a newcomer does: in shells that
// have nothing but a home directory and a path. Only the server's port is another, since
// tests run side by side.
func TestReadmeQuickStart(t *testing.T) {
	t.Parallel()
	readme := readFile(t, readmePath)
	bash := needBash(t)
	home := t.TempDir()
	env := []string{"HOME=" + home, "PATH=" + filepath.Dir(binary) + ":" + os.Getenv("PATH"), "AWS_PAGER="}

	server := exec.Command(bash, "-c", "exec "+strings.TrimSpace(block(t, readme, "serve")))
	log := &buffer{}
	server.Env, server.Stdout, server.Stderr = append(env, "SLUICE_LISTEN=127.0.0.1:0"), log, log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		if t.Failed() {
			t.Logf("the server's log:\n%s", log)
		}
	})
	var at struct{ URL string }
	within(t, 2*time.Minute, "the server is ready", func() bool {
		text, err := os.ReadFile(filepath.Join(home, ".local/share/sluice/endpoint.json"))
		return err == nil && json.Unmarshal(text, &at) == nil && at.URL != ""
	})
	run := func(script string) string {
		t.Helper()
		shell := exec.Command(bash, "-euo", "pipefail", "-c", script)
		shell.Dir, shell.Env = t.TempDir(), env
		out, err := shell.CombinedOutput()
		if err != nil {
			t.Fatalf("the README's commands: %v; they print\n%s", err, out)
		}
		return string(out)
	}

	out := run(block(t, readme, "import"))
	for _, want := range []string{"completed", "2 imported, 1 rejected", "exit code 3", "sluice report job-"} {
		if !strings.Contains(out, want) {
			t.Errorf("the README's import prints\n%s\nwant %q in it", out, want)
		}
	}
	if exec.Command("aws", "--version").Run() != nil {
		testenv.MissingOptional(t, "the AWS CLI, for the rest of the README's commands", "pip install awscli")
	}
	if out := run(block(t, readme, "aws")); !strings.Contains(out, "partners") || !strings.Contains(out, "ann@example.com") {
		t.Errorf("the README's AWS CLI commands print\n%s\nwant the list partners and the address ann@example.com", out)
	}
	services := strings.ReplaceAll(block(t, readme, "services"), "http://127.0.0.1:4680", at.URL)
	run("eval \"$(sluice env)\"; unset AWS_ENDPOINT_URL\n" + services + `
aws sesv2 get-account
aws mailmanager list-address-lists
aws qconnect list-knowledge-bases
aws wisdom list-knowledge-bases
`)
}

// TestReadmeExcerpts: what the README shows of an example is in the example, which a test runs.
func TestReadmeExcerpts(t *testing.T) {
	t.Parallel()
	readme := readFile(t, readmePath)
	for language, path := range map[string]string{
		"python": "../examples/python/suppression.py", "js": "../examples/javascript/partners.mjs",
	} {
		file := readFile(t, path)
		shown := regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(readme, -1)
		if len(shown) == 0 {
			t.Errorf("README.md shows nothing of %s", path)
		}
		for _, m := range shown {
			if !strings.Contains(file, m[1]) {
				t.Errorf("README.md shows\n%s\nwhich is not in %s", m[1], path)
			}
		}
	}
}

// needBash returns the path of a shell, or skips the test.
func needBash(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("bash")
	if err != nil {
		testenv.MissingOptional(t, "bash", "it is a package of every system")
	}
	return path
}

// block returns the README's code block of the given name.
func block(t *testing.T, readme, name string) string {
	t.Helper()
	m := regexp.MustCompile("(?s)```sh " + name + "\n(.*?)```").FindStringSubmatch(readme)
	if m == nil {
		t.Fatalf("README.md has no code block %q", name)
	}
	return m[1]
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
