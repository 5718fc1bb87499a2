//go:build unix

package pebbledb_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/pebbledb"
)

func openOnDisk(dir string) error {
	db, err := pebbledb.Open(dir, &pebble.Options{FormatMajorVersion: pebble.FormatTableFormatV6}, pebbledb.Options{Name: "test"})
	if err != nil {
		return err
	}
	return db.Close()
}

func link(t *testing.T, to, at string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, at); err != nil {
		t.Fatal(err)
	}
}

// TestCreateBehindLink: the database is created at the end of a link, and the link stays.
func TestCreateBehindLink(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, link, db, at string }{
		{"the directory", "data/store", "data/store", "volume"},
		{"the directory above", "data/objects", "data/objects/index", "volume/index"},
		{"two above", "data", "data/objects/index", "volume/objects/index"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			volume, at := filepath.Join(dir, "volume"), filepath.Join(dir, tt.link)
			link(t, volume, at)
			err := openOnDisk(filepath.Join(dir, tt.db))
			if err == nil || !strings.Contains(err.Error(), at+" is a symbolic link to "+volume+", which does not exist: mount its volume") {
				t.Errorf("open behind a link that leads nowhere: %v, want a sentence that says so", err)
			}
			if _, err := os.Stat(volume); err == nil {
				t.Errorf("the refused start has made %s", volume)
			}
			if err := os.Mkdir(volume, 0o700); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := openOnDisk(filepath.Join(dir, tt.db)); err != nil {
					t.Fatalf("open behind a link: %v", err)
				}
			}
			if info, err := os.Lstat(at); err != nil || info.Mode()&fs.ModeSymlink == 0 {
				t.Errorf("the link is %v now (%v), want that it stays", info, err)
			}
			names, _ := filepath.Glob(filepath.Join(dir, tt.at, "MANIFEST-*"))
			if len(names) == 0 {
				t.Errorf("there is no database in %s", tt.at)
			}
			if aside, _ := filepath.Glob(filepath.Join(dir, "*", "*.new")); len(aside) > 0 {
				t.Errorf("%v are left", aside)
			}
		})
	}
}
