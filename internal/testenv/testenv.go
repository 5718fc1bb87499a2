// Package testenv is how tests meet the machine that they run on: its programs and ports,
// and where their random numbers come from. In come a test and the environment variables
// SLUICE_TEST_ALL and SLUICE_SEED; out come a skipped test that says what is missing and
// how to get it, and generators whose runs can be repeated.
//
// Only tests and the packages that support them import it.
package testenv

import (
	"os"
	"testing"
)

const (
	// allVariable makes a test fail that would be skipped for want of something that
	// make setup installs.
	allVariable = "SLUICE_TEST_ALL"
	// seedVariable sets the seed of all generators, a decimal number.
	seedVariable = "SLUICE_SEED"
)

// Missing ends a test that needs something that is not installed, and that make setup
// installs: the test is skipped, or fails where SLUICE_TEST_ALL is set.
func Missing(tb testing.TB, what string) {
	tb.Helper()
	if os.Getenv(allVariable) != "" {
		tb.Fatalf("%s is not installed, and %s is set: run make setup", what, allVariable)
	}
	tb.Skipf("%s is not installed: run make setup", what)
}

// MissingOptional skips a test that needs something that is not installed, and that make
// setup does not install. How to get it is for the reader.
func MissingOptional(tb testing.TB, what, how string) {
	tb.Helper()
	tb.Skipf("%s is not installed: %s", what, how)
}
