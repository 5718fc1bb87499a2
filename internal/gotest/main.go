// Gotest runs go test with the given arguments, prints what go test prints, and at the
// end names the tests that were skipped, and why: go test itself does so only with -v.
//
//	go run ./internal/gotest ./...
//
// With ./... among the arguments it tests the module of the current directory and then
// every module in a directory below it, which go test leaves out.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	dirs := []string{"."}
	if slices.Contains(os.Args[1:], "./...") {
		var err error
		if dirs, err = modules("."); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	signal.Ignore(os.Interrupt) // which go test gets, too, and then it ends
	var all skips
	code := 0
	for _, dir := range dirs {
		c, err := test(dir, os.Args[1:], &all)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		code = max(code, c)
	}
	all.print(os.Stdout)
	os.Exit(code)
}

// modules returns the directories of the modules at and below a directory that have
// packages, its own first.
func modules(root string) ([]string, error) {
	dirs := []string{root}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && ignored(d.Name()):
			return filepath.SkipDir
		case d.Name() == "go.mod" && filepath.Dir(path) != root:
			dirs = append(dirs, filepath.Dir(path))
		}
		return nil
	})
	return dirs, err
}

// ignored reports whether a directory holds no modules to test: what the go command
// ignores as well, other people's JavaScript, and the tools, which have no packages.
func ignored(name string) bool {
	return name == "testdata" || name == "node_modules" || name == "tools" || name == "bin" ||
		strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

// test runs the tests of one module, and returns the exit code of go test.
func test(dir string, args []string, all *skips) (int, error) {
	flags := []string{"test", "-json"}
	if dir != "." {
		flags = append(flags, "-count=1") // it tests programs of other modules, whose changes the cache of go test misses
	}
	cmd := exec.Command("go", append(flags, args...)...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	if err := report(os.Stdout, out, all); err != nil {
		return 0, err
	}
	err = cmd.Wait()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}

// event is a line of go test -json, see go doc test2json.
type event struct {
	Action, Package, Test, Output, ImportPath string
}

// result is what is known of a package so far.
type result struct {
	lines   []line
	tests   []string          // in the order of their beginning
	outcome map[string]string // of tests that ended: pass, fail, skip
}

type line struct{ test, text string }

// report reads the events of a run, prints it, package by package, and adds what was
// skipped to all.
func report(w io.Writer, events io.Reader, all *skips) error {
	packages := map[string]*result{}
	in := bufio.NewScanner(events)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		var e event
		if json.Unmarshal(in.Bytes(), &e) != nil {
			fmt.Fprintln(w, in.Text()) // not by test2json
			continue
		}
		if e.Action == "build-output" {
			fmt.Fprint(w, e.Output)
			continue
		}
		p := packages[e.Package]
		if p == nil {
			p = &result{outcome: map[string]string{}}
			packages[e.Package] = p
		}
		p.add(e)
		if e.Test != "" || e.Action != "pass" && e.Action != "fail" && e.Action != "skip" {
			continue
		}
		p.print(w, e.Action == "fail")
		for _, t := range p.tests {
			if p.outcome[t] == "skip" {
				all.add(p.reason(t), e.Package, t)
			}
		}
		delete(packages, e.Package)
	}
	return in.Err()
}

func (p *result) add(e event) {
	switch e.Action {
	case "run":
		p.tests = append(p.tests, e.Test)
	case "output":
		p.lines = append(p.lines, line{e.Test, e.Output})
	case "pass", "fail", "skip":
		p.outcome[e.Test] = e.Action
	}
}

// print prints what go test prints of a package: all of the tests that failed, or did
// not end, and of the package itself the last line.
func (p *result) print(w io.Writer, failed bool) {
	for _, l := range p.lines {
		if strings.HasPrefix(l.text, "=== ") {
			continue
		}
		last := strings.HasPrefix(l.text, "ok  \t") || strings.HasPrefix(l.text, "?   \t") || strings.HasPrefix(l.text, "\t")
		outcome := p.outcome[l.test]
		if l.test == "" && (last || failed) || l.test != "" && failed && outcome != "pass" && outcome != "skip" {
			fmt.Fprint(w, l.text)
		}
	}
}

var position = regexp.MustCompile(`^[\w.-]+\.go:\d+: `)

// reason returns what a skipped test logged last.
func (p *result) reason(test string) string {
	why := "no reason given"
	for _, l := range p.lines {
		if text := strings.TrimSpace(l.text); l.test == test && position.MatchString(text) {
			why = position.ReplaceAllString(text, "")
		}
	}
	return why
}

// skips are the skipped tests by reason, in order of appearance.
type skips struct {
	count   int
	reasons []reason
}

type reason struct {
	text     string
	packages []skipped
}

type skipped struct {
	path  string
	tests []string
}

func (s *skips) add(why, path, test string) {
	s.count++
	i := slices.IndexFunc(s.reasons, func(r reason) bool { return r.text == why })
	if i < 0 {
		i = len(s.reasons)
		s.reasons = append(s.reasons, reason{text: why})
	}
	r := &s.reasons[i]
	if n := len(r.packages); n == 0 || r.packages[n-1].path != path {
		r.packages = append(r.packages, skipped{path: path})
	}
	p := &r.packages[len(r.packages)-1]
	p.tests = append(p.tests, test)
}

const named = 4 // tests of a package that are named; the others are counted

func (s *skips) print(w io.Writer) {
	if s.count == 0 {
		return
	}
	fmt.Fprintf(w, "\nskipped tests: %d\n", s.count)
	for _, r := range s.reasons {
		fmt.Fprintf(w, "\n%s\n", r.text)
		for _, p := range r.packages {
			names := strings.Join(p.tests[:min(len(p.tests), named)], ", ")
			if more := len(p.tests) - named; more > 0 {
				names += fmt.Sprintf(" and %d more", more)
			}
			fmt.Fprintf(w, "    %s: %s\n", p.path, names)
		}
	}
}
