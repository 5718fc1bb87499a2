package main

import (
	"strings"
	"testing"
)

// TestJobName: a job's name shows what file it came from, in the letters that Mail Manager
// takes.
func TestJobName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"partners.csv":                   "partners.csv",
		"my list (2).csv":                "my-list--2-.csv",
		"Müllers Gäste.csv":              "Mullers-Gaste.csv",
		"Mu\u0308llers.csv":              "Mullers.csv", // as macOS writes it
		"名簿.csv":                         "import.csv",
		"名簿":                             "import",
		"名簿-2026.csv.gz":                 "---2026.csv.gz",
		"-":                              "import",
		".csv":                           ".csv",
		strings.Repeat("a", 300) + ".gz": strings.Repeat("a", 252) + ".gz",
	} {
		if got := jobName(name); got != want {
			t.Errorf("jobName(%q) = %q, want %q", name, got, want)
		}
	}
}
