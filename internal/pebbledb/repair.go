package pebbledb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// copyDamaged copies a database that is about to lose something to a directory aside,
// DIR.damaged or, if there is one already, DIR.damaged-2 and so on. Tables are linked:
// they never change.
func copyDamaged(fs vfs.FS, dir string) (string, error) {
	aside := dir + ".damaged"
	for i := 2; ; i++ {
		_, err := fs.Stat(aside)
		if errors.Is(err, os.ErrNotExist) {
			break
		}
		if err != nil {
			return "", err
		}
		aside = fmt.Sprintf("%s.damaged-%d", dir, i)
	}
	if err := makeSynced(fs, aside); err != nil {
		return "", err
	}
	names, err := fs.List(dir)
	if err != nil {
		return "", err
	}
	for _, name := range names {
		if err := keepFile(fs, fs.PathJoin(dir, name), fs.PathJoin(aside, name)); err != nil {
			return "", fmt.Errorf("keep a copy of %s: %w", name, err)
		}
	}
	return aside, syncDir(fs, aside)
}

func keepFile(fs vfs.FS, from, to string) error {
	info, err := fs.Stat(from)
	switch {
	case err != nil:
		return err
	case info.IsDir(), fs.PathBase(from) == "LOCK": // closing any handle of LOCK would release it
		return nil
	case strings.HasSuffix(from, ".sst"):
		return vfs.LinkOrCopy(fs, from, to)
	}
	return vfs.Copy(fs, from, to)
}

// cutLogs makes the logs replayable: the first one that is damaged is cut behind its
// last complete record, and those that follow it are removed, so that what remains is a
// state that the database had.
func (v *verification) cutLogs(fs vfs.FS, dir string) error {
	cut := false
	for _, l := range v.logs {
		path := fs.PathJoin(dir, l.name)
		switch {
		case cut:
			if err := fs.Remove(path); err != nil {
				return err
			}
		case l.damaged:
			cut = true
			if err := cutLog(fs, path, l); err != nil {
				return fmt.Errorf("cut %s: %w", l.name, err)
			}
		}
	}
	return syncDir(fs, dir)
}

// cutLog replaces a log by its complete records and a trailer.
func cutLog(fs vfs.FS, path string, l logState) error {
	from, err := fs.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	aside := path + ".cut"
	to, err := fs.Create(aside, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = io.CopyN(to, from, l.records)
	if err == nil {
		_, err = to.Write(closing(l.number, l.records))
	}
	if err := errors.Join(err, to.Sync(), to.Close()); err != nil {
		return err
	}
	return fs.Rename(aside, path)
}

// closing returns the trailer of a log that ends at an offset, with the padding that the
// end of a block may need.
func closing(number uint64, end int64) []byte {
	var b []byte
	if rest := blockSize - end%blockSize; rest < logHeader {
		b = make([]byte, rest)
	}
	b = append(b, 0, 0, 0, 0, 0, 0, trailerType)
	return binary.LittleEndian.AppendUint32(b, uint32(number)+1) // the format has the low 32 bits
}
