package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/internal/backoff"
)

// askTime is how long a call may take when it can be made again.
const askTime = 30 * time.Second

// pauses are those between attempts to reach a server that went away.
var pauses = backoff.Policy{First: 100 * time.Millisecond, Max: 10 * time.Second}

func waitFlag(cmd *cobra.Command, wait *time.Duration) {
	cmd.Flags().DurationVar(wait, "wait", 10*time.Minute, "`time` to wait for a server that goes away, such as for a restart")
	cmd.Flags().Lookup("wait").DefValue = shortDuration(10 * time.Minute)
}

// isUnavailable reports whether an error of a call says that the server is away or
// restarting, so that the same call may succeed later.
func isUnavailable(err error) bool {
	var r *refusal
	var certificate *tls.CertificateVerificationError
	var away *awayError
	var final *finalError
	switch {
	case err == nil, errors.As(err, &certificate), errors.As(err, &away), errors.As(err, &final):
		return false
	case errors.As(err, &r):
		return r.isTransient()
	}
	return true
}

// isTransient reports whether the server may answer the same call otherwise in a while.
func (r *refusal) isTransient() bool {
	switch r.Status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// awayError says that the server went away and did not come back in time.
type awayError struct {
	wait  time.Duration
	cause error
}

func (e *awayError) Error() string {
	return fmt.Sprintf("no answer for %s: %v", shortDuration(e.wait), e.cause)
}

func (e *awayError) Unwrap() error { return e.cause }

// reconnector makes calls again while the server is away. It begins to do so once the
// server has answered: an address where none ever was is an error at once.
type reconnector struct {
	wait  time.Duration // for each time that the server goes away
	notes io.Writer     // gets a line when the server goes away, and one when it is back
	then  string        // what happens when it is back, for people

	answered bool
	lostAt   time.Time // zero while the server answers
	nested   bool      // in a call of a call: the outer one is repeated
}

// reached notes that the server has answered.
func (r *reconnector) reached() {
	if r == nil {
		return
	}
	r.answered = true
	if !r.lostAt.IsZero() {
		r.lostAt = time.Time{}
		fmt.Fprintln(r.notes, "connected again")
	}
}

// remaining notes why a call failed, and returns how long there is left to wait.
func (r *reconnector) remaining(err error) time.Duration {
	if r.lostAt.IsZero() {
		r.lostAt = time.Now()
		var refused *refusal
		what := "lost the connection"
		if errors.As(err, &refused) {
			what = "the server is not ready"
		}
		fmt.Fprintf(r.notes, "%s: %v\nwaiting up to %s for the server", what, err, shortDuration(r.wait))
		if r.then != "" {
			fmt.Fprintf(r.notes, "; %s when it is back", r.then)
		}
		fmt.Fprintln(r.notes)
	}
	return r.wait - time.Since(r.lostAt)
}

// waitFor is what happens when the server is back after it goes away from now on.
func (r *reconnector) waitFor(format string, args ...any) {
	if r != nil {
		r.then = fmt.Sprintf(format, args...)
	}
}

// retrying makes a call, and makes it again while the server is away, with growing pauses,
// until it is back or the time to wait is over: that is an *awayError.
func (c *client) retrying(ctx context.Context, call func(context.Context) error) error {
	r := c.reconnect
	if r == nil || r.nested {
		return call(ctx)
	}
	r.nested = true
	defer func() { r.nested = false }()
	for failed := 1; ; failed++ {
		err := call(ctx)
		if !isUnavailable(err) || ctx.Err() != nil || !r.answered {
			return err
		}
		left := r.remaining(err)
		if left <= 0 {
			return &awayError{r.wait, err}
		}
		if err := backoff.Wait(ctx, min(pauses.Pause(failed), left)); err != nil {
			return err
		}
		c.relocate()
	}
}

// once returns a client that makes every call once: for calls that can be left out.
func (c *client) once() *client {
	one := *c
	one.reconnect = nil
	return &one
}

// relocate finds out where the server is now: one that was restarted on the same data
// directory may listen on another port.
func (c *client) relocate() {
	if c.locate == nil {
		return
	}
	if e, err := c.locate(); err == nil {
		c.endpoint = e.URL
	}
}

// shortDuration writes a duration without units that are zero: 10m, not 10m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	if d >= time.Minute && strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if d >= time.Hour && strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
