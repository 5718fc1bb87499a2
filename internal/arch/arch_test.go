package arch

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/sluicehq/sluice/"

// file is one Go file of the module, its imports and comments parsed.
type file struct {
	path  string // from the module's root
	lines int
	tree  *ast.File
}

func (f file) test() bool { return strings.HasSuffix(f.path, "_test.go") }

// tree returns every Go file of the module. The tools and the examples are modules of their own.
func tree(t *testing.T) []file {
	t.Helper()
	root := filepath.Join("..", "..")
	var files []file
	err := filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			name := d.Name()
			if name == "node_modules" || name == "testdata" || name == "tools" || name == "examples" || name == "bin" || (strings.HasPrefix(name, ".") && at != root) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(at, ".go") {
			return nil
		}
		text, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), at, text, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, at)
		if err != nil {
			return err
		}
		files = append(files, file{filepath.ToSlash(rel), bytes.Count(text, []byte("\n")), parsed})
		return nil
	})
	if err != nil {
		t.Fatalf("walk the tree: %v", err)
	}
	if len(files) == 0 {
		t.Fatal("no Go file found: the test looks in the wrong place")
	}
	return files
}

// group splits internal/store/pebblestore into store and pebblestore.
func group(dir string) (string, string, bool) {
	rest, ok := strings.CutPrefix(dir, "internal/")
	if !ok {
		return "", "", false
	}
	w, below, _ := strings.Cut(rest, "/")
	return w, below, true
}

// forbidden says why the package in folder from may not import the one in folder to.
func forbidden(from, to string) string {
	w, below, ok := group(from)
	target, sub, inside := group(to)
	switch {
	case !ok: // cmd, conformance, sluicetest: they know every part
		return ""
	case !inside:
		return "is not under internal/"
	case to == testSupport && w != "testenv" && !strings.HasSuffix(from, "test"):
		return "is for tests"
	case imports[w] == nil:
		return strconv.Quote(w) + " is not a word of the import table"
	case w != target:
		if slices.Contains(imports[w], target) {
			return ""
		}
		if strings.HasSuffix(from, "test") && slices.Contains(testImports[w], target) {
			return ""
		}
		return w + " may import " + strings.Join(imports[w], ", ")
	case strangers[w] && below != "" && sub != "" && first(below) != first(sub):
		return "siblings of " + w + " do not know of each other"
	}
	return ""
}

func first(dir string) string {
	f, _, _ := strings.Cut(dir, "/")
	return f
}

func TestImportTable(t *testing.T) {
	t.Parallel()
	for _, f := range tree(t) {
		if f.test() { // tests also import suites and official clients
			continue
		}
		for _, spec := range f.tree.Imports {
			to, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatalf("%s: import %s: %v", f.path, spec.Path.Value, err)
			}
			if strings.HasPrefix(to, "github.com/aws/") && path.Dir(f.path) != official {
				t.Errorf("%s imports %s: official clients are tools of tests", f.path, to)
			}
			if to, ok := strings.CutPrefix(to, module); ok {
				if why := forbidden(path.Dir(f.path), to); why != "" {
					t.Errorf("%s imports %s: %s", f.path, to, why)
				}
			}
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"internal/engine", "internal/store", true},
		{"internal/engine", "internal/service/sesv2", false},
		{"internal/engine", "internal/wire", false},
		{"internal/fault", "internal/job", false},
		{"internal/gateway/jobs", "internal/store", false},
		{"internal/gateway/jobs", "internal/destination", false},
		{"internal/service/sesv2", "internal/api/sesv2api", true},
		{"internal/service/sesv2", "internal/service/mailmanager", false},
		{"internal/service/sesv2", "internal/wire", false},
		{"internal/service/servicetest", "internal/wire", true},
		{"internal/store/pebblestore", "internal/store", true},
		{"internal/store/pebblestore", "internal/store/pgstore", false},
		{"internal/store/pebblestore/sub", "internal/store/pebblestore", true},
		{"internal/gateway", "internal/gateway/s3", true},
		{"internal/nobody", "internal/fault", false},
		{"internal/job", "cmd/sluice", false},
		{"internal/node", "internal/engine", true},
		{"internal/node", "internal/service/sesv2", true},
		{"internal/gateway", "internal/node", false},
		{"cmd/sluice", "internal/node", true},
		{"sluicetest", "internal/node", true},
		{"conformance", "internal/engine", true},
		{"internal/object/objecttest", "internal/testenv", true},
		{"internal/object/diskobject", "internal/testenv", false},
		{"internal/engine", "internal/testenv", false},
	} {
		if why := forbidden(c.from, c.to); (why == "") != c.ok {
			t.Errorf("%s imports %s: refused %q, want allowed %t", c.from, c.to, why, c.ok)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	said := map[string]bool{}
	for _, f := range tree(t) {
		dir := path.Dir(f.path)
		if f.test() && !strings.HasPrefix(dir, "conformance") { // which is all tests
			continue
		}
		said[dir] = said[dir] || f.tree.Doc != nil && len(f.tree.Doc.Text()) > len("Package ")
	}
	for dir, ok := range said {
		if !ok {
			t.Errorf("%s: no package comment", dir)
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	for _, f := range tree(t) {
		if f.lines > maxLines && !ast.IsGenerated(f.tree) {
			t.Errorf("%s has %d lines, want at most %d", f.path, f.lines, maxLines)
		}
	}
}

func TestNamesSaySomething(t *testing.T) {
	t.Parallel()
	for _, f := range tree(t) {
		for _, part := range strings.Split(path.Dir(f.path), "/") {
			if banned[part] {
				t.Errorf("%s: %q says nothing about what is inside", f.path, part)
			}
		}
		if name := strings.TrimSuffix(f.tree.Name.Name, "_test"); banned[name] {
			t.Errorf("%s: package %s says nothing about what is inside", f.path, name)
		}
	}
}
