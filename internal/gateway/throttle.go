package gateway

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/sluicehq/sluice/internal/caller"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/wire"
)

// Rate says how many calls a second an account may make to an operation, and the name
// of the allowance that they are taken from, which operations may share. 0 is no limit.
type Rate func(api, operation string) (allowance string, perSecond float64)

// saved is how long what is not called may be saved up for later: a caller may be still
// for that long and then make all those calls at once. AWS publishes rates and no
// bursts; a program that does three things and then sleeps is within the rates' meaning.
const saved = 5 * time.Second

// throttle keeps callers to their rates, by a bucket of tokens for each allowance. A
// bucket that is full is the same as none, so those of callers who are still are
// dropped, and memory is bounded by the calls of the last seconds.
type throttle struct {
	rate Rate

	mu      sync.Mutex
	buckets map[bucket]*rate.Limiter
	swept   time.Time
}

// bucket names an allowance of an account in a region: AWS counts in each by itself.
type bucket struct{ account, region, allowance string }

func newThrottle(r Rate) *throttle {
	return &throttle{rate: r, buckets: map[bucket]*rate.Limiter{}}
}

// admit takes a token for a call. Without one it returns a fault.Throttled, and the
// header tells the caller when to come again, in whole seconds as RFC 9110, section
// 10.2.3, has it.
func (t *throttle) admit(h http.Header, c caller.Caller, m wire.Match) error {
	allowance, perSecond := t.rate(m.API.Name, m.Operation.Name)
	if perSecond <= 0 {
		return nil
	}
	missing := t.take(bucket{c.Account, c.Region, allowance}, perSecond)
	if missing <= 0 {
		return nil
	}
	h.Set("Retry-After", strconv.Itoa(int(math.Ceil(missing/perSecond))))
	return fault.New(fault.Throttled, "Rate exceeded: an account may make %g such calls a second", perSecond)
}

// take takes a token from a bucket, or returns how much of one is missing.
func (t *throttle) take(b bucket, perSecond float64) (missing float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	t.sweep(now)
	limiter := t.buckets[b]
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond*saved.Seconds())))
		t.buckets[b] = limiter
	}
	if limiter.AllowN(now, 1) {
		return 0
	}
	return 1 - limiter.TokensAt(now)
}

// sweep drops the buckets that are full, now and then.
func (t *throttle) sweep(now time.Time) {
	if now.Sub(t.swept) < saved {
		return
	}
	t.swept = now
	for b, limiter := range t.buckets {
		if limiter.TokensAt(now) >= float64(limiter.Burst()) {
			delete(t.buckets, b)
		}
	}
}
