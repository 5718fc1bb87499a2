package sluicetest_test

import (
	"log"
	"slices"
	"testing"
)

// exampleT is what an example has instead of a *testing.T.
type exampleT struct {
	testing.TB // for its unexported method

	cleanups []func()
}

func exampleTest() *exampleT { return new(exampleT) }

func (*exampleT) Helper() {}

func (t *exampleT) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (*exampleT) Errorf(format string, args ...any) { log.Printf(format, args...) }

func (*exampleT) Fatalf(format string, args ...any) { log.Fatalf(format, args...) }

// end is the end of the test.
func (t *exampleT) end() {
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
}
