package diskobject

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

const (
	blobsDir        = "blobs"
	unreferencedDir = "unreferenced"
)

// checkBlobs looks at the file of every blob that a content or a part has.
func (c *indexCheck) checkBlobs() error {
	total, done := int64(0), int64(0)
	if err := c.eachSegment(func(seg segment, _ string) { total += seg.Size }); err != nil {
		return err
	}
	return c.eachSegment(func(seg segment, subject string) {
		c.totals.Blobs++
		c.totals.Bytes += seg.Size
		c.checkBlob(seg, subject, func(n int64) { c.o.Progress(done+n, total) })
		done += seg.Size
		c.o.Progress(done, total)
	})
}

// eachSegment calls fn with every segment that has a blob, and what it is a part of.
func (c *indexCheck) eachSegment(fn func(seg segment, subject string)) error {
	err := c.each('c', "contents", func(key, value []byte) {
		var all content
		if json.Unmarshal(value, &all) != nil {
			return
		}
		for _, seg := range all.Segments {
			if _, ok := parseID(seg.Blob); ok {
				fn(seg, "content "+string(key))
			}
		}
	})
	if err != nil {
		return err
	}
	return c.each('p', "parts of uploads", func(key, value []byte) {
		var p Part
		if json.Unmarshal(value, &p) != nil {
			return
		}
		if _, ok := parseID(p.Blob); ok {
			fn(p.segment(), fmt.Sprintf("part %d of upload %.32s", p.Number, key))
		}
	})
}

// checkBlob compares a file with what the index has about it.
func (c *indexCheck) checkBlob(seg segment, subject string, progress func(n int64)) {
	name := path.Join(blobsDir, seg.Blob)
	sums, known, err := raw(c.db, segmentKey(seg.Blob))
	if err != nil || !known {
		return // which is reported by another step
	}
	if !blockSums(sums).fit(seg.Size) {
		c.found(RowDamaged, name, "the index has %d bytes of checksums for %d bytes", len(sums), seg.Size)
		return
	}
	f, err := openBlob(c.fs, c.fs.PathJoin(c.dir, blobsDir, seg.Blob))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.found(BlobMissing, name, "the file is missing; %s has it", subject)
		return
	case err != nil:
		c.found(BlobMissing, name, "the file cannot be read: %v", err)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		c.found(BlobMissing, name, "the file cannot be read: %v", err)
	case info.Size() != seg.Size:
		c.found(BlobSize, name, "the file has %d bytes, want %d; %s has it", info.Size(), seg.Size, subject)
	case c.o.Deep:
		c.readBlob(f, seg, sums, subject, progress)
	}
}

// readBlob reads a file and verifies its blocks. The first damaged one is reported.
func (c *indexCheck) readBlob(f io.Reader, seg segment, sums blockSums, subject string, progress func(n int64)) {
	if c.block == nil {
		c.block = make([]byte, blockSize)
	}
	name := path.Join(blobsDir, seg.Blob)
	damaged, first := 0, int64(0)
	for at, n := int64(0), int64(0); at < seg.Size && c.stop() == nil; at, n = at+blockSize, n+1 {
		text := c.block[:min(blockSize, seg.Size-at)]
		if _, err := io.ReadFull(f, text); err != nil {
			c.found(BlobDamaged, name, "it cannot be read at byte %d: %v; %s has it", at, err, subject)
			return
		}
		if !sums.verify(n, text) {
			if damaged++; damaged == 1 {
				first = at
			}
		}
		progress(at + int64(len(text)))
	}
	if damaged > 0 {
		c.found(BlobDamaged, name, "%d of %d blocks fail their checksum, the first from byte %d on; %s has it",
			damaged, blocks(seg.Size), first, subject)
	}
}

// checkFiles looks for files that the index does not know.
func (c *indexCheck) checkFiles() error {
	names, err := c.list(blobsDir)
	if err != nil {
		return err
	}
	if !c.o.Live && !c.unreadable {
		for _, name := range names {
			c.checkFile(name)
		}
	}
	if names, err = c.list(unreferencedDir); err != nil {
		return err
	}
	for _, name := range names {
		c.report(Finding{
			Code: BlobUnreferenced, Subject: path.Join(unreferencedDir, name), File: path.Join(unreferencedDir, name),
			Problem: "a start has set this file aside, because the index did not know it",
		})
	}
	return c.stop()
}

func (c *indexCheck) list(dir string) ([]string, error) {
	names, err := c.fs.List(c.fs.PathJoin(c.dir, dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	return names, nil
}

func (c *indexCheck) checkFile(name string) {
	subject := path.Join(blobsDir, name)
	blob := strings.TrimSuffix(name, unfinished)
	known := false
	for _, key := range [][]byte{segmentKey(blob), tombstoneKey(blob)} {
		if _, ok, err := raw(c.db, key); err != nil || ok {
			known = true // or cannot be judged
		}
	}
	switch {
	case known, !isID(blob): // files of other names are not the server's
	case blob != name:
		c.report(Finding{
			Code: BlobUnfinished, Subject: subject, File: subject,
			Problem: "an upload that a crash has interrupted; the next start removes it",
		})
	default:
		c.found(BlobUnknown, subject, "the index does not know it; the next start moves it to %s/", unreferencedDir)
	}
}

// checkTables looks for keys that are of no table.
func (c *indexCheck) checkTables() error {
	unknown := 0
	err := c.scan("", func(key, _ []byte) error {
		if len(key) == 0 || !strings.ContainsRune("boscfghipuv", rune(key[0])) {
			unknown++
		}
		return nil
	})
	if unknown > 0 {
		c.found(RowUnknown, "index", "%d rows are of no known table", unknown)
	}
	if err != nil && !c.unreadable {
		c.found(RowUnreadable, "index", "cannot be read: %v", err)
	}
	return nil
}
