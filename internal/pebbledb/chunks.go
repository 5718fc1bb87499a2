package pebbledb

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// The files that Pebble appends to, its logs and its MANIFEST, are sequences of records
// in the format of LevelDB: blocks of 32 KiB, and in them chunks that hold a record or a
// part of one.
//
//	CRC (4)  length (2)  type (1)  [log number (4)  [synced offset (8)]]  payload
//
// A log can be an older one that is used again, so its chunks carry the number of the
// log, and what is behind its end may be chunks of the older one. A log that was closed
// ends with a trailer: an empty chunk of the next log number without a CRC. The synced
// offset of a chunk is a part of the same log that was on disk when the chunk was
// written, at least.
//
// Pebble's own reader takes an invalid chunk for the end unless a later block proves the
// contrary. This one finds out more: where the end is, whether a later chunk in any
// block proves that more had been on disk, and how many bytes will not be read.
const (
	blockSize      = 32 << 10
	manifestHeader = 7
	trailerSize    = 11
	logHeader      = 19

	trailerType = 5
	minSyncType = 9
)

// fileKind is the format of chunks.
type fileKind int

const (
	manifestFile fileKind = iota
	logFile
)

// scan is what a file of chunks holds.
type scan struct {
	size    int64
	end     int64 // of the valid chunks, with the padding of a block behind them
	records int64 // end of the last complete record: what is read
	closed  bool  // a log has its trailer, a MANIFEST nothing behind its end
	unread  int64 // bytes behind records that were written to this file
	proof   int64 // offset beyond end that was on disk, by what a later chunk says; or 0
}

type scanner struct {
	scan
	kind   fileKind
	number uint32
	record func([]byte) error // nil if records are not wanted

	partial  []byte
	inRecord bool
	broken   bool  // an invalid chunk was met, at end
	last     int64 // end of what was written to this file
}

// scanFile reads a file of chunks to its end.
func scanFile(r io.Reader, kind fileKind, number uint64, record func([]byte) error) (scan, error) {
	s := &scanner{kind: kind, number: uint32(number), record: record} // the format has the low 32 bits
	buf := make([]byte, blockSize)
	for {
		n, err := io.ReadFull(r, buf)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return s.scan, err
		}
		if n > 0 {
			if err := s.block(buf[:n]); err != nil {
				return s.scan, err
			}
			s.size += int64(n)
		}
		if n < blockSize {
			break
		}
	}
	if !s.broken {
		s.last = s.end
		s.closed = s.closed || kind == manifestFile && !s.inRecord
	}
	if s.unread = max(0, s.last-s.records); s.closed {
		s.unread = 0
	}
	return s.scan, nil
}

// chunkState is what is at a position of a block.
type chunkState int

const (
	validChunk   chunkState = iota
	padding                 // no chunk fits any more
	trailer                 // of a log
	damagedChunk            // of this file, but not as it was written
	foreignChunk            // zeros, or what an older log left
	unknownBytes
)

type chunk struct {
	state   chunkState
	kind    byte // 1 full, 2 first, 3 middle, 4 last
	payload []byte
	size    int
	synced  int64 // -1 if the chunk does not say
}

// block reads the chunks of a block, which begins at s.size.
func (s *scanner) block(b []byte) error {
	for pos := 0; pos < len(b); {
		at := s.size + int64(pos)
		c := s.parse(b[pos:], len(b) < blockSize)
		switch c.state {
		case padding:
			pos = len(b)
			if !s.broken {
				s.end = s.size + int64(pos)
				s.skipPadding()
			}
			continue
		case trailer:
			s.found(at)
			if s.end == at {
				s.closed, s.end, s.records = true, at+trailerSize, at+trailerSize
			}
			return nil
		case validChunk:
			if err := s.valid(c, at); err != nil {
				return err
			}
		case damagedChunk:
			s.found(at)
			s.last = max(s.last, at+int64(c.size))
		case foreignChunk:
			s.found(at)
			return nil
		case unknownBytes:
			s.found(at)
			s.last = max(s.last, at+int64(lastNonZero(b[pos:])))
			return nil
		}
		pos += c.size
	}
	return nil
}

// found notes that the chunks end, at the first place where they do.
func (s *scanner) found(at int64) {
	if !s.broken {
		s.broken, s.end, s.last = true, at, at
	}
}

// skipPadding counts padding behind a complete record as read.
func (s *scanner) skipPadding() {
	if !s.inRecord {
		s.records = s.end
	}
}

func (s *scanner) valid(c chunk, at int64) error {
	end := at + int64(c.size)
	if s.broken {
		s.last = max(s.last, end)
		switch {
		case s.kind == manifestFile && (c.kind == 1 || c.kind == 2):
			s.proof = max(s.proof, at) // a record is on disk before the next one is written
		case c.synced > s.end:
			s.proof = max(s.proof, c.synced)
		}
		return nil
	}
	s.end = end
	if c.kind == 1 || c.kind == 2 {
		s.partial, s.inRecord = s.partial[:0], true
	}
	if !s.inRecord {
		return nil
	}
	if s.record != nil {
		s.partial = append(s.partial, c.payload...)
	}
	if c.kind == 1 || c.kind == 4 {
		s.inRecord, s.records = false, end
		if s.record != nil {
			return s.record(s.partial)
		}
	}
	return nil
}

// parse looks at what is at the start of b, the rest of a block.
func (s *scanner) parse(b []byte, short bool) chunk {
	if len(b) < manifestHeader {
		return s.remainder(b, short)
	}
	length, kind := int(binary.LittleEndian.Uint16(b[4:])), b[6]
	if s.kind == logFile && !short && len(b) < logHeader && lastNonZero(b) == 0 {
		return chunk{state: padding}
	}
	if binary.LittleEndian.Uint32(b) == 0 && length == 0 && kind == 0 {
		if lastNonZero(b) == 0 {
			return chunk{state: foreignChunk} // zeros
		}
		return chunk{state: unknownBytes}
	}
	c := chunk{state: unknownBytes, synced: -1}
	header := manifestHeader
	switch {
	case s.kind == manifestFile && (kind < 1 || kind > 4):
		return c
	case s.kind == logFile && isTrailer(b, s.number):
		return chunk{state: trailer}
	case s.kind == logFile:
		if header, c.state = s.logChunk(b, kind); c.state != validChunk {
			return c
		}
		if header == logHeader {
			c.synced = int64(binary.LittleEndian.Uint64(b[11:])) // checked by the CRC
		}
	}
	if c.size = header + length; c.size > len(b) {
		return chunk{state: damagedChunk, size: len(b)}
	}
	c.kind, c.payload = (kind-1)%4+1, b[header:c.size]
	if checksum(b[6:c.size]) != binary.LittleEndian.Uint32(b) {
		return chunk{state: damagedChunk, size: c.size}
	}
	c.state = validChunk
	return c
}

func (s *scanner) remainder(b []byte, short bool) chunk {
	switch {
	case !short:
		return chunk{state: padding}
	case lastNonZero(b) == 0:
		return chunk{state: foreignChunk}
	}
	return chunk{state: unknownBytes}
}

// logChunk returns the size of the header of a chunk of this log.
func (s *scanner) logChunk(b []byte, kind byte) (header int, state chunkState) {
	header = trailerSize
	if kind >= minSyncType {
		header = logHeader
	}
	if kind < trailerType || kind > minSyncType+3 || len(b) < header {
		return 0, unknownBytes
	}
	switch number := binary.LittleEndian.Uint32(b[7:]); {
	case number == s.number:
		return header, validChunk
	case number < s.number:
		return 0, foreignChunk
	}
	return 0, unknownBytes
}

func isTrailer(b []byte, number uint32) bool {
	return len(b) >= trailerSize && binary.LittleEndian.Uint32(b) == 0 && binary.LittleEndian.Uint16(b[4:]) == 0 &&
		b[6] == trailerType && binary.LittleEndian.Uint32(b[7:]) == number+1
}

// lastNonZero returns the length of b without the zeros at its end.
func lastNonZero(b []byte) int {
	for i := len(b); i > 0; i-- {
		if b[i-1] != 0 {
			return i
		}
	}
	return 0
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is the masked CRC of LevelDB.
func checksum(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}
