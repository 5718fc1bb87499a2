package job

import (
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
)

func TestBecome(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	all := []State{Created, Processing, Completed, Failed, Stopped}
	allowed := map[[2]State]bool{
		{Created, Processing}: true, {Created, Failed}: true, {Created, Stopped}: true,
		{Processing, Completed}: true, {Processing, Failed}: true, {Processing, Stopped}: true,
	}
	for _, from := range all {
		for _, to := range all {
			j := Job{ID: "j1", State: from}
			err := j.Become(to, at)
			switch {
			case allowed[[2]State{from, to}]:
				if err != nil || j.State != to {
					t.Errorf("%s Become %s = %v, state %s; want the new state", from, to, err, j.State)
				}
				if to.Final() != (j.Finished == at) || (to == Processing) != (j.Started == at) {
					t.Errorf("%s Become %s: started %v, finished %v", from, to, j.Started, j.Finished)
				}
				if j.Ready != (to == Processing) {
					t.Errorf("%s Become %s: ready = %t", from, to, j.Ready)
				}
			case !fault.Is(err, fault.Conflict) || j.State != from:
				t.Errorf("%s Become %s = %v, state %s; want Conflict and no change", from, to, err, j.State)
			}
		}
	}
}

func TestLeaseLive(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, c := range []struct {
		name string
		l    Lease
		want bool
	}{
		{"never held", Lease{Until: now.Add(time.Hour)}, false},
		{"held", Lease{Holder: "n1", Until: now.Add(time.Second)}, true},
		{"over", Lease{Holder: "n1", Until: now}, false},
	} {
		if got := c.l.Live(now); got != c.want {
			t.Errorf("%s: Live = %t, want %t", c.name, got, c.want)
		}
	}
}

// TestBecomeWithClockSetBack: the times of a job keep their order.
func TestBecomeWithClockSetBack(t *testing.T) {
	t.Parallel()
	created := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name              string
		start, finish     time.Duration // since the creation, by the clock
		started, finished time.Duration
	}{
		{"clock goes on", time.Minute, 2 * time.Minute, time.Minute, 2 * time.Minute},
		{"set back while it runs", time.Hour, -time.Hour, time.Hour, time.Hour},
		{"set back before the start", -time.Hour, -30 * time.Minute, 0, 0},
	} {
		for _, final := range []State{Completed, Failed, Stopped} {
			j := Job{State: Created, Created: created}
			if err := j.Become(Processing, created.Add(c.start)); err != nil {
				t.Fatal(err)
			}
			if err := j.Become(final, created.Add(c.finish)); err != nil {
				t.Fatal(err)
			}
			if s, f := j.Started.Sub(created), j.Finished.Sub(created); s != c.started || f != c.finished {
				t.Errorf("%s, %s: started %v and finished %v after the creation, want %v and %v", c.name, final, s, f, c.started, c.finished)
			}
		}
	}
	j := Job{State: Created, Created: created}
	if err := j.Become(Stopped, created.Add(-time.Hour)); err != nil || j.Finished.Before(created) {
		t.Errorf("stopped before it started, with the clock set back: finished %v, %v; want no earlier than %v", j.Finished, err, created)
	}
}
