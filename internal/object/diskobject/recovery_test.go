package diskobject

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/pebbledb"
)

// openLogged opens the store in dir and returns what it logs meanwhile.
func openLogged(t *testing.T, dir string, o Options) (*Store, string, error) {
	t.Helper()
	var log bytes.Buffer
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	s, err := Open(dir, o)
	return s, log.String(), err
}

func closeStore(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

func names(t *testing.T, dir ...string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir...))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}

// wantText reads an object.
func wantText(t *testing.T, s *Store, key, want string) {
	t.Helper()
	if got, err := text(t.Context(), s, at(key), ""); err != nil || got != want {
		t.Errorf("%s reads %d bytes %.40q, %v; want %d bytes %.40q", key, len(got), got, err, len(want), want)
	}
}

func TestOpenSortsBlobsByTheIndex(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _, err := openLogged(t, dir, Options{})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	put(t, s, "a", "text of a")
	put(t, s, "b", "text of b")
	put(t, s, "c", "text of c")
	a, _, _ := stored{dir: dir, s: s, key: "a"}.find(t, 0)
	b, _, _ := stored{dir: dir, s: s, key: "b"}.find(t, 0)
	closeStore(t, s)

	unknown, half := newID(), newID()+unfinished
	for _, name := range []string{unknown, half, "README"} {
		if err := os.WriteFile(filepath.Join(dir, "blobs", name), []byte("bytes"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Rename(a, a+unfinished), os.Remove(b)); err != nil {
		t.Fatal(err)
	}

	s, log, err := openLogged(t, dir, Options{})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	wantText(t, s, "a", "text of a")
	wantText(t, s, "c", "text of c")
	for _, want := range []string{
		`level=WARN msg="blobs that the index does not know are set aside" blobs=1 directory=` + filepath.Join(dir, "unreferenced"),
		`level=WARN msg="blobs are missing: their objects are damaged" blobs=1`,
	} {
		if strings.Count(log, want) != 1 {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}
	if got := names(t, dir, "unreferenced"); !slices.Equal(got, []string{unknown}) {
		t.Errorf("set aside: %v, want %v", got, []string{unknown})
	}
	if got := names(t, dir, "blobs"); len(got) != 3 || slices.Contains(got, half) || !slices.Contains(got, "README") {
		t.Errorf("blobs: %v, want those of a and c, and README", got)
	}
	closeStore(t, s)
	s, log, err = openLogged(t, dir, Options{})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	closeStore(t, s)
	if strings.Contains(log, "aside") {
		t.Errorf("the next Open reports again what is set aside:\n%s", log)
	}
}

// TestOpenWithoutItsIndex opens blobs beside an index that is missing or empty, in
// several ways: nothing is changed unless the loss is accepted, and even that can be undone.
func TestOpenWithoutItsIndex(t *testing.T) {
	t.Parallel()
	for name, emptied := range map[string]func(index string) error{
		"missing": os.RemoveAll,
		"no files": func(index string) error {
			return errors.Join(os.RemoveAll(index), os.Mkdir(index, 0o700))
		},
		"new": func(index string) error {
			other := filepath.Join(filepath.Dir(index), "other", "index")
			s, err := Open(filepath.Dir(other), Options{})
			if err != nil {
				return err
			}
			return errors.Join(s.Close(), os.RemoveAll(index), os.Rename(other, index), os.Rename(other+".state", index+".state"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			index, saved := filepath.Join(dir, "index"), filepath.Join(dir, "saved")
			s, _, err := openLogged(t, dir, Options{})
			if err != nil {
				t.Fatalf("Open: %v", err)
			}
			put(t, s, "a", "text of a")
			put(t, s, "b", "text of b")
			closeStore(t, s)
			state, savedState := index+".state", saved+".state"
			if err := errors.Join(os.CopyFS(saved, os.DirFS(index)), copyFile(state, savedState), emptied(index)); err != nil {
				t.Fatal(err)
			}

			blobs := names(t, dir, "blobs")
			for range 2 { // to fail once must not make the next try succeed
				_, _, err = openLogged(t, dir, Options{})
				if !errors.Is(err, pebbledb.ErrLoss) || !strings.Contains(err.Error(), "--accept-loss") {
					t.Fatalf("Open = %v, want an ErrLoss that says what to do", err)
				}
			}
			if got := names(t, dir, "blobs"); !slices.Equal(got, blobs) {
				t.Errorf("a refused Open leaves the blobs %v, want %v", got, blobs)
			}

			s, _, err = openLogged(t, dir, Options{AcceptLoss: true})
			if err != nil {
				t.Fatalf("Open with AcceptLoss: %v", err)
			}
			if got := names(t, dir, "unreferenced"); !slices.Equal(got, blobs) {
				t.Errorf("set aside: %v, want %v", got, blobs)
			}
			closeStore(t, s)

			if err := errors.Join(os.RemoveAll(index), os.Rename(saved, index), copyFile(savedState, state)); err != nil {
				t.Fatal(err)
			}
			s, _, err = openLogged(t, dir, Options{})
			if err != nil {
				t.Fatalf("Open with the index restored: %v", err)
			}
			wantText(t, s, "a", "text of a")
			wantText(t, s, "b", "text of b")
			closeStore(t, s)
		})
	}
}

func TestOpenRefusesAnotherFormat(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _, err := openLogged(t, dir, Options{})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	put(t, s, "a", "text")
	if err := s.db.Delete(formatKey, nil); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	if _, _, err := openLogged(t, dir, Options{}); err == nil || !strings.Contains(err.Error(), "format") {
		t.Errorf("Open of an index without a format = %v, want an error that says so", err)
	}
	if got := names(t, dir, "blobs"); len(got) != 1 {
		t.Errorf("blobs: %v, want one", got)
	}
}
