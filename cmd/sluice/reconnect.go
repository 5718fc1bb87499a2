package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

const (
	// askTime is how long one question about a job may take.
	askTime = 30 * time.Second
	// The pauses between attempts to reach a server that went away.
	firstPause, longestPause = 100 * time.Millisecond, 10 * time.Second
)

func waitFlag(cmd *cobra.Command, wait *time.Duration) {
	cmd.Flags().DurationVar(wait, "wait", 10*time.Minute, "how long to wait for a server that went away during the import")
}

// isUnavailable reports whether an error of a call says that the server is away or
// restarting, and not what it thinks of the call.
func isUnavailable(err error) bool {
	var r *refusal
	var certificate *tls.CertificateVerificationError
	switch {
	case err == nil, errors.As(err, &certificate):
		return false
	case errors.As(err, &r):
		return r.Status >= 500
	}
	return true
}

// reconnecting returns ask with patience: when the server is away, it asks again, with
// growing pauses, until the server is back or the watcher's time to wait is over.
func (w *watcher) reconnecting(c *client, id string, ask func(context.Context) (progress, error)) func(context.Context) (progress, error) {
	bounded := func(ctx context.Context) (progress, error) {
		ctx, cancel := context.WithTimeout(ctx, askTime)
		defer cancel()
		return ask(ctx)
	}
	return func(ctx context.Context) (progress, error) {
		p, err := bounded(ctx)
		if !isUnavailable(err) || ctx.Err() != nil {
			return p, err
		}
		fmt.Fprintf(w.errs, "lost the connection: %v\nwaiting up to %s for the server; job %s goes on when it is back\n",
			err, shortDuration(w.wait), id)
		began := time.Now()
		for pause := firstPause; ; pause = min(2*pause, longestPause) {
			left := w.wait - time.Since(began)
			if left <= 0 {
				return p, fmt.Errorf("no answer for %s: %w; job %s goes on when the server is back: sluice job %s --watch, or sluice stop %s",
					shortDuration(w.wait), err, id, id, id)
			}
			select {
			case <-ctx.Done():
				return p, ctx.Err()
			case <-time.After(min(pause, left)):
			}
			c.relocate()
			if p, err = bounded(ctx); !isUnavailable(err) || ctx.Err() != nil {
				if err == nil {
					fmt.Fprintln(w.errs, "connected again")
				}
				return p, err
			}
		}
	}
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
	if d >= time.Minute && d%time.Minute == 0 {
		text = text[:len(text)-len("0s")]
	}
	if d >= time.Hour && d%time.Hour == 0 {
		text = text[:len(text)-len("0m")]
	}
	return text
}
