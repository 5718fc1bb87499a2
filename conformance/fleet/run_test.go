package fleet

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"
)

// forSoLong is the variable by which make test-faults asks for the long form, and says
// for how long, such as 8m.
const forSoLong = "SLUICE_FAULTS"

// TestFleet strikes a fleet with one fault after the other while one set of imports and
// writes goes on. With -short it is one fault.
func TestFleet(t *testing.T) {
	t.Parallel()
	if os.Getenv(forSoLong) != "" {
		t.Skip("TestFaults does the same and more")
	}
	f := newFleet(t, 3, "")
	rows, strikes := 20_000, []func(*fleet, *trial){
		(*fleet).kill, (*fleet).pauseInBatch, (*fleet).crashDatabase, (*fleet).loseAnswers,
		func(f *fleet, tr *trial) { f.partStore(tr, holds) },
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

// TestFleetOnAForeignS3 is a fleet whose files lie in an S3 that is not ours.
func TestFleetOnAForeignS3(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("TestFleet has one fault already")
	}
	f := newFleet(t, 3, startForeignS3(t))
	tr := f.begin("eu-test-1", 8_000)
	f.kill(tr)
	f.partObjects(tr, cuts)
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
	f := newFleet(t, 3, "")
	survived := map[string]int{}
	end := time.Now().Add(length)
	var round []fault
	for trial := 1; time.Now().Before(end) && !t.Failed(); trial++ {
		tr := f.begin(fmt.Sprint("eu-test-", trial), 15_000)
		for range 2 {
			if len(round) == 0 {
				for _, i := range f.random.Perm(len(faults)) {
					round = append(round, faults[i])
				}
			}
			f.strike(tr, round[0], survived)
			round = round[1:]
		}
		tr.end()
	}
	tr := f.begin("eu-test-last", 15_000)
	f.strike(tr, last, survived)
	tr.end()
	total := 0
	for _, name := range slices.Sorted(maps.Keys(survived)) {
		t.Logf("%3d × %s", survived[name], name)
		total += survived[name]
	}
	t.Logf("%d faults survived", total)
}

func (f *fleet) strike(tr *trial, struck fault, survived map[string]int) {
	f.t.Helper()
	f.t.Logf("%s: %s", tr.region, struck.name)
	struck.strike(f, tr)
	survived[struck.name]++
}
