package pebbledb

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrLoss means that a database does not have everything that had been on disk. Nothing
// was changed.
var ErrLoss = errors.New("acknowledged data would be lost")

// verification is what the files say before Pebble may delete any of them.
type verification struct {
	manifest *manifest
	logs     []logState // that will be replayed, in their order
	losses   []loss
}

// loss is what is missing.
type loss struct {
	file    string
	offset  int64  // -1 if it has none
	problem string // of the file, as a sentence without its name
}

func (l loss) String() string {
	return Finding{File: l.file, Offset: l.offset, Problem: l.problem}.String()
}

type logState struct {
	name   string
	number uint64
	scan
	damaged bool
}

// verify compares a database with its state record, which is nil if there is none, and
// with what its own files prove.
func verify(fs vfs.FS, dir string, s *state) (*verification, error) {
	m, err := readManifest(fs, dir)
	v := &verification{manifest: m}
	switch {
	case errors.Is(err, errUnknownEdit):
		return v, nil // Pebble will say what it is
	case m != nil && errors.Is(err, os.ErrNotExist):
		v.addLoss(m.name, -1, "the marker names this file, and it is missing")
		return v, nil
	case err != nil:
		return nil, err
	}
	v.checkManifest(s)
	if err := v.readLogs(fs, dir); err != nil {
		return nil, err
	}
	v.checkLogs(s)
	return v, nil
}

func (v *verification) addLoss(file string, offset int64, format string, args ...any) {
	v.losses = append(v.losses, loss{file, offset, fmt.Sprintf(format, args...)})
}

func (v *verification) checkManifest(s *state) {
	m := v.manifest
	switch {
	case m.proof > 0:
		v.addLoss(m.name, m.records, "it is damaged, and the %d bytes from there on would not be read: "+
			"files would be taken for obsolete and deleted", m.size-m.records)
	case s == nil:
	case m.number < s.Manifest.Number:
		v.addLoss(m.name, -1, "the directory is older than its last run, which had written MANIFEST-%06d", s.Manifest.Number)
	case m.number == s.Manifest.Number && m.end < s.Manifest.Size:
		v.addLoss(m.name, m.records, "it ends or is damaged, and %d bytes had been written: "+
			"files would be taken for obsolete and deleted", s.Manifest.Size)
	}
}

// readLogs scans the logs that Pebble will replay.
func (v *verification) readLogs(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		number, ok := logNumber(name)
		if !ok || number < v.manifest.minLog {
			continue
		}
		l := logState{name: name, number: number}
		f, err := fs.Open(fs.PathJoin(dir, name))
		if err != nil {
			return err
		}
		l.scan, err = scanFile(f, logFile, number, nil)
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		v.logs = append(v.logs, l)
	}
	slices.SortFunc(v.logs, func(a, b logState) int { return cmp.Compare(a.number, b.number) })
	return nil
}

func (v *verification) checkLogs(s *state) {
	var want []fileState
	if s != nil {
		want = s.Logs
	}
	for i := range v.logs {
		l := &v.logs[i]
		written := l.proof
		for _, w := range want {
			if w.Number == l.number && l.end < w.Size-trailerSize { // a trailer is no data
				written = max(written, w.Size)
			}
		}
		switch last := i == len(v.logs)-1; {
		case written > 0:
			v.addLoss(l.name, l.records, "the log ends or is damaged, and %d bytes had been written", written)
		case !last && !l.closed:
			v.addLoss(l.name, l.records, "the log is damaged, and %s follows it", v.logs[i+1].name)
		default:
			continue
		}
		l.damaged = true
	}
	for _, w := range want {
		missing := !slices.ContainsFunc(v.logs, func(l logState) bool { return l.number == w.Number })
		if missing && w.Number >= v.manifest.minLog && w.Size > trailerSize {
			v.addLoss(fmt.Sprintf("%06d.log", w.Number), -1, "the log of %d bytes is missing: "+
				"it was removed, or the directory is older than its last run", w.Size)
		}
	}
}

// warn logs what will not be replayed, which is normal after a power cut, but never
// silent.
func (v *verification) warn(log *slog.Logger, name string) {
	for _, l := range v.logs {
		if l.unread > 0 {
			log.Warn("end of a log is not complete and will not be replayed", slog.String("database", name),
				slog.String("log", l.name), slog.Int64("offset", l.records), slog.Int64("bytes", l.unread))
		}
	}
	if m := v.manifest; m.unread > 0 {
		log.Warn("end of the manifest is not complete and will not be read", slog.String("database", name),
			slog.String("file", m.name), slog.Int64("offset", m.records), slog.Int64("bytes", m.unread))
	}
}

// lossError is the sentence of a refused start.
// The caller adds the directory.
func lossError(lost []loss) error {
	problems := make([]string, len(lost))
	for i, l := range lost {
		problems[i] = l.String()
	}
	return fmt.Errorf("%w: %s; restore a backup, or start with --accept-loss to go on without it",
		ErrLoss, strings.Join(problems, "; "))
}
