package conformance

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/differences"
)

var update = flag.Bool("update", false, "write the tables of docs/operations.md and the responses in testdata")

const operationsPath = "../docs/operations.md"

// tables are the parts of docs/operations.md that are written from the calls of AWS's
// clients, each with the services that it is about.
var tables = regexp.MustCompile(`(?s)(<!-- operations of ([a-z0-9 ]+) -->\n).*?(<!-- /operations -->\n)`)

// checkOperationsPage compares the tables of docs/operations.md with the calls that the
// clients made.
func checkOperationsPage(t *testing.T, seen map[operation]answers) {
	t.Helper()
	entries, err := differences.Load("../docs/differences/entries")
	if err != nil {
		t.Fatal(err)
	}
	page := readFile(t, operationsPath)
	listed := map[string]bool{}
	want := tables.ReplaceAllStringFunc(page, func(table string) string {
		parts := tables.FindStringSubmatch(table)
		names := strings.Fields(parts[2])
		for _, name := range names {
			listed[name] = true
		}
		return parts[1] + operationsTable(t, seen, entries, names) + parts[3]
	})
	for _, service := range services {
		if !listed[service] {
			t.Errorf("docs/operations.md has no table of the operations of %s", service)
		}
	}
	switch {
	case want == page || t.Failed():
	case *update:
		if err := os.WriteFile(operationsPath, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Error("docs/operations.md is not what the clients saw: make operations writes it")
	}
}

// operationsTable renders the operations of services that share one API: whether all of
// the services answered, which declared errors any of them returned, and links to the
// entries about the operation.
func operationsTable(t *testing.T, seen map[operation]answers, entries []*differences.Entry, services []string) string {
	t.Helper()
	errors := map[string][]string{}
	served := map[string]bool{}
	for _, service := range services {
		for name, declared := range declared(t, service) {
			if _, known := served[name]; !known {
				served[name] = true
			}
			got := seen[operation{service, name}]
			served[name] = served[name] && got[""] > 0
			for _, err := range declared {
				if got[err] > 0 && !slices.Contains(errors[name], err) {
					errors[name] = append(errors[name], err)
				}
			}
		}
	}
	var rows strings.Builder
	n := 0
	for _, name := range slices.Sorted(maps.Keys(served)) {
		state := "not served"
		if served[name] {
			state = "served"
			n++
		}
		slices.Sort(errors[name])
		fmt.Fprintf(&rows, "| %s | %s | %s | %s |\n", name, state, strings.ReplaceAll(strings.Join(errors[name], ", "), "Exception", ""),
			differences.Links(entries, services[0], name))
	}
	return fmt.Sprintf("%d of %d operations are served.\n\n| operation | state | errors that tests have seen, each an …Exception | differences |\n|---|---|---|---|\n%s",
		n, len(served), rows.String())
}
