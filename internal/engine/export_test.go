package engine

import (
	"fmt"
	"runtime"

	"github.com/sluicehq/sluice/internal/destination"
)

// WithRule returns options whose jobs are decided by what wrap makes of their rules.
func (o Options) WithRule(wrap func(destination.Rule) destination.Rule) Options {
	o.wrapRule = wrap
	return o
}

// Missing returns what attempts have not given back. It is called after Run has returned.
func (e *Engine) Missing() (missing []string) {
	expect := func(what string, got, want int64) {
		if got != want {
			missing = append(missing, fmt.Sprintf("%s: %d, want %d", what, got, want))
		}
	}
	grown := int64(0) // bytes that free batches have
	batches := func(what string, pool chan *buffer, want int, mayGrow bool) {
		expect(what, int64(len(pool)), int64(want))
		for range len(pool) {
			b := <-pool
			if b.size() > 0 {
				missing = append(missing, what+": one that is not empty")
			}
			if !mayGrow {
				expect(what+": room of one", b.room, batchBase)
			}
			grown += b.room - batchBase
			pool <- b
		}
	}
	slots := func(what string, pool chan *slot, want int) {
		expect(what, int64(len(pool)), int64(want))
		for range len(pool) {
			s := <-pool
			if !s.retries {
				batches(what+": batches", s.batches, 1, false)
			} else if s.batches != nil {
				missing = append(missing, what+": one with batches")
			}
			pool <- s
		}
	}
	slots("slots", e.slots, e.options.Jobs)
	slots("small slots", e.smallSlots, 1)
	slots("slots of retries", e.retries.slots, retryAttempts)
	expect("patient retries", int64(len(e.retries.patient)), 0)
	for what, t := range map[string]*turn{"turn": e.retries.turn, "short turns": e.retries.short} {
		expect(what+" that are free", int64(len(t.free)), int64(cap(t.free)))
		expect(what+" that are waited for", t.waiting.Load(), 0)
		for range len(t.free) {
			own := <-t.free
			batches(what+": batches", own, 1, false)
			t.free <- own
		}
	}
	batches("shared batches", e.batches, cap(e.batches), true)
	expect("batches being prepared", int64(len(e.preparing)), 0)
	if !e.memory.inFlight.TryAcquire(e.memory.most) {
		missing = append(missing, "memory of batches in flight")
	}
	if all := fillingPerCore * (int64(runtime.GOMAXPROCS(0)) + 1); !e.memory.filling.TryAcquire(all - grown) {
		missing = append(missing, "memory of batches that are filled")
	}
	return missing
}
