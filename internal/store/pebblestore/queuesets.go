package pebblestore

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"github.com/sluicehq/sluice/internal/store"
)

// set is where the queue has a job.
type set uint8

const (
	nowhere set = iota
	claimable
	leased
	paused
)

// pause is how long nobody may claim a job, and how long the holder that gave it up may
// not.
type pause struct {
	Until  time.Time `json:",omitzero"`
	Holder string    `json:",omitempty"`
	Avoid  time.Time `json:",omitzero"`
}

func (q *queue) init() {
	q.jobs, q.claimable, q.leased = map[jobKey]*queued{}, map[string]*turns{}, map[*queued]struct{}{}
	q.paused = nil
}

// turns are the claimable jobs of an account, lowest turn first: those to be tried for the
// first time or after progress, and those to be tried again.
type turns struct{ first, again []*queued }

func (t *turns) of(retries bool) *[]*queued {
	if retries {
		return &t.again
	}
	return &t.first
}

// put puts a job into the set where it belongs. It is in none.
func (q *queue) put(e *queued, now time.Time) {
	switch {
	case e.claimed || e.live(now):
		e.set = leased
		q.leased[e] = struct{}{}
	case now.Before(e.pause.Until):
		e.set = paused
		heap.Push(&q.paused, e)
	default:
		e.set, e.retries = claimable, e.retry
		account := e.key.owner.Account
		t := q.claimable[account]
		if t == nil {
			t = new(turns)
			q.claimable[account] = t
		}
		list := t.of(e.retries)
		i, _ := slices.BinarySearchFunc(*list, e, byTurn)
		*list = slices.Insert(*list, i, e)
	}
}

// take takes a job out of the set that it is in.
func (q *queue) take(e *queued) {
	switch e.set {
	case leased:
		delete(q.leased, e)
	case paused:
		heap.Remove(&q.paused, e.place)
	case claimable:
		account := e.key.owner.Account
		t := q.claimable[account]
		list := t.of(e.retries)
		if i, found := slices.BinarySearchFunc(*list, e, byTurn); found && i == 0 {
			(*list)[0] = nil
			*list = (*list)[1:] // what Claim does most, without moving the others
		} else if found {
			*list = slices.Delete(*list, i, i+1)
		}
		if len(t.first)+len(t.again) == 0 {
			delete(q.claimable, account)
		}
	}
	e.set = nowhere
}

func byTurn(a, b *queued) int {
	return cmp.Or(cmp.Compare(a.turn, b.turn), cmp.Compare(a.number, b.number))
}

// settle moves the jobs whose leases or pauses are over, and counts the live leases of
// each account, of jobs that are tried again or of the others.
func (q *queue) settle(now time.Time, retries bool) map[string]int {
	working := make(map[string]int)
	for e := range q.leased {
		if e.claimed || e.live(now) {
			if e.retry == retries {
				working[e.key.owner.Account]++
			}
			continue
		}
		q.take(e)
		q.put(e, now)
	}
	for len(q.paused) > 0 && !now.Before(q.paused[0].pause.Until) {
		e := q.paused[0]
		q.take(e)
		q.put(e, now)
	}
	return working
}

// next returns the job to be claimed next; nil if there is none.
func (q *queue) next(w store.Wanted, now time.Time) *queued {
	working := q.settle(now, w.Retries)
	var best *queued
	for _, t := range q.claimable {
		for _, e := range *t.of(w.Retries) {
			if w.MaxSize != 0 && e.size > w.MaxSize || e.pause.Holder == w.Holder && now.Before(e.pause.Avoid) {
				continue
			}
			if best == nil || before(e, best, working) {
				best = e
			}
			break // the others of the account come after it
		}
	}
	return best
}

func before(a, b *queued, working map[string]int) bool {
	if n, m := working[a.key.owner.Account], working[b.key.owner.Account]; n != m {
		return n < m
	}
	return a.turn < b.turn
}

// pausedHeap has the job whose pause ends first at its top.
type pausedHeap []*queued

func (h pausedHeap) Len() int           { return len(h) }
func (h pausedHeap) Less(i, j int) bool { return h[i].pause.Until.Before(h[j].pause.Until) }

func (h pausedHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

// Push implements heap.Interface.
func (h *pausedHeap) Push(x any) {
	e := x.(*queued) // nothing else is pushed
	e.place = len(*h)
	*h = append(*h, e)
}

// Pop implements heap.Interface.
func (h *pausedHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return e
}
