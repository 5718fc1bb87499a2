package arch

import (
	"flag"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite modules.txt")

const moduleHead = "# The modules that the program is built from. Growing this list is a decision:\n" +
	"# go test ./internal/arch -update rewrites it, and the diff is reviewed.\n"

// TestModules compares the modules that the built program depends on with the list
// that is checked in. Their versions are in go.mod.
func TestModules(t *testing.T) {
	t.Parallel()
	list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./cmd/sluice")
	list.Dir = "../.."
	list.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0") // as it is released
	var stderr strings.Builder
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	modules := strings.Fields(string(out))
	slices.Sort(modules)
	modules = slices.DeleteFunc(slices.Compact(modules), func(m string) bool { return m+"/" == module })
	got := moduleHead + strings.Join(modules, "\n") + "\n"
	if *update {
		if err := os.WriteFile("modules.txt", []byte(got), 0o644); err != nil {
			t.Fatalf("write modules.txt: %v", err)
		}
		return
	}
	text, err := os.ReadFile("modules.txt")
	if err != nil {
		t.Fatalf("read modules.txt: %v", err)
	}
	if want := string(text); got != want {
		t.Errorf("modules of ./cmd/sluice:\n%s\nwant, by modules.txt:\n%s\n-update rewrites it", got, want)
	}
}
