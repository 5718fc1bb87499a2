package pgstore

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// forbidden are words for what CockroachDB, YugabyteDB or a pool in front of the
// database do not have, or have in another way:
//
//	https://www.cockroachlabs.com/docs/stable/postgresql-compatibility
//	https://docs.yugabyte.com/stable/develop/postgresql-compatibility/
//	https://www.pgbouncer.org/features.html
var forbidden = regexp.MustCompile(`(?i)\b(pg_\w*|advisory\w*|listen|notify|unlisten|temp|temporary|unlogged|copy|extension|` +
	`lock\s+table|cursor|declare|fetch|savepoint|prepare|execute|deallocate|nextval|currval|serial|bigserial|` +
	`trigger|function|procedure|do|language|inherits|exclude|deferrable|merge|ctid|xmin|xmax|tableoid|vacuum|analyze|` +
	`truncate|tablespace|fillfactor|using\s+(gin|gist|hash|brin)|like|ilike|similar|only|set\s+session)\b|(^|;)\s*set\s+[^l\s]`)

// allowed are uses of those words that are fine everywhere.
var allowed = strings.NewReplacer("DO NOTHING", "", "DO UPDATE", "", "pg_backend_pid()", "",
	"pg_database_size(", "" /* of a metric that is left out without it */)

func TestStatementsAreUnderstoodEverywhere(t *testing.T) {
	t.Parallel()
	checked := 0
	check := func(where, sql string) {
		checked++
		if word := forbidden.FindString(allowed.Replace(sql)); word != "" {
			t.Errorf("%s: %q is not understood everywhere:\n%s", where, word, sql)
		}
		if strings.ContainsAny(sql, "~") || strings.Contains(sql, "$$") {
			t.Errorf("%s: an operator that is not understood everywhere:\n%s", where, sql)
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("find sources: %v", err)
	}
	verb := regexp.MustCompile(`\b(SELECT|INSERT|UPDATE|DELETE|CREATE|BEGIN|WHERE|SET LOCAL|RETURNING)\b`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatalf("parse %s: %v", file, err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil && verb.MatchString(text) {
					check(file, text)
				}
			}
			return true
		})
	}
	names, err := migrationNames()
	if err != nil || len(names) == 0 {
		t.Fatalf("read migrations: %v", err)
	}
	for i, name := range names {
		if versionOf(name) != int64(i+1) {
			t.Errorf("%s is migration %d, want %d", name, versionOf(name), i+1)
		}
		text, err := migrations.ReadFile(name)
		if err != nil {
			t.Fatalf("read %s: %v", name, err)
		}
		for _, sql := range statementsOf(string(text), false) {
			if strings.Count(sql, "'")%2 != 0 {
				t.Errorf("%s: a literal has the end of a statement or a comment in it:\n%s", name, sql)
			}
			check(name, sql)
		}
	}
	if checked < 40 {
		t.Errorf("%d statements were found, which cannot be all", checked)
	}
}

func TestForbiddenWordsAreFound(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{
		"SELECT pg_advisory_lock(1)", "LISTEN jobs", "CREATE TEMP TABLE t (n int)", "CREATE UNLOGGED TABLE t (n int)",
		"COPY members FROM STDIN", "CREATE EXTENSION citext", "LOCK TABLE jobs", "SET SESSION a = 1", "SET timezone = 'UTC'",
		"SELECT nextval('s')", "DO $$ BEGIN END $$", "SELECT key FROM members WHERE key LIKE 'a%'",
	} {
		if !forbidden.MatchString(allowed.Replace(sql)) {
			t.Errorf("%s: nothing was found wrong with it", sql)
		}
	}
	for _, sql := range []string{
		"UPDATE lists SET name = $1", "INSERT INTO t VALUES (1) ON CONFLICT (n) DO NOTHING", "BEGIN; SET LOCAL a = 1",
	} {
		if word := forbidden.FindString(allowed.Replace(sql)); word != "" {
			t.Errorf("%s: found %q, want nothing", sql, word)
		}
	}
}
