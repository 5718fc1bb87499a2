// Package versitygw runs the black-box S3 tests of versitygw, an S3 server of another
// maker, against the built server. Its program has them as commands; it is built from its
// Go module with one change: answers are compared by status and code, not by versitygw's
// own sentences and elements. Nothing of it is kept here.
//
// In comes selected.txt: one test in a line, with its group, and why it fails if it does.
// Selected are the groups on what the embedded S3 serves, without the tests about ACLs,
// locks, holds, tags, versions, policies, ownership, public access, websites and CORS.
// Out comes the number of tests passed of selected, by group. A test that fails without
// a reason fails the run, and so does one that passes with a reason.
//
// It takes minutes, so it runs with SLUICE_VERSITYGW=1 only: make test-s3.
package versitygw

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/testenv"
)

const module = "github.com/versity/versitygw"

// changes are made to the suite's own comparison of errors.
var changes = []struct{ old, replacement string }{
	{"if received.Message != apiErr.Description {", "if false {"},
	{"if ae.ErrorMessage() != apiErr.Description {", "if false {"},
	{"return compareS3ApiErr(expected, received)\n}", "return nil\n}"},
}

// buildSuite builds versitygw's program with the changes and returns its path.
func buildSuite(t *testing.T) string {
	t.Helper()
	tools, err := filepath.Abs("../../tools")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	from := strings.TrimSpace(command(t, tools, "go", "list", "-m", "-f", "{{.Dir}}", module))
	if err := os.CopyFS(filepath.Join(dir, "module"), os.DirFS(from)); err != nil {
		t.Fatalf("copy the module of versitygw: %v", err)
	}
	path := filepath.Join(dir, "module", "tests", "integration", "utils.go")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		if n := bytes.Count(text, []byte(c.old)); n != 1 {
			t.Fatalf("%s has %d times %q, want it once: this version of versitygw is another", path, n, c.old)
		}
		text = bytes.Replace(text, []byte(c.old), []byte(c.replacement), 1)
	}
	if err := os.Remove(path); err != nil { // a file of the module cache is read-only
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(tools, name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "go.mod" {
			text = fmt.Appendf(text, "\nreplace %s => %s\n", module, filepath.Join(dir, "module"))
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	suite := filepath.Join(dir, "versitygw")
	command(t, tools, "go", "build", "-modfile", filepath.Join(dir, "go.mod"), "-o", suite, module+"/cmd/versitygw")
	return suite
}

// command runs a program and returns what it prints.
func command(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, errs.Bytes())
	}
	return string(out)
}

const (
	accessKey = "AKIAVERSITYGWTESTS00"
	secretKey = "versitygw/versitygw/versitygw/versitygw/"
)

// startServer builds and starts the server, and returns its address.
func startServer(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "sluice")
	command(t, "../..", "go", "build", "-o", binary, "./cmd/sluice")
	data := filepath.Join(dir, "data")
	server := exec.Command(binary, "serve", "--listen", "127.0.0.1:0", "--data", data)
	server.Env = append(testenv.Environ(), "SLUICE_ACCESS_KEY_ID="+accessKey, "SLUICE_SECRET_ACCESS_KEY="+secretKey)
	var log bytes.Buffer
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	var endpoint struct{ URL string }
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		text, err := os.ReadFile(filepath.Join(data, "endpoint.json"))
		if err == nil && json.Unmarshal(text, &endpoint) == nil {
			return endpoint.URL
		}
		if time.Now().After(deadline) {
			_ = server.Process.Kill()
			_ = server.Wait()
			t.Fatalf("the server does not start:\n%s", log.Bytes())
		}
	}
}
