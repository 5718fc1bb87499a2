package backup

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Snapshot is what is backed up: the copies of store and index that a server, or a
// program in its place, keeps unchanged, and the files of the data directory that they
// refer to.
type Snapshot struct {
	Dir     string // holds store/ and, with HasBlobs, index/
	Data    string // the data directory
	Store   string // names the store
	Taken   time.Time
	Version string
	// HasBlobs says that the uploads and reports are in the data directory: there is an
	// index/. Otherwise they are in an S3, in a bucket with the name Bucket, if known.
	HasBlobs bool
	Bucket   string
	Blobs    []string // the names of the blobs that the index knows
	// Credentials adds the root key.
	Credentials bool
}

// The places of files in a data directory.
const (
	storePath       = "store"
	indexPath       = "objects/index"
	blobsPrefix     = "objects/blobs/"
	credentialsPath = "credentials"
)

// file is a file of a snapshot.
type file struct {
	path string   // its place in the data directory
	from []string // where it is now: the first of these that exists
	size int64    // an estimate, for progress
}

func (f file) open() (*os.File, error) { return openRetrying(f.from...) }

// files lists what a backup of the snapshot holds, in an order that starts with the
// files that are small and change.
func (s Snapshot) files() ([]file, error) {
	var all []file
	for _, tree := range []struct{ name, path string }{{"store", storePath}, {"index", indexPath}} {
		files, err := s.tree(tree.name, tree.path)
		if err != nil {
			return nil, err
		}
		all = append(all, files...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("the snapshot %s is empty", s.Dir)
	}
	for _, blob := range s.Blobs {
		name := filepath.Join(s.Data, filepath.FromSlash(blobsPrefix), blob)
		all = append(all, file{path: blobsPrefix + blob, from: []string{name, name + ".tmp"}})
	}
	if s.Credentials {
		name := filepath.Join(s.Data, credentialsPath)
		if _, err := os.Stat(name); err == nil {
			all = append(all, file{path: credentialsPath, from: []string{name}})
		}
	}
	for i := range all {
		if info, err := os.Stat(all[i].from[0]); err == nil {
			all[i].size = info.Size()
		}
	}
	slices.SortStableFunc(all, func(a, b file) int { return order(a) - order(b) })
	return all, nil
}

func order(f file) int {
	if immutable(f.path) {
		return 1
	}
	return 0
}

// tree lists the files of one database of the snapshot, with the record beside it.
func (s Snapshot) tree(name, to string) ([]file, error) {
	dir := filepath.Join(s.Dir, name)
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the snapshot: %w", err)
	}
	var files []file
	for _, e := range entries {
		if e.Name() == "LOCK" || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if !e.Type().IsRegular() {
			return nil, fmt.Errorf("%s in the snapshot is not a regular file", filepath.Join(name, e.Name()))
		}
		files = append(files, file{path: path.Join(to, e.Name()), from: []string{filepath.Join(dir, e.Name())}})
	}
	if record := dir + stateSuffix; exists(record) {
		files = append(files, file{path: to + stateSuffix, from: []string{record}})
	}
	return files, nil
}

// stateSuffix is that of the record beside a database by which a start finds out
// whether the database has lost something.
const stateSuffix = ".state"

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
