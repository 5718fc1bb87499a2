package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// RestoreOptions of Restore and Verify; the zero value works.
type RestoreOptions struct {
	ID       string         // of the backup; empty is the newest complete one
	Progress func(Progress) // called after every step, by one goroutine; may be nil
}

// Newest returns the manifest of a backup: the one with the ID, or the newest complete
// one. It does not skip a newest one that is damaged: the caller has to decide.
func Newest(ctx context.Context, t Target, id string) (Manifest, error) {
	if err := checkTarget(ctx, t); err != nil {
		return Manifest{}, err
	}
	if id != "" {
		return readManifest(ctx, t, id)
	}
	all, err := List(ctx, t)
	if err != nil {
		return Manifest{}, err
	}
	for _, b := range slices.Backward(all) {
		if !b.Incomplete {
			return readManifest(ctx, t, b.ID)
		}
	}
	return Manifest{}, fmt.Errorf("%s holds no complete backup", t)
}

// Verify reads a whole backup and compares it with its manifest. It reports every file
// that is damaged or missing, joined into one error.
func Verify(ctx context.Context, t Target, o RestoreOptions) (Manifest, error) {
	m, err := Newest(ctx, t, o.ID)
	if err != nil {
		return m, err
	}
	steps := newSteps(m, o.Progress)
	checked := map[string]error{}
	var damaged []error
	for _, e := range m.Entries {
		problem, ok := checked[e.SHA256]
		if !ok {
			problem = fetch(ctx, t, e, io.Discard)
			checked[e.SHA256] = problem
		}
		if cause := context.Cause(ctx); cause != nil {
			return m, cause
		}
		if problem != nil {
			damaged = append(damaged, problem)
		}
		steps.add(e)
	}
	return m, errors.Join(damaged...)
}

// fetch copies the contents of an entry to w and verifies them.
func fetch(ctx context.Context, t Target, e Entry, w io.Writer) error {
	name := fileName(e.SHA256)
	src, err := t.Open(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s of %s is missing; it is %s", name, t, e.Path)
	}
	if err != nil {
		return fmt.Errorf("%s of %s, which is %s: %w", name, t, e.Path, err)
	}
	defer src.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{w}, &reader{ctx: ctx, src: verified(src, e)}, make([]byte, bufferSize))
	switch {
	case errors.Is(err, errMismatch):
		return fmt.Errorf("%s of %s %w; it is %s: %w", name, t, errDamaged, e.Path, err)
	case err != nil: // of reading the target, or of writing to w
		return fmt.Errorf("copy %s of %s, which is %s: %w", name, t, e.Path, err)
	}
	return nil
}

// Restore makes dir from a backup. dir must not exist or be empty. It appears whole, or
// not at all: the files are copied and verified aside.
func Restore(ctx context.Context, t Target, dir string, o RestoreOptions) (Manifest, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Manifest{}, err
	}
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	if err := checkEmpty(dir); err != nil {
		return Manifest{}, err
	}
	m, err := Newest(ctx, t, o.ID)
	if err != nil {
		return m, err
	}
	aside, err := makeAside(dir)
	if err != nil {
		return m, err
	}
	if err := fill(ctx, t, m, aside, o.Progress); err != nil {
		return m, errors.Join(err, os.RemoveAll(aside))
	}
	if err := moveInto(aside, dir); err != nil {
		return m, fmt.Errorf("move the restored files from %s to %s: %w", aside, dir, err)
	}
	return m, nil
}

// checkEmpty refuses a directory that has something in it.
func checkEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look into %s: %w", dir, err)
	}
	for _, e := range entries {
		switch e.Name() {
		case lostAndFound:
			continue
		case "endpoint.json":
			return fmt.Errorf("%s is in use: a server runs on it, or was killed there; restore into another directory", dir)
		case asideName:
			return fmt.Errorf("%s holds an unfinished restore: remove %s when no restore runs", dir, filepath.Join(dir, asideName))
		}
		return fmt.Errorf("%s is not empty (%s): a restore overwrites nothing; name an empty directory or move this one away", dir, e.Name())
	}
	return nil
}

// asideName is the directory within a data directory, or asideSuffix of the one beside
// it, in which a restore works.
const (
	asideName   = UnfinishedRestore
	asideSuffix = ".restore"
)

// UnfinishedRestore is a directory within a data directory that makes it unusable: a
// restore did not get to its end.
const UnfinishedRestore = ".restore"

// makeAside makes the directory in which the files are put before they get their place:
// beside dir, so that one rename makes it dir, or within it where that cannot be done,
// as with a mounted volume.
func makeAside(dir string) (string, error) {
	parent := filepath.Dir(dir)
	within := isMountPoint(dir)
	if !within {
		if err := os.MkdirAll(parent, 0o700); err != nil {
			return "", fmt.Errorf("make %s: %w", parent, err)
		}
		err := os.Mkdir(dir+asideSuffix, 0o700)
		switch {
		case err == nil:
			return dir + asideSuffix, nil
		case errors.Is(err, fs.ErrExist):
			return "", fmt.Errorf("%s exists: another restore runs, or broke off; remove it when none does", dir+asideSuffix)
		case !exists(dir):
			return "", fmt.Errorf("make a directory for the restore: %w", err)
		}
	}
	aside := filepath.Join(dir, asideName)
	if err := os.Mkdir(aside, 0o700); err != nil {
		return "", fmt.Errorf("make a directory for the restore: %w", err)
	}
	return aside, syncDir(dir)
}

// fill copies the files of a backup into an empty directory.
func fill(ctx context.Context, t Target, m Manifest, dir string, progress func(Progress)) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	steps := newSteps(m, progress)
	dirs := map[string]bool{".": true}
	for _, d := range []string{storePath, indexPath, strings.TrimSuffix(blobsPrefix, "/")} {
		if err := makeDirs(root, d, dirs); err != nil {
			return err
		}
	}
	for _, e := range m.Entries {
		if err := makeDirs(root, path.Dir(e.Path), dirs); err != nil {
			return err
		}
		if err := restoreFile(ctx, t, e, root); err != nil {
			return err
		}
		steps.add(e)
	}
	for d := range dirs {
		if err := syncDir(filepath.Join(dir, filepath.FromSlash(d))); err != nil {
			return fmt.Errorf("sync restored directories: %w", err)
		}
	}
	return nil
}

func makeDirs(root *os.Root, dir string, made map[string]bool) error {
	if made[dir] {
		return nil
	}
	if err := makeDirs(root, path.Dir(dir), made); err != nil {
		return err
	}
	made[dir] = true
	if err := root.Mkdir(filepath.FromSlash(dir), 0o700); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}

func restoreFile(ctx context.Context, t Target, e Entry, root *os.Root) error {
	f, err := root.OpenFile(filepath.FromSlash(e.Path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	err = fetch(ctx, t, e, f)
	if syncErr := errors.Join(f.Sync(), f.Close()); err == nil && syncErr != nil {
		err = fmt.Errorf("restore %s: %w", e.Path, syncErr)
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// moveInto gives the restored files their place.
func moveInto(aside, dir string) error {
	if filepath.Dir(aside) != dir {
		// An empty directory makes room; one that a server has started on meanwhile does not.
		if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.Rename(aside, dir); err != nil {
			return err
		}
		return syncDir(filepath.Dir(dir))
	}
	entries, err := os.ReadDir(aside)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Rename(filepath.Join(aside, e.Name()), filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	if err := os.Remove(aside); err != nil {
		return err
	}
	return syncDir(dir)
}

// steps counts what is done.
type steps struct {
	now  Progress
	call func(Progress)
}

func newSteps(m Manifest, call func(Progress)) *steps {
	return &steps{Progress{TotalFiles: int64(len(m.Entries)), TotalBytes: m.Bytes()}, call}
}

func (s *steps) add(e Entry) {
	s.now.Files++
	s.now.Bytes += e.Size
	if s.call != nil {
		s.call(s.now)
	}
}
