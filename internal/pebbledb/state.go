package pebbledb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// state is what is written beside the directory of a database, into DIR.state, a second
// after a change and when the database is closed: a line of JSON and a line with its
// CRC-32C. A database that does not have what its state says has lost something that
// had been on disk.
type state struct {
	Version  int         `json:"version"`
	Manifest fileState   `json:"manifest"`
	Logs     []fileState `json:"logs"`
}

// fileState is a file that Pebble appends to, and how much of it is on disk.
type fileState struct {
	Number uint64 `json:"number"`
	Size   int64  `json:"size"`
}

const (
	stateVersion  = 1
	stateInterval = time.Second
)

func stateFile(dir string) string { return dir + ".state" }

var errDamagedState = errors.New("the state record is damaged")

// readState reads the state record of a database; nil if there is none, as in a copy.
func readState(fs vfs.FS, dir string) (*state, error) {
	f, err := fs.Open(stateFile(dir))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	line, sum, _ := bytes.Cut(text, []byte("\n"))
	s := new(state)
	if string(sum) != stateSum(line) || json.Unmarshal(line, s) != nil || s.Version != stateVersion {
		return nil, errDamagedState
	}
	return s, nil
}

func stateSum(line []byte) string { return fmt.Sprintf("%08x\n", crc32.Checksum(line, castagnoli)) }

// writeState replaces the state record. A power cut leaves the old one or the new one,
// and both are true.
func writeState(fs vfs.FS, dir string, s state) error {
	line, err := json.Marshal(s)
	if err != nil {
		return err
	}
	aside := stateFile(dir) + ".new"
	f, err := fs.Create(aside, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(append(append(bytes.Clone(line), '\n'), stateSum(line)...))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return fs.Rename(aside, stateFile(dir))
}

// removeState removes the state record before the database becomes less than it says.
func removeState(fs vfs.FS, dir string) error {
	if err := fs.Remove(stateFile(dir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return syncDir(fs, fs.PathDir(dir))
}

// updateState writes the state record when there is something new, at most once in
// stateInterval, until done is closed.
func (d *DB) updateState(done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-d.fs.changed:
		}
		timer := time.NewTimer(stateInterval)
		select {
		case <-done:
			timer.Stop()
			return
		case <-timer.C:
		}
		d.saveState()
	}
}

func (d *DB) saveState() {
	// The file system without orderedFS: a failed write is no reason to exit, since the
	// record that it would replace stays true.
	if err := writeState(d.fs.FS, d.dir, d.fs.state()); err != nil {
		d.fs.log.Errorf("write %s: %v", stateFile(d.dir), err)
	}
}
