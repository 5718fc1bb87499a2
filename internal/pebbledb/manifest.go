package pebbledb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// manifest is what the current MANIFEST of a database says.
type manifest struct {
	name   string
	number uint64
	scan
	minLog uint64            // logs below this are in tables
	tables map[tableAt]table // that the database consists of
	sizes  map[uint64]uint64 // of files that tables are parts of, by number
}

type tableAt struct{ level, number uint64 }

// table is a sorted file, or a part of one.
type table struct {
	file uint64 // number of the file
	size uint64 // 0 if it is in sizes
}

// currentManifest returns the name of the MANIFEST that the newest marker names.
func currentManifest(fs vfs.FS, dir string) (name string, number uint64, err error) {
	names, err := fs.List(dir)
	if err != nil {
		return "", 0, err
	}
	var newest uint64
	for _, n := range names {
		rest, ok := strings.CutPrefix(n, manifestMarker)
		if !ok {
			continue
		}
		iteration, value, _ := strings.Cut(rest, ".")
		i, err := strconv.ParseUint(iteration, 10, 64)
		if err != nil {
			return "", 0, fmt.Errorf("marker %s has an invalid name", n)
		}
		if name == "" || i > newest {
			name, newest = value, i
		}
	}
	number, ok := manifestNumber(name)
	if !ok {
		return "", 0, fmt.Errorf("no marker names a MANIFEST (%q)", name)
	}
	return name, number, nil
}

func manifestNumber(name string) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, "MANIFEST-")
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, ok && err == nil
}

func logNumber(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, ".log")
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, ok && err == nil
}

// readManifest reads the current MANIFEST.
func readManifest(fs vfs.FS, dir string) (*manifest, error) {
	name, number, err := currentManifest(fs, dir)
	if err != nil {
		return nil, err
	}
	m := &manifest{name: name, number: number, tables: map[tableAt]table{}, sizes: map[uint64]uint64{}}
	f, err := fs.Open(fs.PathJoin(dir, name))
	if err != nil {
		return m, err
	}
	defer f.Close()
	if m.scan, err = scanFile(f, manifestFile, 0, m.edit); err != nil {
		return m, fmt.Errorf("read %s: %w", name, err)
	}
	return m, nil
}

// Tags of a version edit, see internal/manifest/version_edit.go of Pebble.
const (
	tagComparator     = 1
	tagLogNumber      = 2
	tagNextFileNumber = 3
	tagLastSequence   = 4
	tagCompactPointer = 5
	tagDeletedFile    = 6
	tagNewFile2       = 100
	tagNewFile4       = 103
	tagNewFile5       = 104
	tagCreatedBacking = 105
	tagRemovedBacking = 106
	tagNewBlobFile    = 107
	tagDeletedBlob    = 108

	customTerminate      = 1
	customVirtual        = 66
	customPrefix         = 67
	customSuffix         = 68
	customBlobReferences = 69
	customUnsafe         = 1 << 6
)

var errUnknownEdit = errors.New("an edit has an unknown format")

// edit applies a version edit.
func (m *manifest) edit(b []byte) error {
	r := &editReader{bytes.NewReader(b), nil}
	added := map[tableAt]table{}
	for r.Len() > 0 && r.err == nil {
		switch tag := r.uvarint(); tag {
		case tagComparator:
			r.bytes()
		case tagLogNumber:
			m.minLog = r.uvarint()
		case tagNextFileNumber, tagLastSequence:
			r.uvarint()
		case tagCompactPointer:
			r.uvarint()
			r.bytes()
		case tagDeletedFile:
			delete(m.tables, tableAt{r.uvarint(), r.uvarint()})
		case tagNewFile2, tagNewFile4, tagNewFile5:
			at, t := r.newFile(tag)
			added[at] = t
		case tagCreatedBacking:
			m.sizes[r.uvarint()] = r.uvarint()
		case tagRemovedBacking:
			delete(m.sizes, r.uvarint())
		case tagNewBlobFile:
			for range 5 {
				r.uvarint()
			}
		case tagDeletedBlob:
			r.uvarint()
			r.uvarint()
		default:
			return errUnknownEdit
		}
	}
	for at, t := range added {
		m.tables[at] = t
	}
	return r.err
}

type editReader struct {
	*bytes.Reader
	err error
}

func (r *editReader) uvarint() uint64 {
	n, err := binary.ReadUvarint(r)
	if err != nil && r.err == nil {
		r.err = errUnknownEdit
	}
	return n
}

func (r *editReader) bytes() {
	n := r.uvarint()
	if n > uint64(r.Len()) { // a length
		r.err = errUnknownEdit
		return
	}
	_, _ = r.Seek(int64(n), io.SeekCurrent) // at most Len
}

func (r *editReader) newFile(tag uint64) (tableAt, table) {
	at := tableAt{r.uvarint(), r.uvarint()}
	t := table{file: at.number, size: r.uvarint()}
	keys := 2
	if tag == tagNewFile5 { // with range keys, and perhaps with others
		bounds, err := r.ReadByte()
		if err != nil {
			r.err = errUnknownEdit
		}
		if bounds&1 != 0 {
			keys = 4
		}
	}
	for range keys {
		r.bytes()
	}
	r.uvarint() // smallest and largest sequence number
	r.uvarint()
	if tag == tagNewFile2 {
		return at, t
	}
	for r.err == nil {
		switch custom := r.uvarint(); {
		case custom == customTerminate:
			return at, t
		case custom == customVirtual:
			t = table{file: r.uvarint()}
		case custom == customBlobReferences:
			r.uvarint()
			for n := r.uvarint(); n > 0 && r.err == nil; n-- {
				r.uvarint()
				r.uvarint()
			}
		case custom == customPrefix, custom == customSuffix, custom&customUnsafe == 0:
			r.bytes()
		default:
			r.err = errUnknownEdit
		}
	}
	return at, t
}
