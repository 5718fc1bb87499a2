package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pending are the packages that still have names or texts with retired words. None is
// added.
var pending = []string{
	"cmd/sluice", "internal/destination",
	"internal/engine", "internal/gateway", "internal/gateway/jobs", "internal/job", "internal/service", "internal/service/mailmanager", "internal/service/qconnect",
	"internal/service/sesv2", "internal/service/servicetest", "internal/store", "internal/store/pebblestore",
	"internal/store/pgstore", "internal/store/pgstore/pgtest", "internal/store/storetest", "internal/wire", "internal/fault",
}

// retired are the words that the glossary retires.
type retired struct {
	names, wholeNames map[string]bool
	texts             *regexp.Regexp
}

// readGlossary reads the last table of the glossary.
func readGlossary(t *testing.T) retired {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "glossary.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "## Retired words")
	if !ok {
		t.Fatal("docs/glossary.md has no section on retired words")
	}
	r := retired{names: map[string]bool{}, wholeNames: map[string]bool{}}
	var texts []string
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || strings.Contains(cells[1], "---") || strings.TrimSpace(cells[1]) == "word" {
			continue
		}
		for w := range strings.SplitSeq(cells[1], ",") {
			w = strings.TrimSpace(w)
			switch where := strings.TrimSpace(cells[2]); where {
			case "names":
				r.names[w] = true
			case "whole names":
				r.wholeNames[w] = true
			case "texts":
				texts = append(texts, regexp.QuoteMeta(w))
			default:
				t.Fatalf("glossary: %q is in %q, want names, whole names or texts", w, where)
			}
		}
	}
	if len(r.names) < 10 || len(r.wholeNames) < 10 || len(texts) < 5 {
		t.Fatalf("glossary: read %d, %d and %d retired words, want more", len(r.names), len(r.wholeNames), len(texts))
	}
	r.texts = regexp.MustCompile(`(?i)\b(` + strings.Join(texts, "|") + `)\b`)
	return r
}

var namePart = regexp.MustCompile(`[A-Z]?[a-z]+|[A-Z]+`)

// in returns the first retired word of a name.
func (r retired) in(name string, lasting bool) (string, bool) {
	if w := strings.ToLower(name); lasting && r.wholeNames[w] {
		return w, true
	}
	for _, part := range namePart.FindAllString(name, -1) {
		if w := strings.ToLower(part); r.names[w] {
			return w, true
		}
	}
	return "", false
}

// declared calls each with the names that a file declares, and whether a name is that of a
// function, a method, a type, a constant or a package's variable. Names of packages that it
// imports are others'.
func declared(f *ast.File, each func(id *ast.Ident, lasting bool)) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			each(d.Name, true)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					each(s.Name, true)
				case *ast.ValueSpec:
					for _, n := range s.Names {
						each(n, true)
					}
				}
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			for _, id := range n.Names {
				each(id, false)
			}
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				if id, ok := e.(*ast.Ident); ok && n.Tok == token.DEFINE {
					each(id, false)
				}
			}
		case *ast.RangeStmt:
			for _, e := range []ast.Expr{n.Key, n.Value} {
				if id, ok := e.(*ast.Ident); ok && n.Tok == token.DEFINE {
					each(id, false)
				}
			}
		}
		return true
	})
}

// TestGlossary finds retired words in names, comments and texts.
func TestGlossary(t *testing.T) {
	t.Parallel()
	r := readGlossary(t)
	found := map[string]int{}
	for _, f := range tree(t) {
		dir := path.Dir(f.path)
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, filepath.Join("..", "..", f.path), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if ast.IsGenerated(parsed) {
			continue
		}
		report := func(pos token.Pos, w, in string) {
			if found[dir]++; !slices.Contains(pending, dir) {
				t.Errorf("%s:%d: %q in %s is retired: docs/glossary.md has what to say", f.path, fset.Position(pos).Line, w, in)
			}
		}
		declared(parsed, func(id *ast.Ident, lasting bool) {
			if w, ok := r.in(id.Name, lasting); ok {
				report(id.Pos(), w, id.Name)
			}
		})
		for _, group := range parsed.Comments {
			for _, c := range group.List {
				if w := r.texts.FindString(c.Text); w != "" {
					report(c.Pos(), w, "a comment")
				}
			}
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if w := r.texts.FindString(lit.Value); w != "" {
					report(lit.Pos(), w, lit.Value)
				}
			}
			return true
		})
	}
	for _, dir := range pending {
		if found[dir] == 0 {
			t.Logf("%s has no retired words any more: remove it from pending", dir)
		} else {
			t.Logf("%s: %d", dir, found[dir])
		}
	}
}
