package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/backup"
	"github.com/sluicehq/sluice/internal/gateway/snapshots"
	"github.com/sluicehq/sluice/internal/node"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/pebbledb"
)

const postgresHint = `with --store postgres, jobs, lists and members are in PostgreSQL: back them up with pg_dump or base backups, then the bucket, and check them with pg_amcheck; see "Backup and restore" in docs/operating.md`

// withSource takes a snapshot of a data directory and calls do with it: by the server
// that runs on it, whose URL do gets, or in its place, which keeps servers from starting
// meanwhile. The context that do gets ends when the snapshot does.
func withSource(ctx context.Context, data string, getenv func(string) string, do func(ctx context.Context, s snapshots.Snapshot, server string) error) error {
	if strings.HasPrefix(getenv("SLUICE_STORE"), "postgres") {
		return usageError{errors.New(postgresHint)}
	}
	if t, err := findClientConfig(data, "", getenv); err == nil {
		taken := false
		err := withSnapshot(ctx, data, getenv, defaultWaits, func(ctx context.Context, s snapshots.Snapshot) error {
			taken = true
			if err := sameDirectory(s.Data, data); err != nil {
				return err
			}
			return do(ctx, s, t.URL)
		})
		if taken || !errors.Is(err, syscall.ECONNREFUSED) { // a server that was killed leaves its file
			return err
		}
	}
	snap, release, err := node.SnapshotStopped(ctx, data, version, nil)
	switch {
	case errors.Is(err, node.ErrNoStore):
		return fmt.Errorf("%w; %s", err, postgresHint)
	case errors.Is(err, pebbledb.ErrInUse):
		return fmt.Errorf("a process uses %s but cannot be reached: wait until it has started or ended, and try again: %w", data, err)
	case err != nil:
		return err
	}
	return errors.Join(do(ctx, snap, ""), release())
}

// sameDirectory checks that the server's data directory is the one that is named here.
func sameDirectory(servers, local string) error {
	a, err := os.Stat(servers)
	if err == nil {
		var b os.FileInfo
		if b, err = os.Stat(local); err == nil && !os.SameFile(a, b) {
			err = errors.New("they are not the same")
		}
	}
	if err != nil {
		return fmt.Errorf("the server keeps its data in %s, which is not the directory %s here: run this command where the server runs (%w)", servers, local, err)
	}
	return nil
}

// backupSource returns the files of a snapshot that are to be backed up.
func backupSource(s snapshots.Snapshot, credentials bool) (backup.Snapshot, error) {
	out := backup.Snapshot{
		Dir: s.Path, Data: s.Data, Store: s.Store, Taken: s.Taken, Version: s.Version, Credentials: credentials,
		HasBlobs: s.Blobs, Bucket: s.Bucket,
	}
	if !s.Blobs {
		return out, nil
	}
	var err error
	out.Blobs, err = diskobject.SnapshotBlobs(vfs.Default, filepath.Join(s.Path, "index"))
	return out, err
}
