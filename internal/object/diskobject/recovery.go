package diskobject

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/pebbledb"
)

// indexFormat is the format of the keys and values in the index.
const indexFormat = "1"

var formatKey = []byte("v")

// file is the file of a blob.
type file struct {
	id         string
	unfinished bool
}

func (f file) name() string {
	if f.unfinished {
		return f.id + unfinished
	}
	return f.id
}

// files returns the blobs' files in a folder, ordered by id; none if the folder does not
// exist. Files with other names are left alone.
func (s *Store) files(dir string) ([]file, error) {
	names, err := s.fs.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list blobs: %w", err)
	}
	files := make([]file, 0, len(names))
	for _, name := range names {
		id, isUnfinished := strings.CutSuffix(name, unfinished)
		if isID(id) {
			files = append(files, file{id, isUnfinished})
		}
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name(), b.name()) })
	return files, nil
}

func isID(name string) bool {
	return len(name) == 32 && strings.Trim(name, "0123456789abcdef") == ""
}

// checkIndexExists refuses, before an index is made, to make one beside blobs: with
// pebbledb.ErrLoss.
func (s *Store) checkIndexExists(acceptLoss bool) error {
	files, err := s.files(s.blobs)
	if err != nil || len(files) == 0 || acceptLoss {
		return err
	}
	index, err := pebble.Peek(s.fs.PathJoin(s.dir, "index"), s.fs)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !index.Exists {
		return s.indexLostError(len(files))
	}
	return nil // an error is for the opening to find
}

func (s *Store) indexLostError(blobs int) error {
	return fmt.Errorf("%w: the index has none of the %d files in blobs; restore it from a backup and remove index.state, "+
		"or start with --accept-loss, which moves the files to unreferenced and goes on without their objects",
		pebbledb.ErrLoss, blobs)
}

func (s *Store) unreferenced() string { return s.fs.PathJoin(s.dir, "unreferenced") }

// recovery is what Open has to do to make the blobs' files what the index says.
type recovery struct {
	finish     []file   // unfinished, but the index knows them: to be renamed
	garbage    []file   // of unfinished writes and of deleted blobs: to be removed
	unknown    []file   // to be set aside
	missing    []string // blobs without a file
	tombstones []string // to be removed when all else is done
}

// recover compares the files with the index, and only then changes anything.
func (s *Store) recover(o Options) error {
	files, err := s.files(s.blobs)
	if err != nil {
		return err
	}
	isNew, err := s.checkFormat()
	if err != nil {
		return err
	}
	r, known, err := s.compare(files)
	if err != nil {
		return err
	}
	if isNew { // not even an unfinished write can be of this index
		r.unknown, r.garbage = files, nil
	}
	if known == 0 && len(r.unknown) > 0 && !o.AcceptLoss {
		return s.indexLostError(len(r.unknown))
	}
	if isNew {
		if err := s.db.Set(formatKey, []byte(indexFormat), pebble.Sync); err != nil {
			return fmt.Errorf("write index: %w", err)
		}
	}
	if o.Bind != nil {
		if err := o.Bind(s); err != nil {
			return err
		}
	}
	return s.repair(r)
}

// checkFormat reports whether the index has just been made.
func (s *Store) checkFormat() (isNew bool, err error) {
	format, ok, err := raw(s.db, formatKey)
	if err != nil || ok && string(format) == indexFormat {
		return false, err
	}
	isEmpty := true
	err = s.scan(nil, []byte{0}, func(_, _ []byte) (bool, error) {
		isEmpty = false
		return false, nil
	})
	if err == nil && (ok || !isEmpty) {
		err = fmt.Errorf("the object index has format %q, not %q: it is of another version of Sluice", format, indexFormat)
	}
	return true, err
}

// compare walks through files and index, both ordered by id.
func (s *Store) compare(files []file) (r recovery, known int, err error) {
	deleted := map[string]bool{}
	err = s.scan([]byte("g"), nil, func(key, _ []byte) (bool, error) {
		deleted[string(key[1:])] = true
		r.tombstones = append(r.tombstones, string(key[1:]))
		return true, nil
	})
	if err != nil {
		return r, 0, err
	}
	skip := func(before string) {
		for len(files) > 0 && (before == "" || files[0].id < before) {
			if f := files[0]; f.unfinished || deleted[f.id] {
				r.garbage = append(r.garbage, f)
			} else {
				r.unknown = append(r.unknown, f)
			}
			files = files[1:]
		}
	}
	err = s.scan([]byte("s"), nil, func(key, _ []byte) (bool, error) {
		known++
		id, exists := string(key[1:]), false
		skip(id)
		for ; len(files) > 0 && files[0].id == id; files = files[1:] {
			exists = true
			if files[0].unfinished {
				r.finish = append(r.finish, files[0])
			}
		}
		if !exists {
			r.missing = append(r.missing, id)
		}
		return true, nil
	})
	skip("")
	return r, known, err
}

func (s *Store) repair(r recovery) error {
	missing, err := s.takeBack(r.missing)
	if err != nil {
		return err
	}
	for _, f := range r.finish {
		if err := s.fs.Rename(s.path(f.name()), s.path(f.id)); err != nil {
			return fmt.Errorf("rename blob: %w", err)
		}
	}
	if err := s.setAside(r.unknown); err != nil {
		return err
	}
	for _, f := range r.garbage {
		if err := s.fs.Remove(s.path(f.name())); err != nil {
			return fmt.Errorf("remove blob: %w", err)
		}
	}
	if missing > 0 {
		s.log.Warn("blobs are missing: their objects are damaged", "blobs", missing, "directory", s.blobs)
	}
	if len(r.garbage) > 0 {
		s.log.Info("unfinished and deleted blobs removed", "blobs", len(r.garbage))
	}
	if err := s.blobsDir.Sync(); err != nil {
		return fmt.Errorf("sync blobs: %w", err)
	}
	return s.dropTombstones(r.tombstones)
}

// setAside moves the files of unknown blobs out of the way, for a person to decide.
func (s *Store) setAside(unknown []file) error {
	if len(unknown) == 0 {
		return nil
	}
	if err := s.fs.MkdirAll(s.unreferenced(), 0o700); err != nil {
		return err
	}
	for _, f := range unknown {
		if err := s.fs.Rename(s.path(f.name()), s.fs.PathJoin(s.unreferenced(), f.name())); err != nil {
			return fmt.Errorf("set blob aside: %w", err)
		}
	}
	s.log.Warn("blobs that the index does not know are set aside", "blobs", len(unknown), "directory", s.unreferenced())
	return s.syncFolders(s.unreferenced(), s.dir)
}

// takeBack moves missing blobs back that were set aside: an earlier start may have had
// another index. It returns how many are missing still.
func (s *Store) takeBack(missing []string) (left int, err error) {
	if len(missing) == 0 {
		return 0, nil
	}
	aside, err := s.files(s.unreferenced())
	if err != nil {
		return 0, err
	}
	byID := make(map[string]file, len(aside))
	for _, f := range aside {
		byID[f.id] = f
	}
	for _, id := range missing {
		f, ok := byID[id]
		if !ok {
			left++
			continue
		}
		if err := s.fs.Rename(s.fs.PathJoin(s.unreferenced(), f.name()), s.path(id)); err != nil {
			return 0, fmt.Errorf("take blob back: %w", err)
		}
	}
	if taken := len(missing) - left; taken > 0 {
		s.log.Warn("blobs that had been set aside are taken back", "blobs", taken, "directory", s.unreferenced())
	}
	return left, nil
}

// syncFolders makes what is in the folders outlive a crash.
func (s *Store) syncFolders(folders ...string) error {
	for _, dir := range folders {
		f, err := s.fs.OpenDir(dir)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("sync %s: %w", dir, err)
		}
	}
	return nil
}
