package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pages returns the text of every Markdown page, by its path from the root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	root := filepath.Join("..", "..")
	found := map[string]string{}
	err := filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() {
			if name == "node_modules" || name == "testdata" || name == "bin" || name == ".git" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(at, ".md") {
			return nil
		}
		text, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, at)
		if err != nil {
			return err
		}
		found[filepath.ToSlash(rel)] = string(text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

var (
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	codeBlock = regexp.MustCompile("(?ms)^```.*?^```")
)

// TestLinks: every link from one page to another file leads to something.
func TestLinks(t *testing.T) {
	t.Parallel()
	all := pages(t)
	for page, text := range all {
		for _, m := range link.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, ":") { // elsewhere
				continue
			}
			to := page
			if target != "" {
				to = filepath.ToSlash(filepath.Join(filepath.Dir(page), target))
			}
			if _, err := os.Stat(filepath.Join("..", "..", to)); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
				continue
			}
			if anchor != "" && strings.HasSuffix(to, ".md") && !anchors(all[to])[anchor] {
				t.Errorf("%s links to %s, but %s has no such heading", page, m[1], to)
			}
		}
	}
}

// anchors returns the names of a page's headings, as GitHub makes them, and its own.
func anchors(text string) map[string]bool {
	names := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 0x7f:
				return r
			}
			return -1
		}, strings.ToLower(m[1]))
		names[name] = true
	}
	for _, m := range regexp.MustCompile(`<a (?:id|name)="([^"]+)"`).FindAllStringSubmatch(text, -1) {
		names[m[1]] = true
	}
	return names
}

// repositoryPath is a path in backquotes that begins with a folder of the repository.
var repositoryPath = regexp.MustCompile("`((?:internal|cmd|docs|conformance|bench|tools|examples|deploy|sluicetest)(?:/[A-Za-z0-9_.*/-]*)?)`")

// TestPathsOfContributing: the paths that contributors are sent to are there.
func TestPathsOfContributing(t *testing.T) {
	t.Parallel()
	wantPaths(t, "CONTRIBUTING.md", pages(t)["CONTRIBUTING.md"])
}

// wantPaths checks that the paths in a text are there, and returns how many there are.
func wantPaths(t *testing.T, page, text string) int {
	t.Helper()
	found := repositoryPath.FindAllStringSubmatch(text, -1)
	for _, m := range found {
		matches, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(m[1])))
		if err != nil || len(matches) == 0 {
			t.Errorf("%s has the path %s, which is not there", page, m[1])
		}
	}
	if len(found) == 0 {
		t.Errorf("%s has no path: the test does not find them", page)
	}
	return len(found)
}

// TestToChange: the table that leads from a change to its place has at least twenty rows,
// and each leads to something.
func TestToChange(t *testing.T) {
	t.Parallel()
	const page = "docs/architecture.md"
	_, table, _ := strings.Cut(pages(t)[page], "\n| to change | go to |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Split(strings.TrimSpace(table), "\n")
	if len(rows) < 20 {
		t.Errorf("%s has %d rows for changes, want at least 20", page, len(rows))
	}
	for _, row := range rows {
		wantPaths(t, page+": "+row, row)
	}
}

// TestMakeTargets: what the pages tell to make is a target of the Makefile.
func TestMakeTargets(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join("..", "..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for page, text := range pages(t) {
		for _, m := range regexp.MustCompile("`make ([a-z][a-z-]*)`").FindAllStringSubmatch(text, -1) {
			if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(makefile) {
				t.Errorf("%s has make %s, which is no target", page, m[1])
			}
		}
	}
}
