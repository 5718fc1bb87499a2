package testenv

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
)

// Rand returns a random generator for a test. Its seed differs from run to run, so that
// many runs try many things, unless SLUICE_SEED sets it. The test's log, which go test
// shows when the test fails, has the command that repeats the run:
//
//	SLUICE_SEED=8392103571 go test -run '^TestPowerCuts$/^50%$' ./internal/object/diskobject
//
// It is not safe for concurrent use. Property tests of pgregory.net/rapid need it not:
// they print a command of their own.
func Rand(tb testing.TB) *rand.Rand {
	tb.Helper()
	seed := rand.Uint64() // not the time, which stands still in a synctest bubble
	if text := os.Getenv(seedVariable); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			tb.Fatalf("%s: %v", seedVariable, err)
		}
	}
	tb.Logf("to repeat with the same random numbers: %s", repeat(seed, tb.Name()))
	return rand.New(rand.NewPCG(seed, 0))
}

// repeat returns the command that runs one test with a seed, from the root of the
// repository.
func repeat(seed uint64, test string) string {
	pattern := strings.Split(test, "/")
	for i, name := range pattern {
		pattern[i] = "^" + regexp.QuoteMeta(name) + "$"
	}
	module, dir := "", "./..."
	if info, ok := debug.ReadBuildInfo(); ok {
		module, dir = location(info.Main.Path, strings.TrimSuffix(info.Path, ".test"))
	}
	return fmt.Sprintf("%s=%d go %stest -count=1 -run '%s' %s", seedVariable, seed, module, strings.Join(pattern, "/"), dir)
}

const repository = "github.com/sluicehq/sluice"

// location returns the flag that makes go work in the module of a package, with a space
// after it, or nothing for the module at the root, and the package's directory in the
// module.
func location(module, pkg string) (flag, dir string) {
	dir, ok := strings.CutPrefix(pkg, module)
	if !ok {
		return "", "./..."
	}
	if nested, ok := strings.CutPrefix(module, repository+"/"); ok {
		flag = "-C " + nested + " "
	}
	return flag, "." + dir
}
