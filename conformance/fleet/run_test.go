package fleet

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

// The long form, which make test-faults asks for by these variables.
const (
	forSoLong = "SLUICE_FAULTS"      // a time, such as 8m
	seeded    = "SLUICE_FAULTS_SEED" // repeats the order and the choices of another run
)

// TestFleet strikes a fleet with one fault after the other while one set of imports and
// writes goes on. With -short it is one fault.
func TestFleet(t *testing.T) {
	t.Parallel()
	if os.Getenv(forSoLong) != "" {
		t.Skip("TestFaults does the same and more")
	}
	f := newFleet(t, 1, "")
	rows, strikes := 20_000, []func(*fleet, *trial){
		(*fleet).kill, (*fleet).pause, (*fleet).crashDatabase, faults[4].strike,
	}
	if testing.Short() {
		rows, strikes = 6_000, strikes[:1]
	}
	tr := f.begin("eu-test-1", rows)
	for _, strike := range strikes {
		strike(f, tr)
	}
	tr.end()
}

// TestFaults strikes with every fault, in an order by chance, again and again until its
// time is over, two in each trial, and checks each trial to the last entry.
func TestFaults(t *testing.T) {
	if os.Getenv(forSoLong) == "" {
		t.Skip("it is for make test-faults: " + forSoLong + " says for how long")
	}
	length, err := time.ParseDuration(os.Getenv(forSoLong))
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv(seeded); text != "" {
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%s=%d", seeded, seed)
	f := newFleet(t, seed, "")
	end := time.Now().Add(length)
	survived := map[string]int{}
	var left []int // of the round
	for trial := 1; time.Now().Before(end); trial++ {
		began := time.Now()
		tr := f.begin(fmt.Sprint("eu-test-", trial), 15_000)
		for range 2 {
			if len(left) == 0 {
				left = f.random.Perm(len(faults))
			}
			struck := faults[left[0]]
			left = left[1:]
			t.Logf("trial %d: %s", trial, struck.name)
			struck.strike(f, tr)
			survived[struck.name]++
		}
		tr.end()
		t.Logf("trial %d took %v", trial, time.Since(began).Round(time.Second))
		if t.Failed() {
			break
		}
	}
	total := 0
	for _, struck := range faults {
		t.Logf("%3d × %s", survived[struck.name], struck.name)
		total += survived[struck.name]
	}
	t.Logf("%d faults survived, %s=%d", total, seeded, seed)
}
