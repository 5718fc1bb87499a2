package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestReport is a run in which one package passes with skipped tests, one fails, one
// panics, one does not compile, and one has no tests.
func TestReport(t *testing.T) {
	t.Parallel()
	const events = `
{"Action":"start","Package":"p/a"}
{"Action":"run","Package":"p/a","Test":"TestOne"}
{"Action":"output","Package":"p/a","Test":"TestOne","Output":"=== RUN   TestOne\n"}
{"Action":"output","Package":"p/a","Test":"TestOne","Output":"    one_test.go:3: a log line\n"}
{"Action":"output","Package":"p/a","Test":"TestOne","Output":"    one_test.go:4: PostgreSQL is not installed: run make setup\n"}
{"Action":"output","Package":"p/a","Test":"TestOne","Output":"--- SKIP: TestOne (0.00s)\n"}
{"Action":"skip","Package":"p/a","Test":"TestOne"}
{"Action":"run","Package":"p/a","Test":"TestTwo"}
{"Action":"run","Package":"p/a","Test":"TestTwo/sub"}
{"Action":"output","Package":"p/a","Test":"TestTwo/sub","Output":"        one_test.go:9: PostgreSQL is not installed: run make setup\n"}
{"Action":"skip","Package":"p/a","Test":"TestTwo/sub"}
{"Action":"output","Package":"p/a","Test":"TestTwo","Output":"--- PASS: TestTwo (0.00s)\n"}
{"Action":"pass","Package":"p/a","Test":"TestTwo"}
{"Action":"output","Package":"p/a","Output":"PASS\n"}
{"Action":"output","Package":"p/a","Output":"ok  \tp/a\t0.1s\n"}
{"Action":"pass","Package":"p/a"}
{"Action":"run","Package":"p/b","Test":"TestGood"}
{"Action":"output","Package":"p/b","Test":"TestGood","Output":"    b_test.go:1: nobody wants to know\n"}
{"Action":"pass","Package":"p/b","Test":"TestGood"}
{"Action":"run","Package":"p/b","Test":"TestBad"}
{"Action":"output","Package":"p/b","Test":"TestBad","Output":"=== RUN   TestBad\n"}
{"Action":"output","Package":"p/b","Test":"TestBad","Output":"    b_test.go:7: got 1, want 2\n"}
{"Action":"output","Package":"p/b","Test":"TestBad","Output":"--- FAIL: TestBad (0.00s)\n"}
{"Action":"fail","Package":"p/b","Test":"TestBad"}
{"Action":"output","Package":"p/b","Output":"FAIL\n"}
{"Action":"output","Package":"p/b","Output":"FAIL\tp/b\t0.1s\n"}
{"Action":"fail","Package":"p/b"}
{"Action":"run","Package":"p/c","Test":"TestPanic"}
{"Action":"output","Package":"p/c","Test":"TestPanic","Output":"panic: oh\n"}
{"Action":"output","Package":"p/c","Output":"FAIL\tp/c\t0.1s\n"}
{"Action":"fail","Package":"p/c"}
{"Action":"build-output","ImportPath":"p/d","Output":"d.go:1:1: syntax error\n"}
{"Action":"build-fail","ImportPath":"p/d"}
{"Action":"output","Package":"p/d","Output":"FAIL\tp/d [build failed]\n"}
{"Action":"fail","Package":"p/d","FailedBuild":"p/d"}
{"Action":"output","Package":"p/e","Output":"?   \tp/e\t[no test files]\n"}
{"Action":"skip","Package":"p/e"}
{"Action":"run","Package":"p/f","Test":"TestSilent"}
{"Action":"skip","Package":"p/f","Test":"TestSilent"}
{"Action":"output","Package":"p/f","Output":"ok  \tp/f\t0.1s\n"}
{"Action":"pass","Package":"p/f"}
FAIL
`
	const want = `ok  	p/a	0.1s
    b_test.go:7: got 1, want 2
--- FAIL: TestBad (0.00s)
FAIL
FAIL	p/b	0.1s
panic: oh
FAIL	p/c	0.1s
d.go:1:1: syntax error
FAIL	p/d [build failed]
?   	p/e	[no test files]
ok  	p/f	0.1s
FAIL

skipped tests: 3

PostgreSQL is not installed: run make setup
    p/a: TestOne, TestTwo/sub

no reason given
    p/f: TestSilent
`
	var got strings.Builder
	var all skips
	if err := report(&got, strings.NewReader(strings.TrimPrefix(events, "\n")), &all); err != nil {
		t.Fatal(err)
	}
	all.print(&got)
	if got.String() != want {
		t.Errorf("report prints\n%s\nwant\n%s", got.String(), want)
	}
}

func TestModules(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, dir := range []string{"", "bench", "conformance", "conformance/js/node_modules/x", "tools", ".cache/mod", "internal/x/testdata/y"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, dir, "go.mod"), []byte("module x\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := modules(root)
	if want := []string{root, filepath.Join(root, "bench"), filepath.Join(root, "conformance")}; err != nil || !slices.Equal(got, want) {
		t.Errorf("modules: %q, %v, want %q", got, err, want)
	}
}
