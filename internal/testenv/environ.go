package testenv

import (
	"os"
	"slices"
	"strings"
)

// variables are those that tests read, and the server does not know.
var variables = []string{
	allVariable, seedVariable, "SLUICE_CALLS", "SLUICE_ENDPOINT", "SLUICE_FAULTS", "SLUICE_FLIPS", "SLUICE_VERSITYGW",
}

// Environ is os.Environ without the variables of tests, for a server: it refuses
// variables of the prefix SLUICE_ that it does not know.
func Environ() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(variables, name)
	})
}
