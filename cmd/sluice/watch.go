package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// watcher shows how an upload and a job go on: as a bar on a terminal, as a line now
// and then elsewhere, and not at all with --json or --quiet.
type watcher struct {
	json  bool
	quiet bool
	out   io.Writer // for how it ended
	errs  io.Writer // for progress
	bar   bool      // errs is a terminal
}

const (
	pollEvery = 100 * time.Millisecond
	lineEvery = 5 * time.Second
	// waitingEvery is how often it is asked why a job does not go on.
	waitingEvery = time.Second
)

func newWatcher(cmd *cobra.Command, json, quiet bool) *watcher {
	w := &watcher{json: json, quiet: quiet || json, out: cmd.OutOrStdout(), errs: cmd.ErrOrStderr()}
	if f, ok := w.errs.(*os.File); ok {
		w.bar = term.IsTerminal(int(f.Fd()))
	}
	return w
}

// uploading returns r, showing what is read from it.
func (w *watcher) uploading(r io.Reader, size int64) io.Reader {
	if w.quiet || !w.bar {
		return r
	}
	bar := w.newBar(size, "uploading", true)
	return io.TeeReader(r, bar)
}

func (w *watcher) newBar(size int64, what string, bytes bool) *progressbar.ProgressBar {
	return progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(w.errs),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(bytes),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(pollEvery),
		progressbar.OptionSetWidth(24),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionClearOnFinish(),
	)
}

// watch asks how a job is until it has ended, shows it, and returns a *jobError if it
// did not end well.
func (w *watcher) watch(ctx context.Context, c *client, id string, ask func(context.Context) (progress, error)) error {
	o, err := w.follow(ctx, c, id, ask)
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
		err = json.NewEncoder(w.out).Encode(o)
	} else {
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
		if took := time.Since(began); p.final() {
			show(p, took, true)
			return newOutcome(id, p, took), nil
		} else {
			show(p, took, false)
		}
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
func (w *watcher) shower(ctx context.Context, c *client, id string) func(p progress, took time.Duration, end bool) {
	switch {
	case w.quiet:
		return func(progress, time.Duration, bool) {}
	case !w.bar:
		next, waiting := lineEvery, ""
		return func(p progress, took time.Duration, end bool) {
			if p.Waiting != waiting && !end {
				if waiting = p.Waiting; waiting != "" {
					fmt.Fprintln(w.errs, "waiting:", waiting)
				}
			}
			if took >= next && !end {
				next += lineEvery
				fmt.Fprintln(w.errs, strings.TrimSpace(describe(p, took)))
			}
		}
	}
	bar := w.newBar(-1, "importing", false)
	sized := false
	return func(p progress, took time.Duration, end bool) {
		if end {
			_ = bar.Finish()
			_ = bar.Clear()
			return
		}
		if p.Waiting != "" {
			bar.Describe("waiting: " + p.Waiting)
		} else {
			bar.Describe(describe(p, took))
		}
		// Only Sluice tells how far the file is read; elsewhere the bar just moves.
		if j, err := c.once().ownJob(ctx, id); err == nil && j.Source.Size > 0 && j.BytesRead <= j.Source.Size {
			if !sized {
				bar.ChangeMax64(j.Source.Size)
				sized = true
			}
			_ = bar.Set64(j.BytesRead)
		}
	}
}

// describe tells counts and rate in a fixed width, so that the bar stays in place.
func describe(p progress, took time.Duration) string {
	if p.Uncounted {
		return "importing"
	}
	rate := int64(0)
	if took > 0 {
		rate = int64(float64(p.Imported+p.Rejected) / took.Seconds())
	}
	return fmt.Sprintf("%11s rows %9s/s %7s rejected", grouped(p.Imported+p.Rejected), grouped(rate), grouped(p.Rejected))
}
