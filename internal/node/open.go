package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/sluicehq/sluice/internal/backoff"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/pebbledb"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
)

// openStore opens the store that the options name.
func (n *Node) openStore(ctx context.Context) error {
	if !n.o.shared() {
		n.binder = &binder{fs: n.fs, dir: n.o.Dir, log: n.o.Logger, acceptLoss: n.o.AcceptLoss}
		s, err := pebblestore.Open(filepath.Join(n.o.Dir, "store"), pebblestore.Options{
			FS: n.fs, Logger: n.o.Logger, Space: n.space, Exit: n.o.Exit, AcceptLoss: n.o.AcceptLoss,
			Create: n.binder.createStore,
		})
		if err != nil {
			return inUse(n.o.Dir, err)
		}
		n.store, n.storeBytes, n.closers = s, s.Bytes, append(n.closers, s.Close)
		return nil
	}
	return n.patiently(ctx, "store", func() error {
		s, err := n.o.Store(ctx, n.o.Logger)
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		n.store, n.storeBytes, n.closers = s, s.Bytes, append(n.closers, s.Close)
		n.run = append(n.run, s.Run)
		return nil
	})
}

// startWithin is how long a start waits for a database or an S3 that does not answer.
const startWithin = time.Minute

// waitingEvery is how often a start that waits says so, if the reason stays the same.
const waitingEvery = 10 * time.Second

// SettingError is why a node cannot be opened until somebody changes a setting, here or of
// the database or the S3.
type SettingError struct{ Err error }

func (e *SettingError) Error() string { return e.Err.Error() }
func (e *SettingError) Unwrap() error { return e.Err }

// settingError gives an error its type if waiting for the database or the S3 is of no use.
func settingError(err error) error {
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Denied) {
		return &SettingError{err}
	}
	return err
}

// patiently tries to open something that is elsewhere, for as long as it is only out of
// reach and the time to start is not over.
func (n *Node) patiently(ctx context.Context, what string, open func() error) error {
	end := time.Now().Add(startWithin)
	var logged time.Time
	reason := ""
	for {
		err := open()
		if err == nil || !fault.Is(err, fault.Unavailable) || time.Now().After(end) {
			return settingError(err)
		}
		if now := fault.Message(err); now != reason || time.Since(logged) > waitingEvery {
			n.o.Logger.Warn("waiting", slog.String("for", what), slog.Any("error", err))
			reason, logged = now, time.Now()
		}
		if backoff.Wait(ctx, time.Second) != nil {
			return err
		}
	}
}

// inUse says what it means that a lock is held.
func inUse(dir string, err error) error {
	if errors.Is(err, pebbledb.ErrInUse) {
		return fmt.Errorf("data: another server runs on %s (%w)", dir, err)
	}
	return err
}
