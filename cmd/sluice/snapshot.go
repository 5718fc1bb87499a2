package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/sluicehq/sluice/internal/gateway/snapshots"
	"github.com/sluicehq/sluice/internal/sigv4"
)

// snapshotWaits is how long a server may be silent before it is taken for hung.
type snapshotWaits struct {
	first     time.Duration // before the snapshot is taken: a busy disk needs up to 35 s
	heartbeat time.Duration // between two heartbeats
}

var defaultWaits = snapshotWaits{first: time.Minute, heartbeat: 3 * snapshots.Heartbeat}

// withSnapshot takes a snapshot of the server that runs on a data directory of this
// machine, calls do with it, and releases it. The context that do gets ends when the
// server ends the snapshot or falls silent, with the reason as its cause.
func withSnapshot(ctx context.Context, data string, getenv func(string) string, waits snapshotWaits, do func(context.Context, snapshots.Snapshot) error) error {
	t, err := findClientConfig(data, "", getenv)
	if err != nil {
		return fmt.Errorf("another process has the directory open, a server that is just starting or another check: %w", err)
	}
	c, err := t.client()
	if err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	silent := time.AfterFunc(waits.first, func() { end(silentError(t.URL, waits.first)) })
	defer silent.Stop()
	resp, err := c.send(ctx, ownAPI, http.MethodPost, snapshots.Path, nil, nil, 0, sigv4.EmptyPayload)
	if err != nil {
		return fmt.Errorf("take a snapshot of the running server: %w", causeOf(ctx, err))
	}
	defer resp.Body.Close()
	lines := json.NewDecoder(resp.Body)
	var s snapshots.Snapshot
	if err := lines.Decode(&s); err != nil {
		return fmt.Errorf("take a snapshot of the running server: %w", causeOf(ctx, err))
	}
	silent.Stop()
	if _, err := os.Stat(s.Path); err != nil {
		return fmt.Errorf("the server has made a snapshot that cannot be read here; run this on the server's machine, as its user: %w", err)
	}
	go func() { end(snapshotEnd(lines, t.URL, waits.heartbeat, end)) }()
	return causeOf(ctx, do(ctx, s))
}

// causeOf returns why ctx has ended if that is what err is about.
func causeOf(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if cause != nil && (errors.Is(err, context.Canceled) || errors.Is(err, cause)) {
		return cause
	}
	return err
}

func silentError(url string, wait time.Duration) error {
	return fmt.Errorf("the server at %s has not answered for %v: it hangs, or its disk does; look at its log, or end it and run this again, which needs no server",
		url, wait)
}

// snapshotEnd waits until the server ends the snapshot, and returns why. If there is no
// line within wait it calls end.
func snapshotEnd(lines *json.Decoder, url string, wait time.Duration, end func(error)) error {
	silent := time.AfterFunc(wait, func() { end(silentError(url, wait)) })
	defer silent.Stop()
	for {
		var e snapshots.Event
		if err := lines.Decode(&e); err != nil {
			return fmt.Errorf("the server has ended the snapshot: %w", err)
		}
		if e.Error != "" {
			return fmt.Errorf("the server has ended the snapshot: %s", e.Error)
		}
		silent.Reset(wait)
	}
}
