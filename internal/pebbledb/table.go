package pebbledb

import (
	"context"
	"errors"
	"regexp"
	"strconv"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
)

// table reads a sorted file and compares the checksums of all its blocks. It returns the
// size of the file, and the offset of the damage or -1.
func (i *inspection) table(name string) (size uint64, offset int64, err error) {
	f, err := i.fs.Open(i.fs.PathJoin(i.dir, name))
	if err != nil {
		return 0, -1, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, -1, errors.Join(err, f.Close())
	}
	err = i.blocks(f)
	return uint64(info.Size()), blockOffset(err), err // a size
}

func (i *inspection) blocks(f sstable.ReadableFile) (err error) {
	defer recoverTo(&err)
	readable, err := sstable.NewSimpleReadable(f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	o := sstable.ReaderOptions{Comparer: pebble.DefaultComparer, Merger: i.opts.Merger}
	r, err := sstable.NewReader(context.Background(), readable, o)
	if err != nil {
		return errors.Join(err, readable.Close())
	}
	return errors.Join(r.ValidateBlockChecksums(), r.Close())
}

var blockInError = regexp.MustCompile(`block (\d+)/\d+: `)

// blockOffset finds the offset of a block in an error of Pebble.
func blockOffset(err error) int64 {
	if err == nil {
		return -1
	}
	m := blockInError.FindStringSubmatch(err.Error())
	if m == nil {
		return -1
	}
	offset, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return -1
	}
	return offset
}
