package maintenance

import (
	"fmt"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/redact"
)

// tally is what a duty has removed in a round, and what it could not remove.
type tally struct {
	count, bytes int64
	removed      func(count, bytes int64) // called with what is added
	failures     int
	first        error // of the failures
}

func (t *tally) add(count, bytes int64) {
	t.count += count
	t.bytes += bytes
	t.removed(count, bytes)
}

// maxFailures is after how many objects or jobs that cannot be removed a duty ends.
const maxFailures = 1000

// skip is called with the error of one object or job, and its key, if it has one. It
// returns nil if the duty should go on with the others: one that cannot be read or removed
// must not keep those behind it for ever. Otherwise, as the others would fail as well, it
// returns the error. The key is in no error that it returns or keeps.
func (t *tally) skip(key string, err error) error {
	if err == nil {
		return nil
	}
	redacted := redact.New(key).Error(err)
	switch fault.KindOf(err) {
	case fault.Canceled, fault.DeadlineExceeded, fault.Unavailable, fault.Throttled, fault.StorageFull:
		return redacted
	}
	if t.failures++; t.first == nil {
		t.first = redacted
	}
	if t.failures >= maxFailures {
		return t.failure()
	}
	return nil
}

// failure returns an error if something was skipped.
func (t *tally) failure() error {
	if t.first == nil {
		return nil
	}
	return fmt.Errorf("%d could not be removed; the first: %w", t.failures, t.first)
}
