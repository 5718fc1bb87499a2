package conformance

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeListsEveryOperation compares the README's tables with the interface tables.
func TestReadmeListsEveryOperation(t *testing.T) {
	t.Parallel()
	readme := readFile(t, "../README.md")
	for _, api := range []string{"mailmanager", "sesv2"} {
		var table struct{ Operations map[string]any }
		if err := json.Unmarshal([]byte(readFile(t, "../internal/api/model/"+api+".json")), &table); err != nil {
			t.Fatal(err)
		}
		for operation := range table.Operations {
			if !strings.Contains(readme, "\n| "+operation+" | ") {
				t.Errorf("README.md does not tell the state of %s of %s", operation, api)
			}
		}
	}
}

// TestReadmeQuickStart runs the README's own commands: the server as its own process,
// the rest in a shell.
func TestReadmeQuickStart(t *testing.T) {
	t.Parallel()
	readme := readFile(t, "../README.md")
	if got := strings.TrimSpace(block(t, readme, "serve")); got != "sluice serve" {
		t.Fatalf("README.md starts the server with %q; this test does not know that", got)
	}
	s := start(t)
	shell := exec.Command("bash", "-euo", "pipefail", "-c", block(t, readme, "import"))
	shell.Dir = t.TempDir()
	shell.Env = append(s.env(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
	out, err := shell.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "COMPLETED") || !strings.Contains(string(out), "2 imported, 1 refused") {
		t.Errorf("the README's commands: %v; they print\n%s\nwant COMPLETED, 2 imported, 1 refused", err, out)
	}
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
