package backup

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestFlippedByte flips a byte in every file of a target in turn: a restore makes no
// directory and names the file, and so does a verification.
func TestFlippedByte(t *testing.T) {
	t.Parallel()
	s, to := newSource(t), target(t)
	s.backUp(to, Options{})
	for _, name := range slices.Sorted(maps.Keys(tree(t, to.path))) {
		path := to.at(name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) == 0 { // there is no byte to flip, but the file may be gone, or longer
			wantRefused(t, to, name, func() error { return os.WriteFile(path, []byte("x"), 0o600) })
		} else {
			at := s.rng.IntN(len(text))
			wantRefused(t, to, name, func() error {
				flipped := slices.Clone(text)
				flipped[at] ^= 1 << s.rng.IntN(8)
				return os.WriteFile(path, flipped, 0o600)
			})
			wantRefused(t, to, name, func() error { return os.WriteFile(path, text[:at], 0o600) })
		}
		wantRefused(t, to, name, func() error { return os.Remove(path) })
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wantRestored(t, to, "", s.want())
}

func wantRefused(t *testing.T, to Target, name string, damage func() error) {
	t.Helper()
	if name == lockName {
		return
	}
	if err := damage(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "restored")
	_, err := Restore(t.Context(), to, dir, RestoreOptions{})
	_, verifyErr := Verify(t.Context(), to, RestoreOptions{})
	for what, err := range map[string]error{"restore": err, "verify": verifyErr} {
		// Without its manifest a backup is none, and there is no other.
		if err == nil || !strings.Contains(err.Error(), name) && !strings.HasSuffix(name, manifestSuffix) {
			t.Errorf("%s with a damaged %s: %v, want an error that names it", what, name, err)
		}
	}
	for _, left := range []string{dir, dir + asideSuffix} {
		if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("restore with a damaged %s left %s", name, left)
		}
	}
}

// TestDamagedNewest: a restore does not quietly take an older backup.
func TestDamagedNewest(t *testing.T) {
	t.Parallel()
	s, to := newSource(t), target(t)
	first, want := s.backUp(to, Options{}), s.want()
	second := s.backUp(to, Options{})
	path := to.at(manifestName(second.ID))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), to, filepath.Join(t.TempDir(), "r"), RestoreOptions{}); err == nil || !strings.Contains(err.Error(), second.ID) {
		t.Errorf("restore: %v, want an error that names %s", err, second.ID)
	}
	wantRestored(t, to, first.ID, want)
	// A backup goes on, and does not remove files that the damaged manifest may need.
	s.backUp(to, Options{})
	all, err := Describe(t.Context(), to)
	if err != nil || len(all) != 3 || all[1].Problem == "" {
		t.Errorf("backups: %+v, %v; want three, the second damaged", all, err)
	}
}

func TestRestoreOverwritesNothing(t *testing.T) {
	t.Parallel()
	s, to := newSource(t), target(t)
	s.backUp(to, Options{})
	for name, want := range map[string]string{"endpoint.json": "in use", "x": "not empty", asideName: "unfinished"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Restore(t.Context(), to, dir, RestoreOptions{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("restore over %s: %v, want an error with %q", name, err, want)
		}
		if got := tree(t, dir); len(got) != 1 || got[name] != "mine" {
			t.Errorf("restore over %s left %v", name, got)
		}
	}
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.Mkdir(dir+asideSuffix, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), to, dir, RestoreOptions{}); err == nil || !strings.Contains(err.Error(), "another restore") {
		t.Errorf("restore beside another one: %v, want an error", err)
	}
	empty := t.TempDir() // an empty directory is no obstacle
	if _, err := Restore(t.Context(), to, empty, RestoreOptions{}); err != nil || !maps.Equal(tree(t, empty), s.want()) {
		t.Errorf("restore into an empty directory: %v", err)
	}
}

// TestRestoreWithin is a restore into a directory that cannot be renamed, such as a
// mounted volume.
func TestRestoreWithin(t *testing.T) {
	t.Parallel()
	s, to := newSource(t), target(t)
	s.backUp(to, Options{})
	dir := t.TempDir()
	aside := filepath.Join(dir, asideName)
	if err := os.Mkdir(aside, 0o700); err != nil {
		t.Fatal(err)
	}
	m, err := Newest(t.Context(), to, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(fill(t.Context(), to, m, aside, nil), moveInto(aside, dir)); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(tree(t, dir), s.want()) {
		t.Errorf("restored %v", slices.Sorted(maps.Keys(tree(t, dir))))
	}
}

func TestCanceledRestoreLeavesNothing(t *testing.T) {
	t.Parallel()
	s, to := newSource(t), target(t)
	s.backUp(to, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	dir := filepath.Join(t.TempDir(), "d")
	_, err := Restore(ctx, to, dir, RestoreOptions{Progress: func(Progress) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("restore: %v, want that it was canceled", err)
	}
	if left := tree(t, filepath.Dir(dir)); len(left) > 0 {
		t.Errorf("%d files left", len(left))
	}
}

func TestTargetsOfOthers(t *testing.T) {
	t.Parallel()
	s, to := newSource(t), target(t)
	if err := os.WriteFile(to.at("holiday.jpg"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), s.s, to, Options{}); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("backup into a directory of something else: %v, want an error", err)
	}
	to = target(t)
	s.backUp(to, Options{})
	s.s.Store = "another store"
	if _, err := Run(t.Context(), s.s, to, Options{}); err == nil || !strings.Contains(err.Error(), "another store") {
		t.Errorf("backup into the target of another store: %v, want an error", err)
	}
	if _, err := Newest(t.Context(), target(t), ""); err == nil || !strings.Contains(err.Error(), "no backups") {
		t.Errorf("restore from an empty directory: %v, want an error", err)
	}
}

// TestManifestPaths: a manifest never leads out of the directory that is made of it.
func TestManifestPaths(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("0a", 32)
	for path, ok := range map[string]bool{
		"store/000001.sst": true, "credentials": true,
		"": false, ".": false, "..": false, "../x": false, "/etc/passwd": false, "a/../../x": false, "a//b": false, `a\..\b`: false,
	} {
		m := Manifest{Header: Header{Format: format, ID: "i"}, Entries: []Entry{{Path: path, SHA256: sum}}}
		text, err := m.encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeManifest(text); (err == nil) != ok {
			t.Errorf("path %q: %v, want accepted %t", path, err, ok)
		}
	}
}

// TestFullDisk restores to a disk that gets full: that is no damage of the backup.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	s, to := newSource(t), target(t)
	r := s.backUp(to, Options{})
	m, err := readManifest(t.Context(), to, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	err = fetch(t.Context(), to, m.Entries[0], fullDisk{})
	if !errors.Is(err, syscall.ENOSPC) || errors.Is(err, errDamaged) {
		t.Errorf("got %v, want no space left and nothing of damage", err)
	}
}

// fullDisk is a file on a disk that is full.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }
