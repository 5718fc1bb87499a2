//go:build unix

package main

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// modes returns the modes of everything under dir. What is deleted meanwhile is left out.
func modes(t *testing.T, dir string) map[string]fs.FileMode {
	t.Helper()
	all := map[string]fs.FileMode{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		switch {
		case err == nil:
			all[path] = info.Mode().Perm()
		case errors.Is(err, fs.ErrNotExist):
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestDataIsPrivate: whatever the mode of a data directory and of what is in it,
// nobody but its owner can read members and keys once a server has started.
func TestDataIsPrivate(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(data, 0o755); err != nil { // whatever the umask
		t.Fatal(err)
	}
	for round := range 2 {
		s := launch(t, data)
		s.mailManager(t, "CreateAddressList", `{"AddressListName":"round`+string(rune('0'+round))+`"}`, new(any))
		if n := len(modes(t, data)); n < 8 {
			t.Errorf("round %d: %d files in the data directory, want those of store and objects", round, n)
		}
		for path, mode := range modes(t, data) {
			if mode&others != 0 {
				t.Errorf("round %d: %s has mode %s, want it for its owner only", round, path, mode)
			}
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		for path := range modes(t, data) { // for the second round
			info, err := os.Stat(path)
			if err == nil {
				err = os.Chmod(path, info.Mode()|0o044)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestTighten(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	for path, mode := range map[string]fs.FileMode{
		"credentials": 0o644, "store/000001.log": 0o664, "store/MANIFEST": 0o600, "holiday.jpg": 0o644, "pictures/1.jpg": 0o644,
	} {
		path = filepath.Join(data, path)
		for _, err := range []error{os.MkdirAll(filepath.Dir(path), 0o755), os.Chmod(filepath.Dir(path), 0o755), os.WriteFile(path, nil, mode), os.Chmod(path, mode)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	outside := filepath.Join(t.TempDir(), "outside")
	for _, err := range []error{os.WriteFile(outside, nil, 0o644), os.Chmod(outside, 0o644), os.Symlink(outside, filepath.Join(data, "store", "link"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	if err := keepPrivate(data, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{
		data: 0o700, data + "/credentials": 0o600, data + "/store": 0o700, data + "/store/000001.log": 0o600,
		data + "/store/MANIFEST": 0o600, data + "/holiday.jpg": 0o644, data + "/pictures": 0o755, data + "/pictures/1.jpg": 0o644, outside: 0o644,
	} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v; want %v", path, info.Mode().Perm(), err, want)
		}
	}
	lines := strings.Count(log.String(), "\n")
	if !strings.Contains(log.String(), "level=INFO") || !strings.Contains(log.String(), "files=4") || !strings.Contains(log.String(), "level=WARN") || lines != 2 {
		t.Errorf("log, want one INFO line with 4 files and one WARN line about the key:\n%s", &log)
	}
	log.Reset()
	if err := keepPrivate(data, slog.New(slog.NewTextHandler(&log, nil))); err != nil || log.Len() > 0 {
		t.Errorf("at the second start: %v, log %q; want nothing", err, &log)
	}
}

// TestTightenLeavesSharedDirectories: /tmp as data directory must stay everybody's.
func TestTightenLeavesSharedDirectories(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	if err := os.Chmod(data, 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	if err := keepPrivate(data, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(data)
	if err != nil || info.Mode().Perm() != 0o777 || !strings.Contains(log.String(), "level=WARN") {
		t.Errorf("mode %v, %v, log %q; want it unchanged, and a warning", info.Mode(), err, &log)
	}
}
