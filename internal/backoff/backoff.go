// Package backoff computes how long to wait before something is tried again, and waits.
//
// In come the number of attempts that failed and, to wait, a context; out come pauses that
// grow up to a bound. What is tried again, for how long, and after which errors, is the
// caller's decision.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Policy is how pauses grow. Each is Factor times the one before.
type Policy struct {
	First  time.Duration
	Max    time.Duration
	Factor int // 0 is 2
}

// Pause returns the pause after so many failed attempts in a row.
func (p Policy) Pause(attempts int) time.Duration {
	factor := time.Duration(p.Factor)
	if factor == 0 {
		factor = 2
	}
	pause := p.First
	for range attempts - 1 {
		if pause >= p.Max/factor {
			return p.Max
		}
		pause *= factor
	}
	return min(pause, p.Max)
}

// Jitter returns a random time from half of a pause up to one and a half times it, so
// that several that failed at the same moment do not meet again.
func Jitter(pause time.Duration) time.Duration {
	if pause <= 0 {
		return 0
	}
	return pause/2 + rand.N(pause)
}

// Wait waits for the length of a pause, or until ctx is done, and returns its error then.
func Wait(ctx context.Context, pause time.Duration) error {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
