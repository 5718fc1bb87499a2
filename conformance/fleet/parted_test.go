package fleet

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/testenv"
)

// TestPartedFromTheS3 parts the nodes from an S3 that is not ours, see partedFromS3.
func TestPartedFromTheS3(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("TestCutOffEngine is the short form")
	}
	partedFromS3(t, startForeignS3(t), cuts)
}

// TestFaultsPartedFromTheS3 is TestPartedFromTheS3 where the network refuses, and where it
// is silent.
func TestFaultsPartedFromTheS3(t *testing.T) {
	if os.Getenv(forSoLong) == "" {
		t.Skip("it is for make test-faults: " + forSoLong + " says for how long")
	}
	for _, c := range []struct {
		name string
		state
	}{{"refuses", cuts}, {"is silent", holds}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			partedFromS3(t, startForeignS3(t), c.state)
		})
	}
}

// partedFromS3 parts one of two nodes from the S3 in the middle of an import, and then the
// other; each time the job goes on at the one that is not parted. New jobs go there too.
// With both parted, jobs wait and say why, and go on when the S3 is back.
func partedFromS3(t *testing.T, endpoint string, s state) {
	f := newFleet(t, 2, endpoint, "--log-level", "debug")
	tr := f.begin("eu-test-1", 15_000)
	first, _, _ := tr.worker()
	second := f.other(first)
	for _, n := range []*node{first, second} {
		f.partFromS3(tr, n, s)
		f.avoidsNewJobs(tr, n)
		n.toObjects.set(carries)
	}
	f.partAllFromS3(tr, s)
	tr.end()
}

// other returns the other of two nodes.
func (f *fleet) other(n *node) *node {
	return f.nodes[1-slices.Index(f.nodes, n)]
}

// partFromS3 parts a node from the S3 in the middle of a job, and waits until the other
// has got on with the job. It has to be the other: the node is not to try again.
func (f *fleet) partFromS3(tr *trial, n *node, s state) {
	f.t.Helper()
	id, p := tr.jobAt(n)
	n.toObjects.set(s)
	tries := n.log.attemptsAt(id)
	since, other := time.Now(), f.other(n)
	// What n had read is committed when it gives the job up, so progress alone is not enough.
	within(f.t, soon, "job "+id+" goes on at "+other.name, func() bool { return other.log.attemptsAt(id) > 0 })
	f.takenOver(n, id, p, since, "was parted from the S3")
	within(f.t, soon, "job "+id+" is over", func() bool { return f.progress(id).final() })
	if got := n.log.attemptsAt(id); got > tries {
		f.t.Errorf("%s made %d more attempts at the job that it gave up, want none", n.name, got-tries)
	}
}

// avoidsNewJobs creates jobs at the other node, while one is parted from the S3. Some have
// to wait for the other to be free; the one that is parted is not to take them meanwhile.
func (f *fleet) avoidsNewJobs(tr *trial, parted *node) {
	f.t.Helper()
	const jobs = 4
	var all []*imported
	for range jobs {
		all = append(all, tr.startAt(4_000, f.other(parted)))
	}
	took := 0
	for _, im := range all {
		within(f.t, soon, "job "+im.id+" is over", func() bool { return f.progress(im.id).final() })
		if parted.log.attemptsAt(im.id) > 0 {
			took++
		}
	}
	if took > 1 { // one that waits for long may be tried
		f.t.Errorf("%s, parted from the S3, took %d of %d new jobs, want them left to %s", parted.name, took, jobs, f.other(parted).name)
	}
}

// partAllFromS3 parts all nodes from the S3 until a job says that it waits for that.
func (f *fleet) partAllFromS3(tr *trial, s state) {
	f.t.Helper()
	_, id, _ := tr.worker()
	for _, n := range f.nodes {
		n.toObjects.set(s)
	}
	f.waitsFor(tr, id, "object storage unavailable", "does not answer as it should")
	p := f.progress(id)
	for _, n := range f.nodes {
		n.toObjects.set(carries)
	}
	f.goesOn(id, p, "all nodes were parted from the S3")
	if shown := f.any().cli(tr.region, "job", id); strings.Contains(shown, "waiting") {
		f.t.Errorf("a job that has got on shows that it waits: %s", shown)
	}
}

// waitsFor waits until sluice job shows all that is wanted: why a job waits.
func (f *fleet) waitsFor(tr *trial, id string, wants ...string) {
	f.t.Helper()
	asked, shown := f.any(), ""
	defer func() {
		if f.t.Failed() {
			f.t.Logf("sluice job: %s", shown)
		}
	}()
	within(f.t, soon, fmt.Sprintf("sluice job shows %q", wants), func() bool {
		shown = asked.cli(tr.region, "job", id)
		return !slices.ContainsFunc(wants, func(w string) bool { return !strings.Contains(shown, w) })
	})
}

// cli runs a client command of the program and returns what it printed.
func (p *process) cli(region string, args ...string) string {
	cmd := exec.Command(binary, args...)
	cmd.Env = append(testenv.Environ(), "AWS_ENDPOINT_URL="+p.address(), "AWS_REGION="+region,
		"AWS_ACCESS_KEY_ID="+rootKey, "AWS_SECRET_ACCESS_KEY="+rootSecret)
	out, _ := cmd.CombinedOutput() // what it says is looked at
	return string(out)
}
