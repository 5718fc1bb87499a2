package fleet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// writers change single entries of a suppression list through all nodes, and remember
// what was acknowledged.
type writers struct {
	f      *fleet
	region string
	stop   context.CancelFunc
	all    sync.WaitGroup

	mu       sync.Mutex
	certain  map[string]string   // address to reason; "" is absent
	possible map[string][]string // the same where an answer did not come: it may have been done, or be done later
	unheard  int

	acknowledged longest // writes
}

const (
	writing  = 3                     // writers at once
	interval = 25 * time.Millisecond // of each
	answer   = 2 * time.Second       // is waited for so long
)

// startWriters starts the writers. They also take imported addresses off the list as
// soon as those are committed, which a replay must not undo.
func (f *fleet) startWriters(region string) *writers {
	w := &writers{f: f, region: region, certain: map[string]string{}, possible: map[string][]string{}}
	ctx, cancel := context.WithCancel(f.t.Context())
	w.stop = cancel
	for i := range writing {
		random := rand.New(rand.NewPCG(f.random.Uint64(), uint64(i)))
		w.all.Go(func() { w.write(ctx, random, i) })
	}
	return w
}

// end stops the writers and waits for the answers that are under way.
func (w *writers) end() {
	w.stop()
	w.all.Wait()
}

func (w *writers) write(ctx context.Context, random *rand.Rand, writer int) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		address := fmt.Sprintf("write%d@writer%d.example", i, writer)
		changes := []string{"BOUNCE"}
		switch random.IntN(4) {
		case 0:
			changes = append(changes, "COMPLAINT")
		case 1:
			changes = append(changes, "")
		}
		for _, reason := range changes {
			if !w.change(random, address, reason) {
				break
			}
		}
		if random.IntN(4) == 0 {
			w.look(random, address)
		}
	}
}

// node is not the fleet's any, whose chance is the test's own.
func (w *writers) node(random *rand.Rand) *node { return w.f.nodes[random.IntN(len(w.f.nodes))] }

// change gives an address a reason, or removes it for "", and reports whether that was
// acknowledged.
func (w *writers) change(random *rand.Rand, address, reason string) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.f.t.Context()), answer)
	defer cancel()
	mail := w.node(random).mail(w.region)
	var err error
	if reason == "" {
		_, err = mail.DeleteSuppressedDestination(ctx, &sesv2.DeleteSuppressedDestinationInput{EmailAddress: &address})
	} else {
		_, err = mail.PutSuppressedDestination(ctx, &sesv2.PutSuppressedDestinationInput{
			EmailAddress: &address, Reason: types.SuppressionListReason(reason),
		})
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.unheard++
		w.possible[address] = append(w.possible[address], w.certain[address], reason)
		delete(w.certain, address)
		return false
	}
	w.certain[address] = reason
	w.acknowledged.event()
	return true
}

// look reads an address through any node. What the last acknowledged change made of it
// is what every node tells at once.
func (w *writers) look(random *rand.Rand, address string) {
	w.mu.Lock()
	want, certain := w.certain[address]
	w.mu.Unlock()
	if !certain {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.f.t.Context()), answer)
	defer cancel()
	n := w.node(random)
	got, err := n.mail(w.region).GetSuppressedDestination(ctx, &sesv2.GetSuppressedDestinationInput{EmailAddress: &address})
	var absent *types.NotFoundException
	switch {
	case err == nil && string(got.SuppressedDestination.Reason) != want:
		w.f.t.Errorf("%s tells %s for %s just after it became %q", n.name, got.SuppressedDestination.Reason, address, want)
	case errors.As(err, &absent) && want != "":
		w.f.t.Errorf("%s knows nothing of %s just after it became %q", n.name, address, want)
	}
}

// expect returns the entries that must be there and those that may.
func (w *writers) expect() (certain map[string]string, possible map[string][]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.certain), maps.Clone(w.possible)
}
