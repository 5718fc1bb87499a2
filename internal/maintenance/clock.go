package maintenance

import "time"

// clock notices when the machine's clock is set. Age is judged by that clock, and what is
// deleted for its age does not come back when a clock that was wrong is set right again.
type clock struct {
	began time.Time     // has a reading of the monotonic clock, which is never set
	wall  time.Time     // the machine's clock at that time
	ahead time.Duration // by how much it had been set forward when last looked at
	setAt time.Time     // when that was noticed last; zero if it never was
}

// mostStep is how far a clock may be set at once without being noticed.
const mostStep = time.Minute

func newClock(now time.Time) *clock {
	return &clock{began: time.Now(), wall: now.Round(0)}
}

// setForward returns by how much the machine's clock, now at now, was set forward since
// the last call; 0 if it was not, or by less than mostStep.
func (c *clock) setForward(now time.Time) time.Duration {
	ahead := now.Round(0).Sub(c.wall) - time.Since(c.began)
	step := ahead - c.ahead
	c.ahead = ahead
	if step < mostStep {
		return 0
	}
	c.setAt = time.Now()
	return step
}

// settled reports whether the clock was not set forward for some time.
func (c *clock) settled(d time.Duration) bool { return c.setAt.IsZero() || time.Since(c.setAt) >= d }
