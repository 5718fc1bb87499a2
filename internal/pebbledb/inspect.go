package pebbledb

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Finding is damage in a file of a database.
type Finding struct {
	File    string // relative to the directory of the database
	Offset  int64  // of the damage in File; -1 if it is not known
	Problem string
	// Torn says that it may as well be the end that a power cut or a kill leaves: the
	// start reads up to it, and says so.
	Torn bool
}

func (f Finding) String() string {
	if f.Offset < 0 {
		return f.File + ": " + f.Problem
	}
	return fmt.Sprintf("%s at byte %d: %s", f.File, f.Offset, f.Problem)
}

// inspection collects the findings of Inspect.
type inspection struct {
	fs   vfs.FS
	dir  string
	all  []Finding
	opts pebble.Options // for tables
}

func (i *inspection) found(file string, offset int64, format string, args ...any) {
	i.all = append(i.all, Finding{File: file, Offset: offset, Problem: fmt.Sprintf(format, args...)})
}

// Inspect reads every file of a database that no process has open, or of a snapshot, and
// returns what is damaged, in the order in which the files depend on each other. It
// writes nothing, and does not open LOCK: the caller may hold it. An error means that
// the directory cannot be read at all. Tables are read with the merger, nil is Pebble's,
// if the database does not say which one it has.
func Inspect(fs vfs.FS, dir string, merger *pebble.Merger) ([]Finding, error) {
	names, err := fs.List(dir)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	if merger == nil {
		merger = pebble.DefaultMerger
	}
	i := &inspection{fs: fs, dir: dir, opts: pebble.Options{Merger: merger}}
	slices.Sort(names)
	i.markers(names)
	i.options(names)
	v := i.logs()
	if v != nil && v.manifest != nil {
		i.tables(v.manifest, names)
	}
	if i.optionsFile(names) == "" { // which Pebble does without, so it explains nothing
		i.found("OPTIONS", -1, "the file is missing")
	}
	return i.all, nil
}

// markers checks the files whose names say what is current.
func (i *inspection) markers(names []string) {
	known := map[string]bool{}
	for _, name := range names {
		rest, ok := strings.CutPrefix(name, "marker.")
		if !ok {
			continue
		}
		kind, _, _ := strings.Cut(rest, ".")
		known[kind] = true
		if info, err := i.fs.Stat(i.fs.PathJoin(i.dir, name)); err != nil || info.Size() != 0 {
			i.found(name, 0, "the file should be empty")
		}
	}
	for _, kind := range []string{"manifest", "format-version"} {
		if !known[kind] {
			i.found("marker."+kind, -1, "the file is missing")
		}
	}
	if _, err := pebble.Peek(i.dir, i.fs); err != nil && known["manifest"] {
		i.found("marker", -1, "%v", err)
	}
}

// optionsFile returns the newest OPTIONS file, the only one that Pebble reads.
func (*inspection) optionsFile(names []string) (name string) {
	for _, n := range names {
		if strings.HasPrefix(n, "OPTIONS-") {
			name = n // the names are sorted, and have six digits or more
		}
	}
	return name
}

func (i *inspection) options(names []string) {
	name := i.optionsFile(names)
	if name == "" {
		return
	}
	text, err := i.read(name)
	if err != nil {
		i.found(name, -1, "%v", err)
		return
	}
	hooks := &pebble.ParseHooks{
		NewMerger: func(name string) (*pebble.Merger, error) {
			m := *pebble.DefaultMerger
			m.Name = name
			return &m, nil
		},
		NewComparer: func(name string) (*pebble.Comparer, error) {
			return nil, fmt.Errorf("unknown comparer %q", name)
		},
	}
	merger := i.opts.Merger
	if err := i.parseOptions(text, hooks); err != nil {
		i.opts = pebble.Options{Merger: merger}
		i.found(name, -1, "%v", err)
	}
}

// parseOptions keeps what tables were written with in i.opts.
func (i *inspection) parseOptions(text []byte, hooks *pebble.ParseHooks) (err error) {
	defer recoverTo(&err)
	return i.opts.Parse(string(text), hooks)
}

func (i *inspection) read(name string) ([]byte, error) {
	f, err := i.fs.Open(i.fs.PathJoin(i.dir, name))
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}

// logs checks the state record, the MANIFEST and the logs; nil if there is no MANIFEST.
func (i *inspection) logs() *verification {
	s, err := readState(i.fs, i.dir)
	if err != nil {
		i.found("../"+i.fs.PathBase(stateFile(i.dir)), -1, "%v", err)
	}
	v, err := verify(i.fs, i.dir, s)
	if err != nil {
		i.found("MANIFEST", -1, "%v", err)
		return nil
	}
	for _, l := range v.losses {
		i.found(l.file, l.offset, "%s", l.problem)
	}
	if len(v.losses) == 0 {
		i.torn(v)
	}
	return v
}

// torn reports ends that are not complete.
func (i *inspection) torn(v *verification) {
	add := func(file string, s scan) {
		if s.unread > 0 {
			i.all = append(i.all, Finding{
				File: file, Offset: s.records, Torn: true,
				Problem: fmt.Sprintf("%d bytes at the end are not complete and will not be read", s.unread),
			})
		}
	}
	for _, l := range v.logs {
		add(l.name, l.scan)
	}
	if v.manifest != nil {
		add(v.manifest.name, v.manifest.scan)
	}
}

// tables checks the sorted files that the MANIFEST names: that they are there, and each
// of their blocks.
func (i *inspection) tables(m *manifest, names []string) {
	var files []uint64
	sizes := map[uint64]uint64{}
	for _, t := range m.tables {
		if t.size == 0 {
			t.size = m.sizes[t.file]
		}
		sizes[t.file] = t.size
	}
	for file := range sizes {
		files = append(files, file)
	}
	slices.Sort(files)
	for _, file := range files {
		name := fmt.Sprintf("%06d.sst", file)
		if !slices.Contains(names, name) {
			i.found(name, -1, "the file is missing")
			continue
		}
		size, offset, err := i.table(name)
		switch {
		case err != nil:
			i.found(name, offset, "%s", strings.TrimPrefix(err.Error(), "pebble: file 000000: ")) // the reader is not told which
		case sizes[file] != 0 && size != sizes[file]:
			i.found(name, -1, "the file has %d bytes, and %s says %d", size, m.name, sizes[file])
		}
	}
}

// recoverTo turns a panic of Pebble, as some kinds of damage cause it, into an error.
func recoverTo(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%v", r)
	}
}

func exists(fs vfs.FS, path string) bool {
	_, err := fs.Stat(path)
	return !errors.Is(err, os.ErrNotExist)
}
