package diskobject

import (
	"encoding/binary"
	"hash/crc32"
)

// joiner computes the checksum of a whole from those of its parts, without the bytes.
// A CRC is linear: the CRC of A followed by B is that of A, moved past len(B) zero
// bytes, plus that of B. The move is a matrix over GF(2), as in zlib's crc32_combine.
type joiner struct {
	bits int
	poly uint64 // reflected
	crc  uint64
	size int64 // for which move moves
	move matrix
}

type matrix [64]uint64

// newJoiner returns nil for an algorithm that is no CRC.
func newJoiner(a Algorithm) *joiner {
	switch a {
	case CRC32:
		return &joiner{bits: 32, poly: crc32.IEEE}
	case CRC32C:
		return &joiner{bits: 32, poly: crc32.Castagnoli}
	case CRC64NVME:
		return &joiner{bits: 64, poly: 0x9a6c9329ac4bc9b5}
	}
	return nil
}

// add appends a part with the checksum sum, big endian.
func (j *joiner) add(sum []byte, size int64) {
	if size != j.size { // parts are of one size, but for the last
		j.size, j.move = size, j.zeros(size)
	}
	part := uint64(0)
	for _, b := range sum {
		part = part<<8 | uint64(b)
	}
	if size > 0 {
		j.crc = j.move.times(j.crc)
	}
	j.crc ^= part
}

func (j *joiner) sum() []byte {
	b := binary.BigEndian.AppendUint64(nil, j.crc)
	return b[8-j.bits/8:]
}

// zeros returns the matrix that moves a CRC past size zero bytes.
func (j *joiner) zeros(size int64) matrix {
	var bit, all matrix
	bit[0] = j.poly
	for i := 1; i < j.bits; i++ {
		bit[i] = 1 << (i - 1)
	}
	for i := range j.bits {
		all[i] = 1 << i
	}
	for range 3 { // one bit, squared three times, is one byte
		bit = bit.after(&bit, j.bits)
	}
	for ; size > 0; size >>= 1 {
		if size&1 == 1 {
			all = bit.after(&all, j.bits)
		}
		bit = bit.after(&bit, j.bits)
	}
	return all
}

func (m *matrix) times(v uint64) (sum uint64) {
	for i := 0; v != 0; i, v = i+1, v>>1 {
		if v&1 == 1 {
			sum ^= m[i]
		}
	}
	return sum
}

// after returns the matrix that does first, and then m.
func (m *matrix) after(first *matrix, bits int) (product matrix) {
	for i := range bits {
		product[i] = m.times(first[i])
	}
	return product
}
