package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/testenv"
)

// source is a data directory with a snapshot in it, of files with random bytes.
type source struct {
	*testing.T
	rng  *rand.Rand
	data string
	s    Snapshot
}

func newSource(t *testing.T) *source {
	t.Helper()
	return sourceOf(t, testenv.Rand(t))
}

func sourceOf(t *testing.T, rng *rand.Rand) *source {
	t.Helper()
	data := t.TempDir()
	s := &source{T: t, rng: rng, data: data, s: Snapshot{
		Dir: filepath.Join(data, "snapshots", "1"), Data: data, Store: "the store", Taken: time.Now(), Credentials: true, HasBlobs: true,
	}}
	for name, size := range map[string]int{
		"000004.sst": 5000, "000007.sst": 70_000, "000009.log": 300, "MANIFEST-000001": 900, "OPTIONS-000003": 40, "LOCK": 0, "marker.manifest.000001": 0,
	} {
		s.write("snapshots/1/store/"+name, size)
	}
	s.write("snapshots/1/store.state", 90)
	s.write("snapshots/1/index/MANIFEST-000001", 100)
	s.write("snapshots/1/index/000005.sst", 1000)
	s.write("credentials", 100)
	s.blob("aaaa", "", 400_000)
	s.blob("bbbb", ".tmp", 20)
	s.write("objects/blobs/cccc", 20) // of no interest to the snapshot
	return s
}

func (s *source) write(name string, size int) {
	s.Helper()
	text := make([]byte, size)
	for i := range text {
		text[i] = byte(s.rng.Uint32())
	}
	path := filepath.Join(s.data, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		s.Fatal(err)
	}
}

func (s *source) blob(name, mark string, size int) {
	s.Helper()
	s.write(blobsPrefix+name+mark, size)
	s.s.Blobs = append(s.s.Blobs, name)
}

// want is what a restored directory has to hold.
func (s *source) want() map[string]string {
	s.Helper()
	files, err := s.s.files()
	if err != nil {
		s.Fatal(err)
	}
	want := map[string]string{}
	for _, f := range files {
		r, err := f.open()
		if err != nil {
			s.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			s.Fatal(err)
		}
		want[f.path] = string(text)
	}
	return want
}

func (s *source) backUp(t Target, o Options) Result {
	s.Helper()
	r, err := Run(s.Context(), s.s, t, o)
	if err != nil {
		s.Fatalf("backup: %v", err)
	}
	return r
}

func target(t *testing.T) directory {
	t.Helper()
	d, err := OpenDirectory(filepath.Join(t.TempDir(), "target"), true)
	if err != nil {
		t.Fatal(err)
	}
	return d.(directory)
}

// tree reads all files below a directory.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(rel)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// wantRestored restores the newest backup, or the one of the ID, and compares.
func wantRestored(t *testing.T, from Target, id string, want map[string]string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "restored")
	if _, err := Restore(t.Context(), from, dir, RestoreOptions{ID: id}); err != nil {
		t.Fatalf("restore: %v", err)
	}
	if got := tree(t, dir); !maps.Equal(got, want) {
		t.Errorf("restored %d files, want %d, and the same ones", len(got), len(want))
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, want none for others", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestIncremental takes backups of a directory that changes: only what is new is copied,
// a file that changed under the same name is noticed, and every backup restores what
// there was at its time.
func TestIncremental(t *testing.T) {
	t.Parallel()
	s, to := newSource(t), target(t)
	first, wantFirst := s.backUp(to, Options{}), s.want()
	if first.Copied == 0 || first.Files != int64(len(wantFirst)) {
		t.Errorf("first backup: %+v, want %d files", first, len(wantFirst))
	}
	if again := s.backUp(to, Options{}); again.Copied != 0 {
		t.Errorf("backup of the same: %d bytes copied, want 0", again.Copied)
	}
	s.write("snapshots/1/store/000012.sst", 1234)
	if r := s.backUp(to, Options{}); r.Copied != 1234 {
		t.Errorf("backup with a new file: %d bytes copied, want 1234", r.Copied)
	}
	s.write("snapshots/1/store/000004.sst", 5000) // the same name and size, other bytes
	r, want := s.backUp(to, Options{}), s.want()
	if r.Copied != 5000 {
		t.Errorf("backup with a changed file: %d bytes copied, want 5000", r.Copied)
	}
	wantRestored(t, to, "", want)
	wantRestored(t, to, first.ID, wantFirst)
}

// TestLostAndFound backs up into the root of a file system, where only root may read
// lost+found: it is skipped.
func TestLostAndFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	to, err := OpenDirectory(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(dir, "lost+found", unfinishedPrefix+"1")
	if err := os.Mkdir(filepath.Dir(kept), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{kept, filepath.Join(dir, "lost+found", "#17")} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	newSource(t).backUp(to, Options{})
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("a file in lost+found is gone: %v", err)
	}
}

// TestKeep removes old backups and what only they needed.
func TestKeep(t *testing.T) {
	t.Parallel()
	s, to := newSource(t), target(t)
	for i := range 4 {
		s.write("snapshots/1/store/000004.sst", 6000+i)
		r := s.backUp(to, Options{Keep: 2})
		if want := max(0, min(1, i-1)); r.Removed != want {
			t.Errorf("backup %d: %d removed, want %d", i, r.Removed, want)
		}
	}
	all, err := Describe(t.Context(), to)
	if err != nil || len(all) != 2 {
		t.Fatalf("backups: %+v, %v; want 2", all, err)
	}
	for _, b := range all {
		if _, err := Verify(t.Context(), to, RestoreOptions{ID: b.ID}); err != nil || b.Problem != "" || b.Incomplete {
			t.Errorf("%+v: %v", b, err)
		}
	}
	stored, err := storedFiles(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	distinct := map[string]bool{}
	for _, text := range s.want() {
		distinct[text] = true
	}
	if len(stored) != len(distinct)+1 { // one of the older backup
		t.Errorf("%d files stored, want %d", len(stored), len(distinct)+1)
	}
}

// breaking is a target that fails at its n-th change, and every later one: what is there
// is what a backup leaves that is killed at that point.
type breaking struct {
	Target
	left int
}

var errBroken = errors.New("broken")

func (b *breaking) step() error {
	if b.left--; b.left < 0 {
		return errBroken
	}
	return nil
}

func (b *breaking) Put(ctx context.Context, name string, text []byte) error {
	return b.PutFrom(ctx, name, strings.NewReader(string(text)))
}

func (b *breaking) PutFrom(ctx context.Context, name string, r io.Reader) error {
	if err := b.step(); err != nil {
		return err
	}
	return b.Target.PutFrom(ctx, name, r)
}

func (b *breaking) Delete(ctx context.Context, name string) error {
	if err := b.step(); err != nil {
		return err
	}
	return b.Target.Delete(ctx, name)
}

// TestBrokenBackups breaks a first and a later backup at every change of the target. The
// backup that broke off is shown as incomplete and never restored, the ones before stay
// whole, and the next one uses what was copied and leaves nothing over.
func TestBrokenBackups(t *testing.T) {
	t.Parallel()
	rng := testenv.Rand(t)
	for _, earlier := range []bool{false, true} {
		for n, done := 0, false; !done; n++ {
			s, to := sourceOf(t, rng), target(t)
			want := s.want()
			if earlier {
				s.backUp(to, Options{})
				s.write("snapshots/1/store/000004.sst", 5001)
				s.write("snapshots/1/store/000031.sst", 600)
			}
			b := &breaking{to, n}
			_, err := Run(t.Context(), s.s, b, Options{Keep: 1})
			switch done = b.left >= 0; {
			case err == nil: // if it broke, then while it removed what is not needed
				wantRestored(t, to, "", s.want())
			case errors.Is(err, errBroken):
				checkBroken(t, to, fmt.Sprintf("earlier %t, break %d", earlier, n), earlier, want)
			default:
				t.Fatalf("break %d: %v", n, err)
			}
			r := s.backUp(to, Options{Keep: 1})
			wantRestored(t, to, r.ID, s.want())
			checkNothingLeft(t, to)
		}
	}
}

func checkBroken(t *testing.T, to Target, when string, earlier bool, want map[string]string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "restored")
	switch _, err := Restore(t.Context(), to, dir, RestoreOptions{}); {
	case earlier:
		if err != nil || !maps.Equal(tree(t, dir), want) {
			t.Errorf("%s: restore of the backup before: %v", when, err)
		}
	case err == nil:
		t.Errorf("%s: an incomplete backup was restored", when)
	default:
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a failed restore left a directory: %v", when, err)
		}
	}
}

// checkNothingLeft compares the target with what its manifests need.
func checkNothingLeft(t *testing.T, to directory) {
	t.Helper()
	needed := map[string]bool{identityName: true, lockName: true}
	all, err := List(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		m, err := readManifest(t.Context(), to, b.ID)
		if err != nil {
			t.Fatal(err)
		}
		needed[manifestName(b.ID)] = true
		for _, e := range m.Entries {
			needed[fileName(e.SHA256)] = true
		}
	}
	for name := range tree(t, to.path) {
		if !needed[name] {
			t.Errorf("%s is left over", name)
		}
	}
}
