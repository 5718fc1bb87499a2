package backoff

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestPause(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		policy Policy
		want   []time.Duration // after 1, 2, 3 … attempts
	}{
		{Policy{First: 5, Max: 100}, []time.Duration{5, 10, 20, 40, 80, 100, 100}},
		{Policy{First: 5, Max: 80}, []time.Duration{5, 10, 20, 40, 80, 80}},
		{Policy{First: 1, Max: 60, Factor: 4}, []time.Duration{1, 4, 16, 60, 60}},
		{Policy{First: 10, Max: 3}, []time.Duration{3, 3}},
		{Policy{First: time.Hour, Max: math.MaxInt64}, []time.Duration{time.Hour, 2 * time.Hour}},
	} {
		var got []time.Duration
		for i := range tt.want {
			got = append(got, tt.policy.Pause(i+1))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%+v: %v, want %v", tt.policy, got, tt.want)
		}
	}
	long := Policy{First: time.Second, Max: math.MaxInt64}
	if got := long.Pause(math.MaxInt32); got != math.MaxInt64 {
		t.Errorf("the pause after very many attempts: %v, want the maximum", got)
	}
	if got := long.Pause(0); got != time.Second {
		t.Errorf("the pause after no attempt: %v, want the first", got)
	}
}

func TestJitter(t *testing.T) {
	t.Parallel()
	for range 1000 {
		if got := Jitter(time.Second); got < time.Second/2 || got >= 3*time.Second/2 {
			t.Fatalf("Jitter(1s): %v, want from 0.5s up to 1.5s", got)
		}
	}
	if got := Jitter(0); got != 0 {
		t.Errorf("Jitter(0): %v, want 0", got)
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := Wait(t.Context(), time.Minute); err != nil || time.Since(began) != time.Minute {
			t.Errorf("Wait: %v after %v, want nil after a minute", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := Wait(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute+time.Second {
			t.Errorf("Wait: %v after %v, want DeadlineExceeded a second later", err, time.Since(began))
		}
	})
}
