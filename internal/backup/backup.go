// Package backup copies a snapshot of a data directory into a target, and back.
//
// In comes a Snapshot, which names files that do not change while they are copied; out
// goes a backup: a manifest that lists every file with its size and SHA-256, and the
// files by their contents, each stored once however many backups have it.
//
//	sluice-backup.json                     which store the target belongs to
//	files/<2 digits>/<SHA-256>             contents, in hexadecimal
//	backups/<time>-<random>.incomplete     a backup that runs, or broke off
//	backups/<time>-<random>.manifest       a complete backup, see manifest.go
//
// The manifest is written last and appears whole or not at all, so a backup without one
// is incomplete: it is never restored, and the next backup uses what it had copied and
// removes the rest. A backup reads only files that the one before does not have: sorted
// files and blobs never change under their names, which is checked by size, time of
// modification and inode. Everything is verified against the manifest while it is
// restored.
//
// A target belongs to one store, and a store has one snapshot at a time, so two backups
// into the same target never run at once; a directory is locked besides.
package backup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// Options of a backup; the zero value works.
type Options struct {
	// Keep is how many complete backups the target has afterwards at most; the oldest
	// are removed. 0 keeps all.
	Keep int
	// BytesPerSecond limits reading; 0 does not.
	BytesPerSecond int
	// Progress is called after every step of copying, by one goroutine; may be nil.
	Progress func(Progress)
	Warn     func(text string) // what an operator should know of the target; may be nil
}

// Progress is how far a backup, restore or verification has come.
type Progress struct {
	Files, Bytes           int64 // done, by copying or because the target has them
	TotalFiles, TotalBytes int64
}

// Result describes a backup that was made.
type Result struct {
	ID      string    `json:"id"`
	Taken   time.Time `json:"taken"`
	Files   int64     `json:"files"`
	Bytes   int64     `json:"bytes"`
	Copied  int64     `json:"copied"`  // bytes that the target did not have
	Removed int       `json:"removed"` // older backups that were removed
	Seconds float64   `json:"seconds"`
	Objects Objects   `json:"objects"`
}

// Run backs a snapshot up. It returns nil only when the backup is complete and durable.
func Run(ctx context.Context, s Snapshot, t Target, o Options) (Result, error) {
	began := time.Now()
	unlock, err := t.Lock()
	if err != nil {
		return Result{}, err
	}
	defer unlock()
	r := &run{snapshot: s, target: t, o: o}
	if r.o.Warn == nil {
		r.o.Warn = func(string) {}
	}
	if o.BytesPerSecond > 0 {
		r.limit = rate.NewLimiter(rate.Limit(o.BytesPerSecond), max(o.BytesPerSecond/20, bufferSize))
	}
	if err := r.prepareTarget(ctx); err != nil {
		return Result{}, err
	}
	if err := r.copyAll(ctx); err != nil {
		return Result{}, err
	}
	removed, err := r.finish(ctx)
	if err != nil {
		return Result{}, err
	}
	return Result{
		ID: r.manifest.ID, Taken: s.Taken, Files: r.done.Files, Bytes: r.done.Bytes,
		Copied: r.copied, Removed: removed, Seconds: time.Since(began).Seconds(),
		Objects: r.manifest.Objects,
	}, nil
}

// run is a backup that is being made.
type run struct {
	snapshot Snapshot
	target   Target
	o        Options
	limit    *rate.Limiter // nil does not limit

	previous map[string]Entry // immutable files of the backup before, by path
	stored   map[string]int64 // sizes of the files of the target, by SHA-256
	manifest Manifest
	buf      []byte
	done     Progress
	copied   int64
}

// prepareTarget checks that the target is for this store, reads what it has, and notes that a
// backup has begun.
func (r *run) prepareTarget(ctx context.Context) error {
	if err := r.checkTargetIdentity(ctx); err != nil {
		return err
	}
	newest, err := r.readNewest(ctx)
	if err != nil {
		return err
	}
	if r.stored, err = storedFiles(ctx, r.target); err != nil {
		return err
	}
	r.manifest = Manifest{Header: Header{
		Format: format, ID: newID(time.Now(), newest), Store: r.snapshot.Store, Taken: r.snapshot.Taken,
		Data: r.snapshot.Data, Version: r.snapshot.Version, Objects: r.snapshot.objects(),
	}}
	return r.target.Put(ctx, incompleteName(r.manifest.ID), []byte("{}\n"))
}

func (r *run) checkTargetIdentity(ctx context.Context) error {
	id, err := readIdentity(ctx, r.target)
	if errors.Is(err, fs.ErrNotExist) {
		names, err := r.target.List(ctx, "")
		if err != nil {
			return err
		}
		if len(names) > 0 {
			return fmt.Errorf("%s is not empty and holds no backups (there is no %s): name another target", r.target, identityName)
		}
		return r.target.Put(ctx, identityName, identity{format, r.snapshot.Store}.encode())
	}
	if err != nil {
		return err
	}
	if id.Store != r.snapshot.Store {
		return fmt.Errorf("%s holds backups of another store than %s: name another target", r.target, r.snapshot.Data)
	}
	return nil
}

// readNewest reads which files need not be read again, and returns the ID of the newest
// backup. A manifest that is damaged only costs time here.
func (r *run) readNewest(ctx context.Context) (string, error) {
	all, err := List(ctx, r.target)
	if err != nil {
		return "", err
	}
	r.previous = map[string]Entry{}
	newest := ""
	for _, b := range all {
		newest = max(newest, b.ID)
	}
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Incomplete {
			continue
		}
		m, err := readManifest(ctx, r.target, all[i].ID)
		if err != nil {
			r.o.Warn(err.Error())
			continue
		}
		for _, e := range m.Entries {
			if immutable(e.Path) {
				r.previous[e.Path] = e
			}
		}
		break
	}
	return newest, nil
}

// immutable reports whether a file never changes under its name while its store exists.
func immutable(path string) bool {
	return strings.HasPrefix(path, blobsPrefix) || filepath.Ext(path) == ".sst" || filepath.Ext(path) == ".blob"
}

// newID returns an ID that sorts behind all others, also when the clock was set back.
func newID(now time.Time, newest string) string {
	const layout = "20060102T150405Z"
	if len(newest) >= len(layout) {
		if last, err := time.Parse(layout, newest[:len(layout)]); err == nil && !now.After(last.Add(time.Second)) {
			now = last.Add(time.Second)
		}
	}
	return now.UTC().Format(layout) + "-" + strings.ToLower(rand.Text()[:6])
}

// finish writes the manifest and removes what no backup needs any more.
func (r *run) finish(ctx context.Context) (removed int, err error) {
	text, err := r.manifest.encode()
	if err != nil {
		return 0, err
	}
	if err := r.target.Put(ctx, manifestName(r.manifest.ID), text); err != nil {
		return 0, err
	}
	// The backup is complete. What fails from here on only leaves files that the next
	// one removes.
	removed, err = tidy(ctx, r.target, r.o.Keep)
	if err != nil {
		r.o.Warn(fmt.Sprintf("the backup is complete, but files that no backup needs were not all removed: %v", err))
	}
	return removed, nil
}
