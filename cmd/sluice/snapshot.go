package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/sluicehq/sluice/internal/gateway/snapshots"
	"github.com/sluicehq/sluice/internal/sigv4"
)

// withSnapshot takes a snapshot of the server that runs on a data directory of this
// machine, calls do with it, and releases it. The context that do gets ends when the
// server ends the snapshot, with the reason as its cause.
func withSnapshot(ctx context.Context, data string, getenv func(string) string, do func(context.Context, snapshots.Snapshot) error) error {
	t, err := findTarget(data, getenv)
	if err != nil {
		return fmt.Errorf("another process has the directory open, a server that is just starting or another check: %w", err)
	}
	c, err := t.client()
	if err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	resp, err := c.send(ctx, ownAPI, http.MethodPost, snapshots.Path, nil, nil, 0, sigv4.EmptyPayload)
	if err != nil {
		return fmt.Errorf("take a snapshot of the running server: %w", err)
	}
	defer resp.Body.Close()
	lines := json.NewDecoder(resp.Body)
	var s snapshots.Snapshot
	if err := lines.Decode(&s); err != nil {
		return fmt.Errorf("take a snapshot of the running server: %w", err)
	}
	if _, err := os.Stat(s.Path); err != nil {
		return fmt.Errorf("the server has made a snapshot that cannot be read here; run this on the server's machine, as its user: %w", err)
	}
	go func() { end(snapshotEnd(lines)) }()
	err = do(ctx, s)
	if cause := context.Cause(ctx); err != nil && errors.Is(err, context.Canceled) && cause != nil {
		return cause
	}
	return err
}

// snapshotEnd waits until the server ends the snapshot, and returns why.
func snapshotEnd(lines *json.Decoder) error {
	for {
		var e snapshots.Event
		if err := lines.Decode(&e); err != nil {
			return fmt.Errorf("the server has ended the snapshot: %w", err)
		}
		if e.Error != "" {
			return fmt.Errorf("the server has ended the snapshot: %s", e.Error)
		}
	}
}
