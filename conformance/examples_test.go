package conformance

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/testenv"
)

const examples = "../examples"

// example runs a program of an example twice, as one does: the second time buckets and
// lists are there. It wants the given lines in what the program prints, and its exit code.
func (s *server) example(t *testing.T, dir string, code int, want []string, name string, args ...string) {
	t.Helper()
	for range 2 {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		cmd.Env = append(s.env(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		got := cmd.ProcessState.ExitCode()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) || got != code {
			t.Fatalf("%s %s: %v; exit code %d, want %d\n%s", name, strings.Join(args, " "), err, got, code, out)
		}
		for _, line := range want {
			if !strings.Contains("\n"+string(out), "\n"+line) {
				t.Errorf("%s %s prints\n%s\nwant a line %q", name, strings.Join(args, " "), out, line)
			}
		}
	}
}

func TestExamplePython(t *testing.T) {
	t.Parallel()
	python := ""
	for _, name := range []string{"python3", "/usr/bin/python3"} { // a package of the system is for the system's own
		if exec.Command(name, "-c", "import boto3").Run() == nil {
			python = name
			break
		}
	}
	if python == "" {
		testenv.MissingOptional(t, "boto3", "apt-get install python3-boto3, or pip install boto3")
	}
	start(t).example(t, filepath.Join(examples, "python"), 0, []string{
		"COMPLETED: 3 records, 1 of them rejected\n",
		"carol@example.com,",
	}, python, "suppression.py", "bounces.csv")
}

func TestExampleJavaScript(t *testing.T) {
	t.Parallel()
	needJavaScript(t)
	dir := t.TempDir() // with the packages that make setup installs, in place of npm install
	copyFiles(t, filepath.Join(examples, "javascript"), dir)
	modules, err := filepath.Abs("js/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	start(t).example(t, dir, 0, []string{
		"COMPLETED: 2 imported, 1 rejected\n",
		"ann@example.com\n",
		"*@example.org\n",
	}, "node", "partners.mjs", "partners.csv")
}

// The Go example is a module of its own, so that the AWS SDK's many modules are not among
// those of the product.
func TestExampleGo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(examples, "go")
	program := filepath.Join(t.TempDir(), "friends")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		download := exec.Command("go", "mod", "download")
		download.Dir, download.Env = dir, build.Env
		if download.Run() != nil {
			testenv.Missing(t, "the AWS SDK for Go, which examples/go downloads,")
		}
		t.Fatalf("build examples/go: %v\n%s", err, out)
	}
	start(t).example(t, dir, 0, []string{
		"COMPLETED: 3 records, 1 of them rejected\n",
		"nobody,",
		"has opted out: bob@example.com\n",
	}, program, "friends.csv")
}

func TestExampleCLI(t *testing.T) {
	t.Parallel()
	needBash(t)
	dir := t.TempDir() // it writes a file
	copyFiles(t, filepath.Join(examples, "cli"), dir)
	start(t).example(t, dir, 3, []string{
		"2 imported, 1 rejected\n",
	}, "./partners.sh", "partners.csv")
	if report := readFile(t, filepath.Join(dir, "rejected.csv")); !strings.HasPrefix(report, "address,reason,code,line,offset,record\nnobody,") {
		t.Errorf("rejected.csv is\n%s\nwant a report of nobody", report)
	}
}

// copyFiles copies the files of a folder, with their modes.
func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}
