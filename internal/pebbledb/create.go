package pebbledb

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// manifestMarker starts the name of the file that says which MANIFEST is current. A
// directory without one is not a database to Pebble, which would create an empty one in
// its place.
const manifestMarker = "marker.manifest."

// lostAndFound is in the root of some file systems.
const lostAndFound = "lost+found"

// Exists reports whether there is a database in dir. Files without a database are an
// error: creating a database over them could lose what they hold.
func Exists(fs vfs.FS, dir string) (bool, error) {
	names, err := fs.List(dir)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("list %s: %w", dir, err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == lostAndFound })
	for _, name := range names {
		if strings.HasPrefix(name, manifestMarker) {
			return true, nil
		}
	}
	if len(names) > 0 {
		return false, fmt.Errorf("%s holds files but no database: the file %sNNNNNN is missing; "+
			"restore a backup, or move the directory away to start with an empty one", dir, manifestMarker)
	}
	return false, nil
}

// createIfMissing creates an empty database in dir, in one atomic step.
//
// Pebble creates the files of a database one by one, and a power cut between them leaves
// a directory that cannot be opened. So it works in a directory aside, which gets its
// name when everything in it is on disk. The open that follows is the second one of the
// database, and that is intended: the first log of a database is written in an old
// format, which does not distinguish damage from a normal end.
func createIfMissing(fs vfs.FS, dir string, p *pebble.Options, o Options) error {
	if exists, err := Exists(fs, dir); exists || err != nil {
		return err
	}
	if err := CheckLinks(fs, dir); err != nil { // first: a volume that is not mounted is no loss
		return err
	}
	if err := checkMissing(fs, dir, o); err != nil {
		return err
	}
	if o.Create != nil {
		if err := o.Create(); err != nil {
			return err
		}
	}
	dir, err := followLinks(fs, dir)
	if err != nil {
		return err
	}
	parent := fs.PathDir(dir)
	if err := makeSynced(fs, parent); err != nil {
		return createFailed(parent, err)
	}
	aside := dir + ".new"
	if err := removeAborted(fs, aside); err != nil {
		return err
	}
	if err := createAside(fs, aside, p); err != nil {
		return createFailed(parent, err)
	}
	if err := replaceEmpty(fs, aside, dir); err != nil {
		return errors.Join(err, fs.RemoveAll(aside))
	}
	return syncDir(fs, parent)
}

// replaceEmpty renames aside to dir, which does not exist or is empty.
func replaceEmpty(fs vfs.FS, aside, dir string) error {
	err := fs.Remove(dir)
	if err == nil || errors.Is(err, os.ErrNotExist) {
		err = fs.Rename(aside, dir)
	}
	if isMountPoint(err) {
		return mountPointError(dir, err)
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", dir, err)
	}
	return nil
}

// checkMissing refuses to create a database where the state record says that there was
// one.
func checkMissing(fs vfs.FS, dir string, o Options) error {
	if !exists(fs, stateFile(dir)) {
		return nil
	}
	missing := loss{fs.PathBase(stateFile(dir)), -1, "the directory that it belongs to is missing"}
	if !o.AcceptLoss {
		return lossError([]loss{missing})
	}
	o.Logger.Warn("loss of acknowledged data is accepted", slog.String("database", o.Name), slog.String("loss", missing.String()))
	return removeState(fs, dir)
}

func createFailed(parent string, err error) error {
	if isNotWritable(err) {
		return notWritable(parent, err)
	}
	return fmt.Errorf("create a database in %s: %w", parent, err)
}

func createAside(fs vfs.FS, dir string, p *pebble.Options) error {
	p = p.Clone()
	p.ErrorIfExists = true
	db, err := openPebble(dir, p)
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		f, err := fs.Open(fs.PathJoin(dir, name))
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("sync %s: %w", name, err)
		}
	}
	return syncDir(fs, dir)
}

// removeAborted removes what an interrupted creation left, unless another process is
// creating there now.
func removeAborted(fs vfs.FS, aside string) error {
	if !exists(fs, aside) {
		return nil
	}
	lock, err := lockDirectory(fs, aside)
	if err != nil {
		return err
	}
	if err := errors.Join(fs.RemoveAll(aside), lock.Close()); err != nil {
		return fmt.Errorf("remove the unfinished %s: %w", aside, err)
	}
	return nil
}

// makeSynced makes dir and what is missing above it, and syncs each directory that got
// a new entry.
func makeSynced(fs vfs.FS, dir string) error {
	_, err := fs.Stat(dir)
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	parent := fs.PathDir(dir)
	if parent != dir {
		if err := makeSynced(fs, parent); err != nil {
			return err
		}
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return syncDir(fs, parent)
}

func syncDir(fs vfs.FS, dir string) error {
	f, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}

// checkWritable writes a file, so that a directory that cannot be written is one
// sentence at start and not an endless series of failed flushes.
func checkWritable(fs vfs.FS, dir string) error {
	path := fs.PathJoin(dir, "write-test")
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = f.Write([]byte("x"))
		err = errors.Join(err, f.Close(), fs.Remove(path))
	}
	if err != nil {
		return notWritable(dir, err)
	}
	return nil
}

func isNotWritable(err error) bool {
	return errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EROFS)
}

func notWritable(dir string, err error) error {
	return fmt.Errorf("directory %s cannot be written; make it writable for the user that runs the server: %w", dir, err)
}
