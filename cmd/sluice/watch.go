package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
)

// watcher shows how an upload and a job go on: as a bar on a terminal, as a line now
// and then elsewhere, and not at all with --json or --quiet.
type watcher struct {
	json    bool
	quiet   bool
	out     io.Writer   // for how it ended
	errs    io.Writer   // for progress
	line    *statusLine // of the terminal that errs is; nil prints plain lines
	jobInfo jobInfo     // of the job that is watched
}

// waitingEvery is how often it is asked why a job does not go on.
const waitingEvery = time.Second

func newWatcher(cmd *cobra.Command, json, quiet bool) *watcher {
	w := &watcher{json: json, quiet: quiet || json, out: cmd.OutOrStdout(), errs: cmd.ErrOrStderr()}
	if w.line = newStatusLine(w.errs, os.Getenv); w.line != nil {
		w.errs = w.line
	}
	return w
}

// uploading returns r, showing what is read from it.
func (w *watcher) uploading(r io.Reader, size int64) io.Reader {
	m := w.newMeter("uploading")
	if m == nil {
		return r
	}
	return &metered{r: r, m: m, size: size}
}

// metered shows what is read.
type metered struct {
	r          io.Reader
	m          *meter
	done, size int64
}

func (r *metered) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.done += int64(n)
	r.m.showBytes(r.done, r.size)
	if err != nil {
		r.m.end()
	}
	return n, err
}

// watch asks how a job is until it has ended, shows it, and returns a *jobError if it
// did not end well.
func (w *watcher) watch(ctx context.Context, c *client, id string, ask func(context.Context) (progress, error)) error {
	o, err := w.follow(ctx, c, id, ask)
	o.command = c.command("report", id)
	if w.line != nil {
		w.line.clear() // also of what was interrupted
	}
	var away *awayError
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return &interruptedError{signalOf(ctx), fmt.Sprintf("interrupted; job %s goes on: %s, or %s", id, c.command("job", id, "--watch"), c.command("stop", id))}
	case errors.As(err, &away):
		return fmt.Errorf("%w\nJob %s goes on when the server is back. To see it, or to stop it:\n  %s\n  %s",
			err, id, c.command("job", id, "--watch"), c.command("stop", id))
	default:
		return err
	}
	if w.json {
		err = w.printJSON(ctx, c, o)
	} else {
		if j, askErr := c.once().ownJob(ctx, id); askErr == nil && j.Finished != nil && j.Started != nil {
			o.setTook(seconds(j.Seconds)) // what was measured here ends with the last question
		}
		_, err = fmt.Fprintln(w.out, o)
	}
	if err != nil {
		return err
	}
	return o.exit()
}

// follow is watch without the end.
func (w *watcher) follow(ctx context.Context, c *client, id string, ask func(context.Context) (progress, error)) (outcome, error) {
	began := time.Now()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	show := w.shower(ctx, c, id)
	c.reconnect.waitFor("job %s goes on", id)
	waiting := w.waitingOf(c, id)
	for {
		p, err := ask(ctx)
		if err != nil {
			return outcome{}, err
		}
		if !p.final() {
			waiting(ctx, &p)
		}
		if p.final() {
			show(p, true)
			return newOutcome(id, p, time.Since(began)), nil
		}
		show(p, false)
		select {
		case <-ctx.Done():
			return outcome{}, ctx.Err()
		case <-tick.C:
		}
	}
}

// waitingOf returns the function that adds to the progress of a job why it waits, asking
// Sluice's own API now and then: those of AWS have no word for it.
func (w *watcher) waitingOf(c *client, id string) func(ctx context.Context, p *progress) {
	last, next, known := "", time.Now().Add(waitingEvery), !w.quiet
	return func(ctx context.Context, p *progress) {
		if now := time.Now(); known && p.Waiting == "" && now.After(next) {
			next = now.Add(waitingEvery)
			j, err := c.once().ownJob(ctx, id)
			if err != nil && !isUnavailable(err) { // not Sluice, or it cannot tell
				known = false
			}
			last = j.Waiting
		}
		if p.Waiting == "" {
			p.Waiting = last
		}
	}
}

// shower returns the function that shows one state of a job.
func (w *watcher) shower(ctx context.Context, c *client, id string) func(p progress, end bool) {
	m, waiting, own := w.newMeter("importing"), "", true
	if m == nil {
		return func(progress, bool) {}
	}
	return func(p progress, end bool) {
		if end {
			m.end()
			return
		}
		if p.Waiting != waiting {
			if waiting = p.Waiting; waiting != "" {
				fmt.Fprintln(w.errs, "waiting:", waiting)
			}
		}
		// Only Sluice says how far the file is read.
		var done, size int64
		if own && (m.line != nil || !m.now().Before(m.next)) {
			j, err := c.once().ownJob(ctx, id)
			if own = err == nil || isUnavailable(err); err == nil && j.BytesRead <= j.Source.Size {
				done, size = j.BytesRead, j.Source.Size
			}
		}
		m.showRows(p, done, size)
	}
}
