package fleet

import (
	"testing"

	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
	"github.com/sluicehq/sluice/internal/testenv"
)

// TestFullDiskOfANode fills the disk of one of two nodes: it keeps nothing there, so it goes
// on with its jobs, can be restarted, and takes jobs again.
func TestFullDiskOfANode(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a fleet of its own")
	}
	disk := testenv.NewSmallDisk(t, 1)
	f := newFleetWithoutNodes(t, startS3(t), pgtest.New(t))
	f.addNode("--data", disk.Dir())
	f.addNode()
	for _, n := range f.nodes {
		n.start()
	}
	full := f.nodes[0]
	tr := f.begin("eu-test-1", 15_000)
	id, p := tr.jobAt(full)
	disk.Fill(0)
	f.goesOn(id, p, "the disk of "+full.name+" is full")
	if ready, text := full.get("/readyz"); !ready {
		t.Errorf("/readyz of a node with a full disk, that keeps nothing there: %s, want ready", text)
	}
	full.terminate()
	full.start()
	tr.jobAt(full)
	disk.Clear()
	tr.end()
}

// TestFullDiskOfTheS3 fills the disk of the S3: reports cannot be written, so their jobs
// wait, say why, and end when there is space.
func TestFullDiskOfTheS3(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a fleet of its own")
	}
	disk := testenv.NewSmallDisk(t, 96)
	f := newFleet(t, 2, startS3(t, "--data", disk.Dir(), "--min-free", "16MiB"), "--log-level", "debug")
	tr := f.begin("eu-test-1", 6_000)
	_, id, _ := tr.worker()
	disk.Fill(10 << 20)
	const reason = "disk full"
	f.waitsFor(tr, id, reason, "the object storage is out of space")
	if p := f.progress(id); p.state != "processing" || p.record != int64(tr.importOf(id).rows) {
		t.Errorf("the job is %s at record %d, want it processing at its end, %d", p.state, p.record, tr.importOf(id).rows)
	}
	disk.Clear()
	tr.end()
}
