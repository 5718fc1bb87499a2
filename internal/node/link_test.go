//go:build unix

package node

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/check"
	"github.com/sluicehq/sluice/internal/pebbledb"
	"github.com/sluicehq/sluice/internal/sigv4"
)

// TestLinkThatLeadsNowhere: a symbolic link whose volume is not mounted is called that, at
// the first start and at later ones, by the server, the check and the backup. It is not a
// loss, and nothing is created in its place.
func TestLinkThatLeadsNowhere(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "store", "objects", "objects/index", "objects/blobs"} {
		for _, later := range []bool{false, true} {
			t.Run(strings.TrimPrefix(name+map[bool]string{false: " first", true: " later"}[later], " "), func(t *testing.T) {
				t.Parallel()
				top := t.TempDir()
				dir, volume := filepath.Join(top, "data"), filepath.Join(top, "volume")
				at := filepath.Join(dir, name)
				if later {
					startOnDisk(t, dir)
					rename(t, at, filepath.Join(top, "unmounted"))
				}
				if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.Symlink(volume, at)); err != nil {
					t.Fatal(err)
				}
				want := at + " is a symbolic link to " + volume + ", which does not exist: mount its volume"
				for range 2 {
					n, err := openOnDisk(t, dir)
					if err == nil {
						_ = n.Close()
					}
					if err == nil || errors.Is(err, pebbledb.ErrLoss) || !strings.Contains(err.Error(), want) {
						t.Fatalf("start: %v\nwant %q", err, want)
					}
				}
				if _, err := os.Stat(volume); err == nil {
					t.Error("the refused start has created the directory of the link")
				}
				if later && name != "" {
					wantBrokenLink(t, dir, want)
				}
				if later {
					rename(t, filepath.Join(top, "unmounted"), volume)
					startOnDisk(t, dir)
				}
			})
		}
	}
}

// wantBrokenLink checks and backs up a stopped directory with a link that leads nowhere.
func wantBrokenLink(t *testing.T, dir, want string) {
	t.Helper()
	var found []check.Finding
	_, err := check.Run(t.Context(), check.Options{Dir: dir}, func(f check.Finding) { found = append(found, f) })
	if err != nil || len(found) != 1 || found[0].Code != check.LinkBroken || !strings.Contains(found[0].Problem, want) {
		t.Errorf("check: %+v, %v; want only %s: %q", found, err, check.LinkBroken, want)
	}
	_, release, err := SnapshotStopped(t.Context(), dir, "test", nil)
	if err == nil {
		_ = release()
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("snapshot of the stopped directory: %v, want %q", err, want)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// startOnDisk starts and stops a server on a directory of the machine.
func startOnDisk(t *testing.T, dir string) {
	t.Helper()
	n, err := openOnDisk(t, dir)
	if err != nil {
		t.Fatalf("start on %s: %v", dir, err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
}

func openOnDisk(t *testing.T, dir string) (*Node, error) {
	t.Helper()
	if err := MakeDir(vfs.Default, dir); err != nil {
		return nil, err
	}
	return Open(t.Context(), Options{
		Dir: dir, Logger: slog.New(slog.DiscardHandler), MinFree: -1,
		Key: func() (sigv4.Credentials, error) { return testKey, nil },
	})
}
