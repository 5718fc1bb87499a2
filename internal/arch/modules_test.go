package arch

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite modules.txt")

const moduleHead = "# The modules that %s is built from. Growing this list is a decision:\n" +
	"# go test ./internal/arch -update rewrites it, and the diff is reviewed.\n"

// TestModules compares the modules that the built program, and a test with sluicetest,
// depend on with the lists that are checked in. Their versions are in go.mod.
func TestModules(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ pkg, what, file string }{
		{"./cmd/sluice", "the program", "modules.txt"},
		{"./sluicetest", "package sluicetest", "sluicetest-modules.txt"},
	} {
		modules := modulesOf(t, tt.pkg)
		got := fmt.Sprintf(moduleHead, tt.what) + strings.Join(modules, "\n") + "\n"
		if *update {
			if err := os.WriteFile(tt.file, []byte(got), 0o644); err != nil {
				t.Fatalf("write the list: %v", err)
			}
			continue
		}
		text, err := os.ReadFile(tt.file)
		if err != nil {
			t.Fatalf("read the list: %v", err)
		}
		if want := string(text); got != want {
			t.Errorf("modules of %s:\n%s\nwant, by %s:\n%s\n-update rewrites it", tt.pkg, got, tt.file, want)
		}
	}
}

// modulesOf returns the modules that a package depends on, without our own.
func modulesOf(t *testing.T, pkg string) []string {
	t.Helper()
	list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", pkg)
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
	return slices.DeleteFunc(slices.Compact(modules), func(m string) bool { return m+"/" == module })
}

// TestSluicetestLinksNoClients: its package comment says so.
func TestSluicetestLinksNoClients(t *testing.T) {
	t.Parallel()
	for _, m := range modulesOf(t, "./sluicetest") {
		if strings.HasPrefix(m, "github.com/aws/") || strings.HasPrefix(m, "github.com/jackc/") {
			t.Errorf("sluicetest links %s", m)
		}
	}
}
