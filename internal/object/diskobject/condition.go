package diskobject

import (
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
)

// Condition is what must hold for the object at a name. It is checked in the same index
// step as the change that depends on it. The zero value always holds.
type Condition struct {
	Absent   bool      // there is no object (If-None-Match: *)
	ETag     string    // there is an object with this ETag; "*" means any (If-Match)
	Size     *int64    // an object, if there is one, has this size
	Modified time.Time // an object, if there is one, was modified in this second
}

var errCondition = fault.New(fault.PreconditionFailed, "At least one of the pre-conditions you specified did not hold")

// check returns fault.PreconditionFailed if the condition does not hold, and
// fault.NotFound if it asks for an ETag and there is no object.
func (c Condition) check(from reader, n object.Name) error {
	if c == (Condition{}) {
		return nil
	}
	e, err := lookup(from, n)
	if fault.Is(err, fault.NotFound) {
		if c.ETag != "" {
			return err
		}
		return nil
	}
	if err == nil && !c.holds(e) {
		err = errCondition
	}
	return err
}

// holds reports whether the condition holds for an object that exists.
func (c Condition) holds(e entry) bool {
	return !c.Absent &&
		(c.ETag == "" || c.ETag == "*" || c.ETag == e.ETag) &&
		(c.Size == nil || *c.Size == e.Size) &&
		sameSecond(c.Modified, e.Modified)
}

// sameSecond compares at the precision that HTTP has for times. The zero time means
// that the caller does not say.
func sameSecond(want, got time.Time) bool {
	return want.IsZero() || want.Unix() == got.Unix()
}
