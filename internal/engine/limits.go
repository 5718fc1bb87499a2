package engine

import (
	"math"

	"github.com/sluicehq/sluice/internal/fault"
)

// unpackFree is how much any compressed source may unpack to.
const unpackFree = 1 << 30

// maxText is how much a compressed source of so many bytes may unpack to; 0 is no limit.
func (o Options) maxText(size int64) int64 {
	if o.MaxUnpack <= 0 || size > (math.MaxInt64-unpackFree)/o.MaxUnpack {
		return 0
	}
	return unpackFree + o.MaxUnpack*size
}

// checkRejections fails a job that has more rejections than it may have.
func (a *attempt) checkRejections(n int64) error {
	if most := a.engine.options.MaxRejections; most > 0 && n > most {
		return fault.New(fault.LimitExceeded, "more than %d records were rejected, the most that one job may have; the rest of the source was not imported", most)
	}
	return nil
}
