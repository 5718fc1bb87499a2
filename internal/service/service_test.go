package service

import (
	"errors"
	"io/fs"
	"math"
	"testing"

	"github.com/sluicehq/sluice/internal/fault"
)

func TestD21_CountsBeyond32Bits(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]int64{
		0: 0, 1: 1, math.MaxInt32: math.MaxInt32, math.MaxInt32 + 1: math.MaxInt32, math.MaxInt64: math.MaxInt32,
	} {
		if got := *Count(n); got != want {
			t.Errorf("Count(%d): %d, want %d", n, got, want)
		}
	}
}

func TestReword(t *testing.T) {
	t.Parallel()
	gone := fault.New(fault.NotFound, "row 7 is not there")
	if err := Reword(gone, fault.NotFound, "no list %s", "x"); !fault.Is(err, fault.NotFound) || fault.Message(err) != "no list x" {
		t.Errorf("Reword of the kind: %v", err)
	}
	if err := Reword(gone, fault.Conflict, "other"); err != gone {
		t.Errorf("Reword of another kind: %v", err)
	}
	if err := Reword(nil, fault.Internal, "other"); err != nil {
		t.Errorf("Reword of nil: %v", err)
	}
	if err := Reword(fs.ErrClosed, fault.NotFound, "other"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Reword of our own: %v", err)
	}
}
