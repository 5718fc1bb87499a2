package conformance

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/testenv"
)

var update = flag.Bool("update", false, "rewrite README.md's tables of operations, and the replies in testdata")

const readmePath = "../README.md"

// tables are the places of README.md that are written from what was seen, each with the
// services that it tells of.
var tables = regexp.MustCompile(`(?s)(<!-- operations of ([a-z0-9 ]+) -->\n).*?(<!-- /operations -->\n)`)

// checkReadme compares README.md's tables of operations with what was seen.
func checkReadme(t *testing.T, seen map[operation]answers) {
	t.Helper()
	readme := readFile(t, readmePath)
	told := map[string]bool{}
	want := tables.ReplaceAllStringFunc(readme, func(block string) string {
		parts := tables.FindStringSubmatch(block)
		names := strings.Fields(parts[2])
		for _, name := range names {
			told[name] = true
		}
		return parts[1] + operationsTable(t, seen, names) + parts[3]
	})
	for _, service := range services {
		if !told[service] {
			t.Errorf("README.md has no table of the operations of %s", service)
		}
	}
	switch {
	case want == readme || t.Failed():
	case *update:
		if err := os.WriteFile(readmePath, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Error("README.md's tables are not what was seen: make readme writes them")
	}
}

// operationsTable tells of the operations of services that are the same on the wire:
// whether all of them answered, and which of the declared errors any of them was made to
// answer.
func operationsTable(t *testing.T, seen map[operation]answers, services []string) string {
	t.Helper()
	errors := map[string][]string{}
	served := map[string]bool{}
	for _, service := range services {
		for name, declared := range declared(t, service) {
			if _, known := served[name]; !known {
				served[name] = true
			}
			got := seen[operation{service, name}]
			served[name] = served[name] && got[""] > 0
			for _, err := range declared {
				if got[err] > 0 && !slices.Contains(errors[name], err) {
					errors[name] = append(errors[name], err)
				}
			}
		}
	}
	var rows strings.Builder
	n := 0
	for _, name := range slices.Sorted(maps.Keys(served)) {
		state := "not served"
		if served[name] {
			state = "served"
			n++
		}
		slices.Sort(errors[name])
		fmt.Fprintf(&rows, "| %s | %s | %s |\n", name, state, strings.ReplaceAll(strings.Join(errors[name], ", "), "Exception", ""))
	}
	return fmt.Sprintf("%d of %d operations are served.\n\n| operation | state | errors that it was seen to answer, each an …Exception |\n|---|---|---|\n%s",
		n, len(served), rows.String())
}

// TestReadmeQuickStart runs the README's own commands: the server as its own process,
// the rest in a shell.
func TestReadmeQuickStart(t *testing.T) {
	t.Parallel()
	readme := readFile(t, readmePath)
	if got := strings.TrimSpace(block(t, readme, "serve")); got != "sluice serve" {
		t.Fatalf("README.md starts the server with %q; this test does not know that", got)
	}
	if _, err := exec.LookPath("bash"); err != nil {
		testenv.MissingOptional(t, "bash", "it is a package of every system")
	}
	s := start(t)
	shell := exec.Command("bash", "-euo", "pipefail", "-c", block(t, readme, "import"))
	shell.Dir = t.TempDir()
	shell.Env = append(s.env(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
	out, err := shell.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "completed") || !strings.Contains(string(out), "2 imported, 1 rejected") {
		t.Errorf("the README's commands: %v; they print\n%s\nwant completed, 2 imported, 1 rejected", err, out)
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
