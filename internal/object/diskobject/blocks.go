package diskobject

import (
	"encoding/binary"
	"hash/crc32"
)

// blockSize is how many bytes of a blob share one checksum. A reader reads and verifies
// whole blocks, so it is also what a read of one byte costs.
const blockSize = 1 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// blockSums are the CRC32C checksums of a blob's blocks, 4 bytes each, big endian. The
// last block ends with the blob.
type blockSums []byte

// blocks returns how many blocks a blob of the size has.
func blocks(size int64) int64 { return (size + blockSize - 1) / blockSize }

// fit reports whether there is one checksum for each block of a blob of the size.
func (b blockSums) fit(size int64) bool { return int64(len(b)) == 4*blocks(size) }

// verify reports whether text is the block with the number, from 0.
func (b blockSums) verify(block int64, text []byte) bool {
	return binary.BigEndian.Uint32(b[4*block:]) == crc32.Checksum(text, castagnoli)
}

// blockHash computes the checksums of a stream's blocks.
type blockHash struct {
	sums blockSums // of the blocks that have ended
	crc  uint32    // of the block that has not
	size int       // of that block
}

func (h *blockHash) write(p []byte) {
	for len(p) > 0 {
		n := min(len(p), blockSize-h.size)
		h.crc = crc32.Update(h.crc, castagnoli, p[:n])
		h.size += n
		p = p[n:]
		if h.size == blockSize {
			h.end()
		}
	}
}

func (h *blockHash) end() {
	h.sums = binary.BigEndian.AppendUint32(h.sums, h.crc)
	h.crc, h.size = 0, 0
}

// finish ends the last block and returns the checksums of all.
func (h *blockHash) finish() blockSums {
	if h.size > 0 {
		h.end()
	}
	return h.sums
}
