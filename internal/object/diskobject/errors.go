package diskobject

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/sluicehq/sluice/internal/diskspace"
	"github.com/sluicehq/sluice/internal/fault"
)

var errShort = fault.New(fault.Unavailable, "the server is short of files that it may open, or of memory")

// toFault gives an error of the operating system the kind that a caller can act on: a full
// disk and a lack of resources pass. Damaged and missing blobs are found elsewhere, see
// Reader.damaged, and any other error nobody expects.
func toFault(err error) error {
	for _, short := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EAGAIN, syscall.EINTR} {
		if errors.Is(err, short) {
			return fmt.Errorf("%w: %w", errShort, err)
		}
	}
	return diskspace.ToFault(err)
}
