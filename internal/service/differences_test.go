package service

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDifferences holds docs/differences.md against the tests: each entry names tests
// that are there, one of which carries its number, and each number is an entry's.
func TestDifferences(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "differences.md"))
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(t)
	numbered := map[string]bool{}
	number := regexp.MustCompile(`D[0-9]+`)
	for name := range tests {
		if strings.HasPrefix(name, "TestD") {
			for _, n := range number.FindAllString(name, -1) {
				numbered[n] = true
			}
		}
	}
	var entries []string
	head := regexp.MustCompile(`^(D[0-9]+)\. .+\n`)
	for _, entry := range strings.Split(string(text), "\n## ")[1:] {
		m := head.FindStringSubmatch(entry)
		if m == nil {
			t.Errorf("%.20q is no entry: it begins with no number", entry)
			continue
		}
		if slices.Contains(entries, m[1]) {
			t.Errorf("%s is there twice", m[1])
		}
		entries = append(entries, m[1])
		if !numbered[m[1]] {
			t.Errorf("%s: no test carries its number", m[1])
		}
		for _, part := range []string{"**AWS:**", "**Sluice:**", "**Why:**", "**Test:**"} {
			if !strings.Contains(entry, part) {
				t.Errorf("%s has no %s", m[1], part)
			}
		}
		for _, name := range regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`").FindAllStringSubmatch(entry, -1) {
			if !tests[name[1]] {
				t.Errorf("%s names %s, which is not there", m[1], name[1])
			}
		}
	}
	for n := range numbered {
		if !slices.Contains(entries, n) {
			t.Errorf("tests carry the number %s, which is no entry", n)
		}
	}
	if len(entries) == 0 {
		t.Error("no entry found: the test looks in the wrong place")
	}
}

// testNames returns the names of all tests below internal, conformance and cmd.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9_]+)\(`)
	for _, root := range []string{"..", filepath.Join("..", "..", "conformance"), filepath.Join("..", "..", "cmd")} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
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
