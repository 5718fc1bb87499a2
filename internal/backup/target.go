package backup

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Target is where backups are kept. Names have slashes. An error about a name that does
// not exist is fs.ErrNotExist.
type Target interface {
	// Put stores text under name, whole or not at all, and durably.
	Put(ctx context.Context, name string, text []byte) error
	// PutFrom is Put of what r gives until its end. Nothing is stored if r fails.
	PutFrom(ctx context.Context, name string, r io.Reader) error
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// List returns the names that start with prefix, which is empty or ends with a
	// slash, and their sizes.
	List(ctx context.Context, prefix string) (map[string]int64, error)
	Delete(ctx context.Context, name string) error
	// Lock keeps other backups out until unlock is called, where that is possible.
	Lock() (unlock func(), err error)
	String() string
}

// readAll reads a small file.
func readAll(ctx context.Context, t Target, name string, most int64) ([]byte, error) {
	f, err := t.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", name, t, err)
	}
	return text, nil
}

// storedFiles returns the sizes of the files that the target has, by SHA-256.
func storedFiles(ctx context.Context, t Target) (map[string]int64, error) {
	names, err := t.List(ctx, filesPrefix)
	if err != nil {
		return nil, err
	}
	stored := make(map[string]int64, len(names))
	for name, size := range names {
		stored[name[strings.LastIndexByte(name, '/')+1:]] = size
	}
	return stored, nil
}

// Backup is a backup of a target, as List finds it.
type Backup struct {
	ID         string    `json:"id"`
	Taken      time.Time `json:"taken,omitzero"`
	Data       string    `json:"data,omitempty"`
	Version    string    `json:"version,omitempty"`
	Files      int       `json:"files"`
	Bytes      int64     `json:"bytes"`
	Objects    Objects   `json:"objects"`
	Incomplete bool      `json:"incomplete,omitempty"` // it runs, or broke off
	Problem    string    `json:"problem,omitempty"`    // what is wrong with its manifest
}

// List returns the backups of a target, oldest first, without reading their manifests:
// only ID and Incomplete are set.
func List(ctx context.Context, t Target) ([]Backup, error) {
	names, err := t.List(ctx, backupsPrefix)
	if err != nil {
		return nil, err
	}
	complete := map[string]bool{}
	for name := range names {
		id := strings.TrimPrefix(name, backupsPrefix)
		if whole, ok := strings.CutSuffix(id, manifestSuffix); ok {
			complete[whole] = true
		} else if half, ok := strings.CutSuffix(id, incompleteSuffix); ok && !complete[half] {
			complete[half] = false
		}
	}
	all := make([]Backup, 0, len(complete))
	for id, whole := range complete {
		all = append(all, Backup{ID: id, Incomplete: !whole})
	}
	slices.SortFunc(all, func(a, b Backup) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

// Describe is List with what the manifests say.
func Describe(ctx context.Context, t Target) ([]Backup, error) {
	if err := checkTarget(ctx, t); err != nil {
		return nil, err
	}
	all, err := List(ctx, t)
	for i := range all {
		b := &all[i]
		if b.Incomplete {
			continue
		}
		m, err := readManifest(ctx, t, b.ID)
		if err != nil {
			b.Problem = err.Error()
			continue
		}
		b.Taken, b.Data, b.Version, b.Files, b.Bytes = m.Taken, m.Data, m.Version, len(m.Entries), m.Bytes()
		b.Objects = m.Objects
	}
	return all, err
}

// tidy removes all but the newest complete backups, the traces of those that broke off,
// and the files that no backup needs. keep 0 keeps all complete ones.
func tidy(ctx context.Context, t Target, keep int) (removed int, err error) {
	all, err := List(ctx, t)
	if err != nil {
		return 0, err
	}
	var complete []string
	for _, b := range all {
		if !b.Incomplete {
			complete = append(complete, b.ID)
		}
	}
	for keep > 0 && len(complete) > keep {
		if err := t.Delete(ctx, manifestName(complete[0])); err != nil {
			return removed, err
		}
		complete = complete[1:]
		removed++
	}
	if err := removeMarks(ctx, t); err != nil {
		return removed, err
	}
	needed := map[string]bool{}
	for _, id := range complete {
		m, err := readManifest(ctx, t, id)
		if err != nil {
			return removed, err // nobody knows which files it needs
		}
		for _, e := range m.Entries {
			needed[e.SHA256] = true
		}
	}
	stored, err := t.List(ctx, filesPrefix)
	if err != nil {
		return removed, err
	}
	for name := range stored {
		if !needed[name[strings.LastIndexByte(name, '/')+1:]] {
			if err := t.Delete(ctx, name); err != nil {
				return removed, err
			}
		}
	}
	return removed, nil
}

// removeMarks removes the marks of backups that are complete or broke off.
func removeMarks(ctx context.Context, t Target) error {
	names, err := t.List(ctx, backupsPrefix)
	if err != nil {
		return err
	}
	for name := range names {
		if strings.HasSuffix(name, incompleteSuffix) {
			if err := t.Delete(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}
