package s3

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
)

// received is a request's body. What goes wrong while it arrives is the caller's fault
// or the network's, and is named so.
type received struct{ io.ReadCloser }

func (b received) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, fmt.Errorf("%w: %w", errStalled, err)
	}
	return n, fmt.Errorf("%w: %w", errIncomplete, err)
}

var (
	errStalled = failure{"RequestTimeout", http.StatusBadRequest, "Your socket connection to the server was not read from or written to within the timeout period."}
	// errIncomplete is a body that ends early, or whose Transfer-Encoding is broken.
	errIncomplete = failure{"IncompleteBody", http.StatusBadRequest, "You did not provide the number of bytes specified by the Content-Length HTTP header"}
)
