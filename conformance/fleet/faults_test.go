package fleet

import (
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// fault is one way in which a fleet is put to the test. It strikes in the middle of a
// trial's imports, and is over when it returns.
type fault struct {
	name   string
	strike func(*fleet, *trial)
}

// faults are those after which the fleet is what it was before.
var faults = []fault{
	{"a node is killed", (*fleet).kill},
	{"two nodes are killed", (*fleet).killTwo},
	{"a node is stopped in good order", (*fleet).stop},
	{"a node is paused", (*fleet).pause},
	{"a node is paused in the middle of a batch", (*fleet).pauseInBatch},
	{"a node's connections to the database are cut", func(f *fleet, tr *trial) { f.partStore(tr, cuts) }},
	{"a node hears nothing from the database", func(f *fleet, tr *trial) { f.partStore(tr, holds) }},
	{"all connections to the database break", (*fleet).blink},
	{"the database's answers are lost", (*fleet).loseAnswers},
	{"a node's connections to the S3 are cut", func(f *fleet, tr *trial) { f.partObjects(tr, cuts) }},
	{"a node hears nothing from the S3", func(f *fleet, tr *trial) { f.partObjects(tr, holds) }},
	{"the database crashes", (*fleet).crashDatabase},
}

// last is the fault after which the fleet has another database.
var last = fault{"a standby takes the place of the database", (*fleet).promote}

// takenOver waits until another worker has got on with a job, and logs how long that took.
func (f *fleet) takenOver(n *node, id string, before progress, since time.Time, what string) {
	f.t.Helper()
	within(f.t, soon, "job "+id+" goes on elsewhere", func() bool { return f.progress(id).beyond(before) })
	f.t.Logf("%s %s at record %d; another committed after %v", n.name, what, before.record, time.Since(since).Round(time.Millisecond))
}

// goesOn waits until any worker has got on with a job.
func (f *fleet) goesOn(id string, before progress, what string) {
	f.t.Helper()
	since := time.Now()
	within(f.t, soon, "job "+id+" goes on", func() bool {
		p := f.progress(id)
		return p.final() || p.record > before.record
	})
	f.t.Logf("%s at record %d; a worker committed after %v", what, before.record, time.Since(since).Round(time.Millisecond))
}

// kill ends a node in the middle of a job with -9, and starts it again when the job has
// gone on elsewhere.
func (f *fleet) kill(tr *trial) {
	f.t.Helper()
	n, id, p := tr.worker()
	tr.remove(id, p)
	n.kill()
	f.takenOver(n, id, f.progress(id), time.Now(), "was killed")
	n.start()
}

// killTwo leaves one node.
func (f *fleet) killTwo(tr *trial) {
	f.t.Helper()
	n, id, _ := tr.worker()
	other := f.nodes[0]
	if other == n {
		other = f.nodes[1]
	}
	other.kill()
	n.kill()
	f.takenOver(n, id, f.progress(id), time.Now(), "and another were killed")
	n.start()
	other.start()
}

// stop ends a node as an upgrade does, by SIGTERM: it lets go of its jobs, and nobody
// waits for a lease to run out.
func (f *fleet) stop(tr *trial) {
	f.t.Helper()
	n, id, p := tr.worker()
	tr.remove(id, p)
	before, since := f.progress(id), time.Now() // others may have the job before the process has ended
	n.terminate()
	f.takenOver(n, id, before, since, "was stopped in good order")
	n.start()
}

// pause stops a node's process in the middle of a job, and lets it go on when others
// have its job: it is to notice, and to change nothing more.
func (f *fleet) pause(tr *trial) {
	f.t.Helper()
	n, id, p := tr.worker()
	tr.remove(id, p)
	losses := n.log.losses(id)
	n.signal(syscall.SIGSTOP)
	f.takenOver(n, id, f.progress(id), time.Now(), "was paused")
	f.resume(n, id, losses)
}

// pauseInBatch is pause at the worst moment: when the process goes on, it goes on with
// the transaction of a batch, when another has claimed the job and begins where the
// batch began.
func (f *fleet) pauseInBatch(tr *trial) {
	f.t.Helper()
	n, id, losses := f.stopInBatch(tr)
	before := f.progress(id)
	within(f.t, soon, "another claims job "+id, func() bool {
		p := f.progress(id)
		return p.final() || p.term > before.term
	})
	f.resume(n, id, losses)
	f.takenOver(n, id, before, time.Now(), "was paused, and went on")
}

// stopInBatch stops a node's process while it sends a batch, and returns the node, one of
// its jobs, and how often it had lost that. A job that ends before its next batch is left
// for another.
func (f *fleet) stopInBatch(tr *trial) (n *node, id string, losses int) {
	f.t.Helper()
	paused := make(chan struct{})
	var next atomic.Pointer[node] // the one to stop
	for {
		var p progress
		n, id, p = tr.worker()
		tr.remove(id, p)
		losses = n.log.losses(id)
		next.Store(n)
		n.toStore.onBatch(func() {
			if next.CompareAndSwap(n, nil) {
				n.signal(syscall.SIGSTOP)
				close(paused)
			}
		})
		within(f.t, soon, n.name+" sends a batch, or its job is over", func() bool { return next.Load() == nil || f.progress(id).final() })
		if !next.CompareAndSwap(n, nil) {
			<-paused
			return n, id, losses
		}
	}
}

// resume lets a paused node go on when another has its job.
func (f *fleet) resume(n *node, id string, losses int) {
	f.t.Helper()
	n.signal(syscall.SIGCONT)
	within(f.t, soon, n.name+" notices that its job is another's", func() bool {
		return n.log.losses(id) > losses || !slices.Contains(n.log.jobs(), id)
	})
	f.healthy()
}

// partStore parts a node from the database for as long as its jobs need to go on
// elsewhere. What was under way arrives late if nothing was cut.
func (f *fleet) partStore(tr *trial, s state) {
	f.t.Helper()
	n, id, p := tr.worker()
	tr.remove(id, p)
	n.toStore.set(s)
	f.takenOver(n, id, f.progress(id), time.Now(), "was parted from the database")
	n.toStore.set(carries)
	f.healthy()
}

// blink breaks all that is under way to the database, on all nodes, some times over.
func (f *fleet) blink(tr *trial) {
	f.t.Helper()
	const times = 5
	for range times {
		_, id, p := tr.worker()
		for _, n := range f.nodes {
			n.toStore.set(cuts)
			n.toStore.set(carries)
		}
		f.goesOn(id, p, "all connections broke")
	}
	f.healthy()
}

// loseAnswers breaks connections when the database has committed and is about to say
// so, until some batches have met that: what was done must not be done again.
func (f *fleet) loseAnswers(tr *trial) {
	f.t.Helper()
	lost := func() (n int) {
		for _, node := range f.nodes {
			n += node.toStore.lostBatches()
		}
		return n
	}
	const enough = 3
	want := lost() + enough
	for _, n := range f.nodes {
		n.toStore.loseAnswers(true)
	}
	within(f.t, soon, "batches are committed without an answer", func() bool {
		tr.worker() // or there would be none
		return lost() >= want
	})
	for _, n := range f.nodes {
		n.toStore.loseAnswers(false)
	}
	f.healthy()
	f.t.Logf("%d batches were committed without an answer", lost()-want+enough)
}

// partObjects parts a node from the S3 until its job has gone on elsewhere, or for longer
// than a lease if it is borne in place.
func (f *fleet) partObjects(tr *trial, s state) {
	f.t.Helper()
	n, id, p := tr.worker()
	n.toObjects.set(s)
	heal, elsewhere := time.Now().Add(2*lease), false
	within(f.t, soon, "the S3 is back", func() bool {
		elsewhere = f.progress(id).beyond(p)
		return elsewhere || time.Now().After(heal)
	})
	n.toObjects.set(carries)
	if elsewhere {
		f.t.Logf("%s was parted from the S3 at record %d; a worker under a new lease went on", n.name, p.record)
		return
	}
	f.goesOn(id, f.progress(id), n.name+" was parted from the S3, and is back")
}

// crashDatabase stops the database as if its machine had lost power, and starts it
// again.
func (f *fleet) crashDatabase(tr *trial) {
	f.t.Helper()
	_, id, p := tr.worker()
	tr.remove(id, p)
	p = f.progress(id)
	f.server.Crash(f.t)
	f.server.Resume(f.t)
	f.goesOn(id, p, "the database crashed")
	f.healthy()
}

// promote ends the database in the middle of a job and puts a standby in its place, of
// which the nodes learn only that their connections break.
func (f *fleet) promote(tr *trial) {
	f.t.Helper()
	standby := f.server.Standby(f.t)
	_, id, p := tr.worker()
	tr.remove(id, p)
	before := f.server.Address()
	f.server.Crash(f.t)
	standby.Promote(f.t)
	f.server, f.database = standby, strings.Replace(f.database, before, standby.Address(), 1)
	p = f.progress(id)
	for _, n := range f.nodes {
		n.toStore.aim(standby.Address())
		n.toStore.set(cuts)
		n.toStore.set(carries)
	}
	f.goesOn(id, p, "the standby was promoted")
	f.healthy()
}
