package differences

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/gateway/s3"
)

var update = flag.Bool("update", false, "write the pages that are made from entries")

// docs is the directory of the project's documentation.
var docs = filepath.Join("..", "..", "docs")

func load(t *testing.T) []*Entry {
	t.Helper()
	entries, err := Load(filepath.Join(docs, "differences", "entries"))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) == 0 {
		t.Fatal("no entries found in docs/differences/entries")
	}
	return entries
}

// TestDifferences compares the entries with the tests of the project: each entry names
// existing tests, one of which has its number, and each number of a test has an entry.
func TestDifferences(t *testing.T) {
	t.Parallel()
	tests := testNames(t)
	numbered := map[string]bool{}
	for name := range tests {
		if strings.HasPrefix(name, "TestD") {
			for _, n := range regexp.MustCompile(`D[0-9]+`).FindAllString(name, -1) {
				numbered[n] = true
			}
		}
	}
	exists := map[string]bool{}
	entries := load(t)
	for _, e := range entries {
		exists[e.Name()] = true
		if !numbered[e.Name()] {
			t.Errorf("%s: no test has this number in its name", e.Name())
		}
		for _, name := range e.Tests {
			if !tests[name] {
				t.Errorf("%s names the test %s, which does not exist", e.Name(), name)
			}
		}
	}
	for _, e := range entries {
		for _, n := range numbers.FindAllString(e.Body, -1) {
			if !exists[n] {
				t.Errorf("%s refers to %s, which does not exist", e.Name(), n)
			}
		}
	}
	for n := range numbered {
		if !exists[n] {
			t.Errorf("a test has the number %s, which no entry has", n)
		}
	}
}

// testNames returns the names of all tests of the project.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9_]+)\(`)
	for _, root := range []string{"internal", "conformance", "cmd"} {
		err := filepath.WalkDir(filepath.Join("..", "..", root), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range function.FindAllSubmatch(text, -1) {
				names[string(m[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// TestOperations: every operation that an entry names is served.
func TestOperations(t *testing.T) {
	t.Parallel()
	served := map[string]bool{}
	for _, api := range []string{"mailmanager", "sesv2", "qconnect"} {
		text, err := os.ReadFile(filepath.Join("..", "api", "model", api+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var model struct{ Operations map[string]any }
		if err := json.Unmarshal(text, &model); err != nil {
			t.Fatal(err)
		}
		served[api+".*"] = true
		for name := range model.Operations {
			served[api+"."+name] = true
		}
	}
	served["s3.*"] = true
	for _, name := range s3.Operations() {
		served["s3."+name] = true
	}
	for _, e := range load(t) {
		for _, op := range e.Operations {
			if !served[op] {
				t.Errorf("%s names the operation %s, which is not served", e.Name(), op)
			}
			if api, name, _ := strings.Cut(op, "."); name != "*" && e.Concerns(api, "*") {
				t.Errorf("%s names %s.* and %s", e.Name(), api, op)
			}
		}
	}
}

// TestPages compares the pages with what the entries render to; -update writes them.
func TestPages(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(docs, "differences")
	want := Render(load(t))
	for name, text := range want {
		compare(t, filepath.Join(dir, name), text)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, ok := want[filepath.Base(file)]; !ok {
			t.Errorf("%s is not made from entries: remove it", file)
		}
	}
}

// TestOperationsPage compares what docs/operations.md takes from here with the entries:
// the last column of each table, and the table of S3's operations. Its other tables are
// written by the tests of AWS's clients, in conformance.
func TestOperationsPage(t *testing.T) {
	t.Parallel()
	entries := load(t)
	path := filepath.Join(docs, "operations.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	apis := regexp.MustCompile(`(?s)<!-- operations of ([a-z0-9]+).*?<!-- /operations -->`)
	row := regexp.MustCompile(`(?m)^(\| ([A-Z]\w+) \|.*\|) [^|]* \|$`)
	page := apis.ReplaceAllStringFunc(string(text), func(table string) string {
		api := apis.FindStringSubmatch(table)[1]
		return row.ReplaceAllStringFunc(table, func(line string) string {
			m := row.FindStringSubmatch(line)
			return fmt.Sprintf("%s %s |", m[1], Links(entries, api, m[2]))
		})
	})
	ofS3 := "| operation | differences |\n|---|---|\n"
	for _, name := range slices.Sorted(slices.Values(s3.Operations())) {
		ofS3 += fmt.Sprintf("| %s | %s |\n", name, Links(entries, "s3", name))
	}
	page = regexp.MustCompile(`(?s)(<!-- operations of S3 -->\n).*?(<!-- /operations of S3 -->)`).ReplaceAllString(page, "${1}"+ofS3+"${2}")
	if !strings.Contains(page, ofS3) {
		t.Errorf("%s has no table of the operations of S3", path)
	}
	compare(t, path, page)
}

// compare compares a file with the text that it should have, and writes it with -update.
func compare(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	if string(got) == want {
		return
	}
	if !*update {
		t.Errorf("%s is out of date: make docs writes it", path)
		return
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	const good = "---\nnumber: D7\ntitle: A title\npage: s3\nkind: differs\noperations:\n  - s3.GetObject\ntests:\n  - TestD7_X\n---\n" +
		"- **AWS:** a.\n- **Sluice:** b.\n- **Why:** c.\n"
	e, err := parse(good)
	if err != nil || e.Number != 7 || e.Title != "A title" || !e.Concerns("s3", "GetObject") || !slices.Equal(e.Tests, []string{"TestD7_X"}) {
		t.Errorf("parse = %+v, %v, want entry D7", e, err)
	}
	for what, text := range map[string]string{
		"no front matter":   strings.TrimPrefix(good, "---\n"),
		"no end of it":      strings.Replace(good, "---\n- **AWS", "- **AWS", 1),
		"an unknown key":    strings.Replace(good, "title:", "titel:", 1),
		"an unknown page":   strings.Replace(good, "page: s3", "page: s4", 1),
		"an unknown kind":   strings.Replace(good, "kind: differs", "kind: silent", 1),
		"another number":    strings.Replace(good, "D7\n", "7\n", 1),
		"a bad operation":   strings.Replace(good, "s3.GetObject", "GetObject", 1),
		"no operations":     strings.Replace(good, "  - s3.GetObject\n", "", 1),
		"an inline list":    strings.Replace(good, "tests:\n  - TestD7_X\n", "tests: TestD7_X\n", 1),
		"no tests":          strings.Replace(good, "  - TestD7_X\n", "", 1),
		"no reason":         strings.Replace(good, "- **Why:** c.\n", "", 1),
		"an item of no key": strings.Replace(good, "operations:\n", "", 1),
	} {
		if _, err := parse(text); err == nil {
			t.Errorf("%s: parsed, want an error", what)
		}
	}
}
