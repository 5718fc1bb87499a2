package service

import (
	"errors"
	"io/fs"
	"math"
	"testing"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	puts := job.Destination{Kind: destination.Suppression, Action: destination.Put}
	deletes := job.Destination{Kind: destination.Suppression, Action: destination.Delete}
	list := job.Destination{Kind: destination.AddressList, Action: destination.Put}
	for _, tt := range []struct {
		what string
		got  int64
		want int64
	}{
		{"AWS records of a put", AWS.Records(puts), 100_000},
		{"AWS records of a delete", AWS.Records(deletes), 10_000},
		{"AWS records of an address list", AWS.Records(list), 0},
		{"AWS members of an address list", int64(AWS.Members(destination.AddressList)), 100_000},
		{"AWS members of the suppression list", int64(AWS.Members(destination.Suppression)), 0},
		{"no records of a put", None.Records(puts), 0},
		{"no members of an address list", int64(None.Members(destination.AddressList)), 0},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %d, want %d", tt.what, tt.got, tt.want)
		}
	}
}

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
