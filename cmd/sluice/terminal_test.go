package main

import (
	"os"
	"testing"
)

// terminal opens a pseudo-terminal; nil where there is none.
func terminal(t *testing.T) *os.File {
	t.Helper()
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}
