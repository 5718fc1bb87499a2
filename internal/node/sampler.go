package node

import (
	"context"
	"sync"
	"time"
)

// sampler measures something that takes a while, for all that ask, and no more than once
// in a time. Who asks waits for a moment, and then gets what was measured before.
type sampler[T any] struct {
	every   time.Duration
	measure func(context.Context) (T, error)

	mu      sync.Mutex
	last    T
	known   bool      // something has been measured
	began   time.Time // when the last measurement did
	running chan struct{}
	all     sync.WaitGroup
}

const (
	// sampleWait is how long a scrape waits for a measurement.
	sampleWait = time.Second
	// sampleWithin is how long a measurement of a store may take.
	sampleWithin = 10 * time.Second
)

// get returns what was measured last, and false if nothing was yet.
func (s *sampler[T]) get() (T, bool) {
	wait := time.NewTimer(sampleWait)
	defer wait.Stop()
	select {
	case <-s.start():
	case <-wait.C:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, s.known
}

// start begins a measurement, if the last one is old. The channel is closed when there is
// none to wait for.
func (s *sampler[T]) start() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		return s.running
	}
	done := make(chan struct{})
	if !s.began.IsZero() && time.Since(s.began) < s.every {
		close(done)
		return done
	}
	s.began, s.running = time.Now(), done
	s.all.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), sampleWithin)
		defer cancel()
		v, err := s.measure(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.last, s.known, s.running = v, err == nil, nil // nothing is shown rather than what is no longer so
		close(done)
	})
	return done
}

// close waits for a measurement that runs: it uses what is closed next.
func (s *sampler[T]) close() error {
	s.all.Wait()
	return nil
}
